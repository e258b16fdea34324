"""The transport of Amazon Bedrock: signed by the SDK, sent once, by our own connections."""

import socket
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from image_studio.errors import NotCharged, ProviderOutage, ProviderUnavailable, UnknownCharge
from image_studio.providers import bedrock
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.transport import HttpTransport
from image_studio.runtime import aws_clients
from image_studio.runtime.aws_transport import AwsTransport
from tests.providers.peer import Peer
from tests.providers.tasks import full_task

SPEC = bedrock.SPEC
CALL = bedrock.build_request(SPEC.model("inpaint"), full_task("edit.inpaint"))
PATH = b"/model/us.stability.stable-image-inpaint-v1%3A0/invoke"


def reply(status: str, body: bytes = b"{}", *headers: str):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return lambda client, _request: client.sendall("\r\n".join(lines).encode() + body)


@pytest.fixture
def server():
    peer = Peer(reply("200 OK"))
    yield peer
    peer.close()


@pytest.fixture(autouse=True)
def _fresh_clients():
    """No client or session of another environment."""
    for made in (aws_clients._session, aws_clients.provider_client):
        made.cache_clear()
    yield
    for made in (aws_clients._session, aws_clients.provider_client):
        made.cache_clear()


def send(server, call=CALL, timeout=5.0, region="us-east-1"):
    credentials = ProviderCredentials(base_url=server.url, region=region)
    return AwsTransport(HttpTransport()).send(SPEC, call, credentials, timeout)


def head_of(request):
    line, *headers = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return line, {name.lower(): value.strip() for name, value in (header.split(":", 1) for header in headers)}


def test_what_arrives_is_what_was_signed(server):
    """botocore, given the request as it arrived, computes the same signature: path, headers and body are unchanged."""
    assert send(server).body == b"{}"
    (request,) = server.requests
    line, headers = head_of(request)
    assert line == f"POST {PATH.decode()} HTTP/1.1"
    credential, signed, signature = (part.split("=", 1)[1] for part in headers["authorization"].split(", "))
    assert credential.split("/")[2:] == ["us-east-1", "bedrock", "aws4_request"]
    body = request.partition(b"\r\n\r\n")[2]
    assert body == CALL.parameters["body"]
    kept = {name: headers[name] for name in signed.split(";")}
    received = AWSRequest("POST", server.url + PATH.decode(), kept, body)
    received.context["timestamp"] = headers["x-amz-date"]
    again = SigV4Auth(Credentials("testing", "testing"), "bedrock", "us-east-1")
    canonical = again.canonical_request(received)
    assert again.signature(again.string_to_sign(received, canonical), received) == signature


def test_a_generator_is_called_in_its_own_region(server):
    """Whatever region the operator set."""
    send(server, bedrock.build_request(SPEC.model("core"), full_task("create")))
    assert "/us-west-2/bedrock/" in head_of(server.requests[0])[1]["authorization"]


def test_a_bearer_token_in_the_environment_is_not_used(server, monkeypatch):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "token")
    send(server)
    assert head_of(server.requests[0])[1]["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize("status", ["400 no", "429 no", "500 no", "503 no", "504 no", "302 no"])
def test_a_failure_is_sent_once_and_read_by_the_adapter(server, monkeypatch, status):
    """The SDK retries nothing, even where the environment asks for it; the response is as it came."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    server.script = reply(status, b'{"message": "said"}', "x-amzn-ErrorType: ThrottlingException:http://x")
    response = send(server)
    assert (response.status, response.body) == (int(status[:3]), b'{"message": "said"}')
    assert response.headers["x-amzn-errortype"] == "ThrottlingException:http://x"
    assert len(server.requests) == 1


def drop(client: socket.socket, _request: bytes) -> None:
    client.close()


def stay_silent(client: socket.socket, _request: bytes) -> None:
    client.recv(1)


@pytest.mark.parametrize("script", [drop, stay_silent])
def test_a_lost_answer_is_an_unknown_charge_and_not_repeated(server, script):
    """Also where the service is silent for longer than the call may take."""
    server.script = script
    with pytest.raises(UnknownCharge):
        send(server, timeout=0.3)
    assert len(server.requests) == 1


def test_where_nothing_was_sent_nothing_is_charged(server, monkeypatch):
    """Nobody listens; the time is over; a parameter is wrong; there are no credentials."""
    nobody = ProviderCredentials(base_url="http://127.0.0.1:1", region="us-west-2")
    with pytest.raises(ProviderOutage, match="can't be reached"):
        AwsTransport(HttpTransport()).send(SPEC, CALL, nobody, 5.0)
    with pytest.raises(NotCharged, match="no time was left for the call"):
        send(server, timeout=0.0)
    wrong = replace(CALL, parameters={"modelId": "x", "size": 1})
    with pytest.raises(ProviderUnavailable, match="with this function's role"):
        send(server, wrong)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for made in (aws_clients._session, aws_clients.provider_client):
        made.cache_clear()
    with pytest.raises(ProviderUnavailable, match="with this function's role"):
        send(server)
    assert server.requests == []


@pytest.mark.parametrize(("more", "sent"), [(0, 1), (1, 0)])
def test_the_largest_body_is_sent_and_a_larger_one_is_not(server, more, sent):
    """The SDK doesn't check it. Nothing of a larger one is sent, so nothing is charged."""
    spec = replace(SPEC, request_bytes=len(CALL.parameters["body"]) - more)
    credentials = ProviderCredentials(base_url=server.url, region="us-west-2")
    if sent:
        AwsTransport(HttpTransport()).send(spec, CALL, credentials, 5.0)
    else:
        with pytest.raises(NotCharged, match="takes at most"):
            AwsTransport(HttpTransport()).send(spec, CALL, credentials, 5.0)
    assert len(server.requests) == sent
