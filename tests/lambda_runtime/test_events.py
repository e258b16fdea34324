"""Every event of events/, and a walk through the API, on the built functions under the emulator."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.backend import Call
from local.rie import Emulators
from local.stack import Stack
from scripts.events import EVENTS, small_png

FOLDERS = {"create", "edit", "upscale", "control", "social", "jobs", "worker"}
FILES = sorted(path.relative_to(EVENTS).as_posix() for path in EVENTS.rglob("*.json"))
#: Events that name a job, an upload or a persona that isn't there, and the default route's unknown path.
ABSENT = {"create/default.json", "create/get-personas-id.json", "create/delete-personas-id.json"}


@pytest.fixture(scope="module")
def functions(lambda_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """The built functions, each under an emulator of its own, with the stack's AWS and providers."""
    settings = lambda_stack.settings()
    template = settings.resolved()
    log = tmp_path_factory.mktemp("events") / "functions.log"
    emulators = Emulators(settings.functions(template), template.layers(), log)
    yield emulators
    emulators.close()


@pytest.mark.parametrize("name", FILES)
def test_every_event_is_answered(functions: Emulators, name: str) -> None:
    """With the status that the route promises: 200, or 404 for what isn't there."""
    function = f"{name.partition('/')[0].capitalize()}Function"
    answer = json.loads(functions.invoke(Call(function, (EVENTS / name).read_bytes()), 60))
    if function == "WorkerFunction":
        assert answer == (None if "sweep" in name else {"batchItemFailures": []})
    elif name in ABSENT or (name.startswith("jobs/") and "-id" in name):
        assert answer["statusCode"] == 404
        assert set(json.loads(answer["body"])) == {"detail", "code"}
    else:
        assert answer["statusCode"] in (200, 201, 204), answer["body"][:300]


def test_every_function_has_an_event() -> None:
    """So that each is run."""
    assert {name.partition("/")[0] for name in FILES} == FOLDERS


def test_a_image_from_end_to_end(lambda_stack: Stack) -> None:
    """Create, read, list, use and remove: through gateway, queue and worker."""
    headers = lambda_stack.headers(sub="lambda walk")
    body = {"prompt": "A lighthouse", "width": 256, "height": 256, "num_variations": 2}
    made = requests.post(f"{lambda_stack.url}/create", json=body, headers=headers, timeout=60)
    assert made.status_code == 200, made.text[:300]
    for result in made.json()["results"]:
        assert base64.b64decode(result["image_base64"])[:4] == b"\x89PNG"
    job = f"{lambda_stack.url}/jobs/{made.headers['x-job-id']}"
    assert requests.get(job, headers=headers, timeout=30).json()["status"] == "succeeded"
    assert len(requests.get(f"{lambda_stack.url}/jobs", headers=headers, timeout=30).json()["jobs"]) == 1
    again = {"image_base64": f"job:{made.headers['x-job-id']}/1", "mode": "fast"}
    upscaled = requests.post(f"{lambda_stack.url}/upscale", json=again, headers=headers, timeout=60)
    assert upscaled.status_code == 200, upscaled.text[:300]
    assert requests.delete(job, headers=headers, timeout=30).json()["deleted"] is True
    assert requests.get(job, headers=headers, timeout=30).status_code == 404


def _post(stack: Stack, path: str, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{stack.url}{path}", json=body, headers=stack.headers(sub=f"lambda {path}"), timeout=60)


def test_edit_control_and_social(lambda_stack: Stack) -> None:
    """The other studios; social works inside its request."""
    image = f"data:image/png;base64,{base64.b64encode(small_png(128)).decode()}"
    edit = {"image_base64": image, "operation": "remove_background"}
    control = {"control_image_base64": image, "operation": "sketch", "prompt": "A castle"}
    social = {"image_base64": image, "platforms": ["instagram", "facebook"]}
    for path, body in (("/edit/process", edit), ("/control/process", control), ("/social/optimize", social)):
        answer = _post(lambda_stack, path, body)
        assert answer.status_code == 200, answer.text[:300]


def test_bodies_of_the_limit(lambda_stack: Stack) -> None:
    """Over Lambda's 6 MB the gateway says 413; up to it the function answers itself."""
    over = _post(lambda_stack, "/upscale", {"image_base64": "A" * 6_400_000})
    assert (over.status_code, over.json()) == (413, {"message": "Request Entity Too Large"})
    under = _post(lambda_stack, "/upscale", {"image_base64": "A" * 6_000_000})
    assert under.status_code == 400
    assert set(under.json()) == {"detail", "code"}


def test_a_image_too_large_for_an_answer_is_a_url(lambda_stack: Stack) -> None:
    """Ten images, of which only some fit in 6 MB."""
    body = {"prompt": "Gravel [[grain]]", "width": 1024, "height": 1024, "num_variations": 10}
    answer = _post(lambda_stack, "/create", body)
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.content) <= 6_291_556
    for result in answer.json()["results"]:
        assert result.get("image_base64") or requests.get(result["image_url"], timeout=30).content[:4] == b"\x89PNG"


def test_functions_stay_within_their_rights(lambda_stack: Stack) -> None:
    """Nothing that any test of this module did goes beyond the policies: in AWS it would fail."""
    lambda_stack.tick()
    time.sleep(1)
    assert lambda_stack.aws.refusals() == []
