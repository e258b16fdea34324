"""The gateway over real sockets: its own answers, its limits, CORS, and what it makes of a function's."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.backend import PAYLOAD_BYTES, Call
from local.child_processes import listen
from local.gateway import BODY_BYTES, Gateway, GatewayServer
from local.stack import Stack
from local.template import Template
from tests.local.conftest import TOY

ORIGIN = {"Origin": "https://shop.example"}
CORS = "access-control-"


def _open(toy: Stack, do: str = "", **query: Any) -> requests.Response:
    return requests.get(f"{toy.origin}/open", params={"do": do, **query}, timeout=60)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, '{"message":"Not Found"}'),
        ("POST", "/hasty", 404, '{"message":"Not Found"}'),
        ("GET", "/open?do=fail", 500, '{"message":"Internal Server Error"}'),
        ("GET", "/open?do=exit", 500, '{"message":"Internal Server Error"}'),
        ("GET", "/open?do=nonsense", 500, '{"message":"Internal Server Error"}'),
        ("GET", "/open?do=unwritable", 500, '{"message":"Internal Server Error"}'),
        ("GET", "/short?do=sleep&seconds=9", 500, '{"message":"Internal Server Error"}'),
    ],
)
def test_the_gateways_own_answers(toy: Stack, method: str, path: str, status: int, body: str) -> None:
    """The body is `{"message": ...}` for no route, a failure, an exit, an invalid response and a timeout."""
    answer = requests.request(method, f"{toy.origin}{path}", timeout=60)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["apigw-requestid"]


def test_a_function_goes_on_after_the_gateways_timeout(toy: Stack) -> None:
    """After a 503 the environment finishes its event and is used again."""
    before = _open(toy).json()["seen"]["pid"]
    hasty = requests.get(f"{toy.origin}/hasty?do=sleep&seconds=1.0", timeout=60)
    assert (hasty.status_code, hasty.text) == (503, '{"message":"Service Unavailable"}')
    assert _open(toy).json()["seen"]["pid"] != before

    def used(callers: int) -> set[int]:
        with ThreadPoolExecutor(callers) as threads:
            return set(threads.map(lambda _: _open(toy, "sleep", seconds=0.3).json()["pid"], range(callers)))

    assert any(before in used(callers) for callers in range(1, 20))  # until they need all that are idle


def test_a_functions_response_is_passed_on(toy: Stack) -> None:
    """The client gets status, headers, each cookie and a binary body."""
    answer = _open(toy, "response")
    assert answer.status_code == 201
    assert answer.content == b"\x00\x01\x02\xff"
    assert answer.headers["x-one"] == "1"
    assert answer.raw.headers.getlist("set-cookie") == ["a=1", "b=2"]
    assert "content-type" not in answer.headers


def test_requests_arrive_as_sent(toy: Stack) -> None:
    """The event has method, decoded path, raw query and body; a chunked body is read to its end."""
    headers = {**toy.headers(), "Content-Type": "text/plain"}
    url = f"{toy.origin}/things/a%20b?x=1&x=%2C"
    event = requests.put(url, data="äö".encode(), headers=headers, timeout=60).json()["event"]
    assert event["routeKey"] == "ANY /things/{id}"
    assert event["rawPath"] == "/things/a b"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["rawQueryString"] == "x=1&x=%2C"
    assert event["queryStringParameters"] == {"x": "1,,"}
    assert event["body"] == "äö"
    assert event["requestContext"]["http"]["method"] == "PUT"
    chunked = requests.post(f"{toy.origin}/open", data=iter([b"abc", b"def"]), headers=headers, timeout=60)
    assert chunked.json()["event"]["body"] == "abcdef"


def test_head_is_a_method_of_its_own(toy: Stack) -> None:
    """An ANY route answers it without a body, a GET route doesn't."""
    head = requests.head(f"{toy.origin}/open", timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 100
    assert requests.head(f"{toy.origin}/hasty", timeout=60).status_code == 404


# -- sizes


def test_an_event_over_lambdas_limit_is_refused(toy: Stack) -> None:
    def send(size: int) -> requests.Response:
        headers = {"Content-Type": "text/plain"}
        return requests.post(f"{toy.origin}/open?do=size", data=b"x" * size, headers=headers, timeout=60)

    most = PAYLOAD_BYTES - (send(6_000_000).json()["bytes"] - 6_000_000)
    assert send(most).json()["bytes"] == PAYLOAD_BYTES
    over = send(most + 1)
    assert (over.status_code, over.text) == (413, '{"message":"Request Entity Too Large"}')


def test_an_answer_over_lambdas_limit_is_a_failure(toy: Stack) -> None:
    """The limit is 6,291,556 bytes of JSON."""
    assert len(_open(toy, "large", bytes=PAYLOAD_BYTES).content) == PAYLOAD_BYTES - 2
    assert _open(toy, "large", bytes=PAYLOAD_BYTES + 1).status_code == 500


class _Recorder:
    def __init__(self) -> None:
        self.calls: list[Call] = []

    def invoke(self, call: Call, timeout: float) -> bytes:
        self.calls.append(call)
        return b'{"statusCode": 200}'


@pytest.fixture
def recorded() -> Iterator[tuple[str, _Recorder]]:
    template = Template(TOY, {"JwtIssuer": "http://127.0.0.1:9", "JwtAudience": "x"})
    listener, backend = listen(), _Recorder()
    server = GatewayServer(Gateway(template, backend), listener)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", backend
    server.stop()
    listener.close()


@pytest.mark.parametrize(("size", "status"), [(BODY_BYTES, 200), (BODY_BYTES + 1, 413), (3 * BODY_BYTES, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_ten_megabytes_is_refused(
    recorded: tuple[str, _Recorder], size: int, status: int, chunked: bool
) -> None:
    """Beyond the limit the function is not invoked, and the client can read the response."""
    url, backend = recorded
    data: Any = iter([b"x" * size]) if chunked else b"x" * size
    answer = requests.post(f"{url}/open", data=data, headers={"Content-Type": "text/plain"}, timeout=60)
    assert answer.status_code == status
    assert len(backend.calls) == (1 if status == 200 else 0)
    if backend.calls:
        assert len(json.loads(backend.calls[0].event)["body"]) == size


def test_an_unreachable_issuer_lets_nobody_in(recorded: tuple[str, _Recorder]) -> None:
    """The authorizer fails closed."""
    url, backend = recorded
    token = "e30.e30.e30"
    answer = requests.get(f"{url}/things/1", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status_code == 401
    assert backend.calls == []


# -- CORS


def test_preflights_are_answered_by_the_gateway(toy: Stack) -> None:
    """The response is a 204 with the template's configuration; it needs neither token nor function."""
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = requests.options(f"{toy.origin}/things/1", headers={**ORIGIN, **wanted}, timeout=60)
    assert answer.status_code == 204
    assert {name: value for name, value in answer.headers.items() if name.lower().startswith(CORS)} == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization",
        "access-control-expose-headers": "retry-after",
        "access-control-max-age": "60",
    }


def test_another_origin_gets_no_cors_headers(toy: Stack) -> None:
    """An origin that isn't listed gets no CORS header."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for method, path in (("OPTIONS", "/things/1"), ("GET", "/open")):
        answer = requests.request(method, f"{toy.origin}{path}", headers=headers, timeout=60)
        assert not [name for name in answer.headers if name.lower().startswith(CORS)]


def test_the_gateways_cors_headers_replace_the_functions(toy: Stack) -> None:
    """Every response to an allowed origin has the gateway's headers, its own errors too."""
    answer = requests.get(f"{toy.origin}/open?do=response", headers=ORIGIN, timeout=60)
    refused = requests.get(f"{toy.origin}/things/1", headers=ORIGIN, timeout=60)
    for each in (answer, refused):
        assert each.headers["access-control-allow-origin"] == "https://shop.example"
        assert each.headers["access-control-expose-headers"] == "retry-after"
    assert refused.status_code == 401


def test_only_loopback_is_bound(toy: Stack) -> None:
    """Every port is taken on 127.0.0.1 and free on 127.0.0.2, which it would not be if all addresses were bound."""
    for url in (toy.origin, toy.aws.endpoint, toy.issuer.url):
        port = int(url.rpartition(":")[2])
        with socket.socket() as here, socket.socket() as beside:
            beside.bind(("127.0.0.2", port))
            with pytest.raises(OSError, match="in use"):
                here.bind(("127.0.0.1", port))
