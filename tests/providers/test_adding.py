"""A new provider, written as providers/ADDING.md says: its image is submitted, polled and downloaded."""

import json
import socket
from types import SimpleNamespace

from image_studio.errors import StudioError, UnknownCharge
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.journal import Stage
from image_studio.operations.model_selection import Candidate
from image_studio.providers import PROVIDERS, find_model
from image_studio.providers.adapter import (
    HttpRequest,
    HttpResponse,
    Outcome,
    Pending,
    ProviderCredentials,
    ResultUrl,
    Task,
)
from image_studio.providers.client import ProviderClient
from image_studio.providers.payload import provider_fields
from image_studio.providers.responses import http_error
from image_studio.providers.spec import FreeSize, ModelSpec, ProviderSpec, nearest_size
from image_studio.providers.transport import HttpTransport
from tests.providers.peer import Peer

SPEC = ProviderSpec(
    name="toy",
    title="Toy",
    base_url="https://api.toy.example",
    key_variable="TOY_API_KEY",
    base_url_variable="TOY_BASE_URL",
    in_flight=4,
    result_hosts=frozenset({"cdn.toy.example"}),
    models=(
        ModelSpec(
            name="toy-model",
            endpoint="model/1",
            operations=frozenset({"create"}),
            usd=0.011,
            sizes=FreeSize(64, 512),
            accepts=frozenset({"prompt", "seed", "steps"}),
            field_names={"steps": "iterations"},
        ),
    ),
)


def build_request(model: ModelSpec, task: Task) -> HttpRequest:
    size = nearest_size(model, task.width, task.height)
    body = {**provider_fields(model, task), "width": size.width, "height": size.height}
    return HttpRequest(method="POST", path=f"/make/{model.endpoint}", json=body)


def build_poll(model: ModelSpec, handle: str) -> HttpRequest:
    return HttpRequest(method="GET", path=f"/tasks/{handle}")


def read_response(model: ModelSpec, response: HttpResponse, handle: str | None = None) -> Outcome:
    """Read a task's state, or the URL of its image."""
    document = response.json_object(SPEC.title)
    if isinstance(document.get("image"), str):
        return ResultUrl(document["image"])
    task = document.get("task")
    if not isinstance(task, str) or not task.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    return Pending(task, 0.0)


def read_error(response: HttpResponse) -> StudioError:
    return http_error(SPEC.title, response)


def test_a_toy_provider(monkeypatch):
    """Its own field names are sent, the handle is polled, and the result is downloaded and priced."""
    bodies = {"POST /make/model/1": b'{"task": "t1"}', "GET /1.png": b"PNG"}

    def script(client: socket.socket, request: bytes) -> None:
        body = bodies[" ".join(request.decode().split(" ")[:2])]
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = Peer(script)
    bodies["GET /tasks/t1"] = json.dumps({"image": f"{server.url}/1.png"}).encode()
    functions = (build_request, build_poll, read_response, read_error)
    toy = SimpleNamespace(SPEC=SPEC, **{function.__name__: function for function in functions})
    monkeypatch.setitem(PROVIDERS, "toy", toy)
    context = OperationContext(
        configured=frozenset({"toy"}),
        credentials=lambda name, *, renew=False: ProviderCredentials("key", server.url),
        provider_client=ProviderClient(HttpTransport()),
    )
    task = Task(operation="create", width=1000, height=500, prompt="a boat", seed=3, steps=9)
    variation = VariationTask(1, lambda _: task, lambda data, _: EncodedImage(data, "image/png", {}))
    (entry,) = generate(context, [Candidate(*find_model("toy", "toy-model"), "")], [variation])
    assert (entry.stage, entry.handle, entry.credits) == (Stage.DONE, f"url:{server.url}/1.png", 2)
    assert context.journal.images == {"1": b"PNG"}
    sent = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert sent == {"prompt": "a boat", "seed": 3, "iterations": 9, "width": 512, "height": 256}
    server.close()
