"""What the original's front-end sends to the library, and what it reads: its asset hook, and saving after a create."""

from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import SECONDS, opened

#: Field -> what the hook takes it for; those that may be null are only shown where they are there.
FIELDS: dict[str, Any] = {
    "id": str,
    "user_id": str,
    "asset_type": str,
    "source_module": str,
    "filename": str,
    "file_url": str,
    "file_size": int,
    "mime_type": str,
    "tags": list,
    "asset_metadata": dict,
    "cost": float,
    "is_favorite": bool,
    "download_count": int,
    "share_count": int,
    "created_at": str,
    "updated_at": str,
}
MAYBE = ("title", "description", "prompt", "provider", "model", "generation_time")


class Hook:
    """The requests of the asset hook, word for word: slashes, parameters, headers, bodies."""

    def __init__(self, stack: Stack, sub: str) -> None:
        self._url = f"{stack.origin}/api/content-assets"
        self._headers = stack.headers(sub=sub, tier="enterprise") | {"Content-Type": "application/json"}

    def _fetch(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(method, self._url + path, headers=self._headers, timeout=SECONDS, **body)
        assert answer.ok, answer.text[:300]
        return answer.json()

    def assets(self, **filters: Any) -> Any:
        sent = {name: value for name, value in filters.items() if name not in ("limit", "offset")}
        sent |= {"limit": filters.get("limit", 100), "offset": filters.get("offset", 0)}
        return self._fetch("GET", f"/?{urlencode(sent)}")

    def toggle_favorite(self, asset_id: str) -> Any:
        return self._fetch("POST", f"/{asset_id}/favorite")

    def track_usage(self, asset_id: str, action: str) -> Any:
        return self._fetch("POST", f"/{asset_id}/usage?action={action}")

    def update(self, asset_id: str, **updates: Any) -> Any:
        return self._fetch("PUT", f"/{asset_id}", json=updates)

    def delete(self, asset_id: str) -> Any:
        return self._fetch("DELETE", f"/{asset_id}")


@pytest.fixture
def caller(stack: Stack, request: pytest.FixtureRequest) -> Caller:
    return Caller(stack, request.node.name)


@pytest.fixture
def hook(stack: Stack, request: pytest.FixtureRequest) -> Hook:
    return Hook(stack, request.node.name)


def _created_and_saved(caller: Caller, prompt: str) -> Any:
    """What the page does after each create."""
    body = caller.create(prompt, provider="stability").json()
    (result,) = body["results"]
    saved = caller.post(
        "/save-to-library",
        image_base64=result["image_base64"],
        prompt=prompt,
        provider=result["provider"],
        model=body["request"]["model"],
        operation="image-generation",
        output_format="png",
    )
    assert saved.status_code == 200, saved.text[:300]
    assert "x-ignored-fields" not in saved.headers
    return saved.json()


def test_what_is_saved_after_a_create_is_in_the_library(caller: Caller, hook: Hook) -> None:
    """With every field that the hook declares, and files that are fetched without a token."""
    saved = _created_and_saved(caller, "A red kite over the sea")
    assert {name: type(value) for name, value in saved.items()} == {
        "success": bool,
        "asset_id": str,
        "file_url": str,
        "filename": str,
        "file_size": int,
    }
    page = hook.assets()
    assert (page["total"], page["limit"], page["offset"]) == (1, 100, 0)
    [asset] = page["assets"]
    assert {name: type(asset[name]) for name in FIELDS} == FIELDS
    assert set(MAYBE) <= set(asset)
    assert (asset["id"], asset["prompt"], asset["model"]) == (saved["asset_id"], "A red kite over the sea", "core")
    image = requests.get(asset["file_url"], timeout=SECONDS)
    assert (image.headers["content-type"], len(image.content)) == ("image/png", saved["file_size"])
    assert opened(requests.get(asset["thumbnail_url"], timeout=SECONDS).content).format == "WEBP"


def test_the_hooks_requests_succeed_as_they_are(caller: Caller, hook: Hook) -> None:
    """Filter, favorite, count, change and delete, each by what it reads."""
    first = _created_and_saved(caller, "A red kite")["asset_id"]
    second = _created_and_saved(caller, "A blue boat")["asset_id"]
    assert hook.toggle_favorite(first)["is_favorite"] is True
    assert hook.track_usage(first, "download")["tracked"] is True
    changed = hook.update(second, title="Boat", description="At sea", tags=["sea", "summer"])
    assert (changed["title"], changed["description"], changed["tags"]) == ("Boat", "At sea", ["sea", "summer"])
    day = changed["created_at"][:10]
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({"asset_type": "image", "source_module": "image_studio"}, [second, first]),
        ({"search": "kite"}, [first]),
        ({"tags": "summer,winter"}, [second]),
        ({"favorites_only": "true"}, [first]),
        ({"date_from": day, "date_to": day, "sort_by": "created_at", "sort_order": "asc"}, [first, second]),
        ({"sort_by": "title", "sort_order": "desc"}, [second, first]),
        ({"limit": 1, "offset": 1}, [first]),
        ({"asset_type": "video"}, []),
    ]
    for asked, ids in filters:
        assert [asset["id"] for asset in hook.assets(**asked)["assets"]] == ids, asked
    assert hook.assets(limit=1, offset=1)["total"] == 2
    assert hook.delete(first)["deleted"] is True
    assert [asset["id"] for asset in hook.assets()["assets"]] == [second]


def test_a_result_is_saved_and_edited_by_reference(caller: Caller, hook: Hook) -> None:
    """From the library back into an operation; the roles of both functions allow it."""
    job_id = caller.create("A red kite", provider="stability").headers["x-job-id"]
    saved = caller.post("/save-to-library", image_base64=f"job:{job_id}/1").json()
    [asset] = hook.assets()["assets"]
    assert (asset["prompt"], asset["provider"], asset["cost"]) == ("A red kite", "stability", 3.0)
    edit = {"image_base64": f"asset:{saved['asset_id']}", "operation": "remove_background"}
    edited = caller.post("/edit/process", **edit)
    assert edited.status_code == 200, edited.text[:300]
    job_id = edited.headers["x-job-id"]
    assert caller.post("/save-to-library", image_base64=f"job:{job_id}").status_code == 200
    assert hook.assets(search="background")["total"] == 1
    assert {each["asset_metadata"]["operation"] for each in hook.assets()["assets"]} == {
        "create",
        "edit.remove_background",
    }


@pytest.mark.parametrize("path", ["", "/"])
def test_both_paths_of_the_list_are_the_same(stack: Stack, path: str) -> None:
    """With and without the slash at the end; a token is needed for both."""
    url = f"{stack.origin}/api/content-assets{path}"
    assert requests.get(url, timeout=SECONDS).status_code == 401
    answer = requests.get(url, headers=stack.headers(sub="nobody-saves"), timeout=SECONDS)
    assert (answer.status_code, answer.json()["assets"]) == (200, [])
