"""The errors that the API reference documents: their statuses, their one shape, their sentences word for word."""

import pytest
import requests

from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import data_url

IMAGE = data_url(128, 96)


@pytest.fixture
def caller(stack: Stack) -> Caller:
    return Caller(stack, "mistaken")


@pytest.mark.parametrize(
    ("path", "body", "opening"),
    [
        ("/create", {"prompt": "A kite [[fault=402]]", "width": 64, "height": 64}, "Image generation failed: "),
        ("/edit/process", {"operation": "inpaint", "prompt": "A kite [[fault=402]]"}, "Image editing failed: "),
        ("/upscale", {"mode": "conservative", "prompt": "A kite [[fault=402]]"}, "Upscaling failed: "),
        ("/control/process", {"operation": "sketch", "prompt": "A kite [[fault=402]]"}, "Image control failed: "),
    ],
)
def test_a_providers_failure_opens_with_what_failed(caller, path, body, opening):
    """500 in the reference's form; a provider that was asked for by name is the only one."""
    field = {"/create": {}, "/control/process": {"control_image_base64": IMAGE}}.get(path, {"image_base64": IMAGE})
    answer = caller.post(path, provider="stability", **field, **body)
    assert (answer.status_code, answer.json()["code"]) == (500, "provider_unavailable")
    assert answer.json()["detail"] == f"{opening}Stability AI has no credit left."
    assert caller.create("All is well", provider="stability").status_code == 200  # failures in a row set it aside


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/templates", 405),
        ("GET", "/create", 405),
        ("DELETE", "/providers", 405),
        ("GET", "/jobs/00000000000000000000000000000000", 404),
        ("GET", "/personas/nobody", 404),
        ("GET", "/platform-specs/nobody", 404),
    ],
)
def test_every_error_has_the_same_shape(caller, method, path, status):
    """detail, a sentence, and code, a word; as JSON."""
    answer = requests.request(method, caller.url + path, headers=caller.headers, timeout=30)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert set(body) == {"detail", "code"}
    assert all(isinstance(value, str) and value for value in body.values())
    if status == 405:
        assert answer.headers["allow"]
