"""Every event of events/, and a walk through the API, on the built functions under the emulator."""

import base64
import json
from collections.abc import Iterator

import pytest
import requests

from local.backend import Call
from local.rie import Emulators
from local.stack import Stack
from scripts.events import EVENTS
from tests.waiting import until

#: Every function has a folder; tests/template holds it and the routes together.
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
    event = (EVENTS / name).read_bytes().replace(b'"user_1"', json.dumps(name).encode())  # a caller of its own
    answer = json.loads(functions.invoke(Call(function, event), 60))
    if function == "WorkerFunction":
        assert answer == (None if "sweep" in name else {"batchItemFailures": []})
    elif name in ABSENT or (name.startswith(("jobs/", "library/")) and "-id" in name):
        assert answer["statusCode"] == 404
        assert set(json.loads(answer["body"])) == {"detail", "code"}
    else:
        assert answer["statusCode"] in (200, 201, 202, 204), answer["body"][:300]


def test_an_image_from_end_to_end(lambda_stack: Stack) -> None:
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


def test_an_image_too_large_for_an_answer_is_a_url(lambda_stack: Stack) -> None:
    """Ten images, of which only some fit in 6 MB."""
    body = {"prompt": "Gravel [[grain]]", "width": 1024, "height": 1024, "num_variations": 10}
    headers = lambda_stack.headers(sub="lambda large")
    answer = requests.post(f"{lambda_stack.url}/create", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.content) <= 6_291_556
    for result in answer.json()["results"]:
        assert result.get("image_base64") or requests.get(result["image_url"], timeout=30).content[:4] == b"\x89PNG"


def test_functions_stay_within_their_rights(lambda_stack: Stack) -> None:
    """Nothing that any test of this module did goes beyond the policies: in AWS it would fail."""
    before = lambda_stack.log.read_text().count('"OverdueJobs"')
    lambda_stack.tick()
    assert until(lambda: lambda_stack.log.read_text().count('"OverdueJobs"') > before)
    assert lambda_stack.aws.refusals() == []
