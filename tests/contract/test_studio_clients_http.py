"""What the original's client and a mistaken caller send to edit, upscale and control, over HTTP."""

from typing import Any

import pytest

from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import decoded
from tests.operations.fakes import block_mask, photo, to_text

SIZE = (320, 240)
IMAGE = f"data:image/png;base64,{to_text(photo(*SIZE))}"
MASK = f"data:image/png;base64,{to_text(block_mask(*SIZE))}"
NOT_AN_IMAGE = "data:image/png;base64,aGVsbG8gd29ybGQ="


@pytest.fixture
def api(stack: Stack) -> Caller:
    return Caller(stack, "client")


# -- the original's client


def test_every_listed_edit_is_accepted(api: Caller) -> None:
    """The client shows what the list's fields say, and sends those."""
    sent = {
        "prompt": {"prompt": "a blue vase"},
        "mask": {"mask_base64": MASK},
        "negative_prompt": {"negative_prompt": "text"},
        "search_prompt": {"search_prompt": "red disc"},
        "select_prompt": {"select_prompt": "red disc"},
        "background": {"background_image_base64": IMAGE},
        "lighting": {"lighting_image_base64": IMAGE},
        "expansion": {"expand_left": 30, "expand_right": 0, "expand_up": 0, "expand_down": 0},
    }
    for name, row in api.get("/edit/operations").json()["operations"].items():
        fields = [sent[flag] for flag, shown in row["fields"].items() if shown]
        body: dict[str, Any] = {"image_base64": IMAGE, "operation": name, "output_format": "png", "options": {}}
        body |= {key: value for each in fields for key, value in each.items()}
        if name == "relight":  # takes ten seconds; tests/operations/test_on_emulators.py has it
            continue
        response = api.post("/edit/process", **body)
        answer = response.json()
        assert response.status_code == 200, (name, answer)
        assert (answer["success"], answer["operation"], "stored" in answer) == (True, name, False)
        assert answer["image_base64"].startswith("data:image/png;base64,")
        size = (SIZE[0] + 30, SIZE[1]) if name == "outpaint" else SIZE
        assert decoded(answer["image_base64"]).size == (answer["width"], answer["height"]) == size


def test_every_listed_control_is_accepted(api: Caller) -> None:
    """With every slider that the list shows."""
    sent = {"control_strength": 0.0, "fidelity": 0.4, "style_strength": 0.9, "aspect_ratio": "16:9"}
    for name, row in api.get("/control/operations").json()["operations"].items():
        fields = {flag: sent[flag] for flag, shown in row["fields"].items() if shown and flag in sent}
        style = {"style_image_base64": IMAGE} if row["fields"]["style_image"] else {}
        body = {"control_image_base64": IMAGE, "operation": name, "prompt": "a castle", "output_format": "png"}
        response = api.post("/control/process", **body, **fields, **style)
        assert response.status_code == 200, (name, response.text[:300])
        assert response.json()["metadata"]["operation"] == name


def test_a_chosen_model_is_sent_with_a_fixed_provider(api: Caller) -> None:
    """The client names WaveSpeed with whatever the list or the recommendation has."""
    listed = api.get("/edit/models?operation=general_edit&tier=budget").json()["models"]
    best = api.post(
        "/edit/recommend",
        operation="general_edit",
        image_resolution={"width": 320, "height": 240},
        preferences={"prioritize_quality": True},
    ).json()
    for model in (listed[0]["id"], listed[-1]["id"], best["recommended_model"]):
        body = {"image_base64": IMAGE, "operation": "general_edit", "prompt": "make the disc blue"}
        answer = api.post("/edit/process", **body, provider="wavespeed", model=model).json()
        assert answer["model"] == model, answer


@pytest.mark.parametrize(("mode", "preset"), [("auto", "web"), ("fast", "social"), ("conservative", "print")])
def test_upscale_as_the_client_sends_it(api: Caller, mode: str, preset: str) -> None:
    """Always a preset, and the mode that was used comes back."""
    answer = api.post("/upscale", image_base64=IMAGE, mode=mode, preset=preset, delivery="url").json()
    assert answer["success"] is True
    assert answer["mode"] in ("fast", "conservative")
    assert max(answer["width"], answer["height"]) == {"web": 2048, "social": 1080, "print": 3072}[preset]
    assert {"preset", "original_width", "original_height", "upscale_factor"} <= answer["metadata"].keys()


# -- mistakes

EDIT, UPSCALE, CONTROL = "/edit/process", "/upscale", "/control/process"
REMOVE = {"operation": "remove_background"}
NO_FILE = "The image is not a PNG, JPEG, WebP, HEIC or AVIF file. Convert it to one of these."
MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    (EDIT, {"operation": "inpaint", "prompt": ""}, "Prompt is required for inpainting"),
    (EDIT, {"operation": "relight"}, "At least one reference (background or lighting) is required for relight"),
    (EDIT, REMOVE | {"image_base64": NOT_AN_IMAGE}, NO_FILE),
    (EDIT, REMOVE | {"image_base64": None}, "image_base64 is required."),
    (EDIT, {}, "Operation is required."),
    (EDIT, REMOVE | {"output_format": "gif"}, "Unknown output_format 'gif'. Valid: png, jpeg, webp, avif."),
    (UPSCALE, {"mode": "ultra"}, "Unknown mode 'ultra'. Valid: fast, conservative, creative, auto."),
    (UPSCALE, {"preset": "poster"}, "Unknown preset 'poster'. Valid: web, print, social."),
    (CONTROL, {"operation": "style_transfer", "prompt": "x"}, "Style image is required for style transfer"),
    (
        CONTROL,
        {"operation": "depth", "prompt": "x"},
        "Unknown operation 'depth'. Valid: sketch, structure, style, style_transfer.",
    ),
]


@pytest.mark.parametrize(("path", "body", "detail"), MISTAKES)
def test_mistakes(api: Caller, path: str, body: dict[str, Any], detail: str) -> None:
    """A 400 whose detail is one sentence: the client shows it as it is. The catalog's tests have the others."""
    image = "control_image_base64" if path == CONTROL else "image_base64"
    response = api.post(path, **{image: IMAGE, **body})
    assert (response.status_code, response.json()["detail"]) == (400, detail)
