"""The lists of operations have the shape that clients read."""

from typing import Any

import pytest

from image_studio.operations.listings import control_operations, edit_operations

EDIT_FLAGS = [
    "prompt",
    "mask",
    "negative_prompt",
    "search_prompt",
    "select_prompt",
    "background",
    "lighting",
    "expansion",
]
CONTROL_FLAGS = ["control_image", "style_image", "control_strength", "fidelity", "style_strength", "aspect_ratio"]
#: Per operation: its label, and the flags that are true.
EDITS: dict[str, tuple[str, set[str]]] = {
    "remove_background": ("Remove Background", set()),
    "inpaint": ("Inpaint & Fix", {"prompt", "mask", "negative_prompt"}),
    "outpaint": ("Outpaint", {"negative_prompt", "expansion"}),
    "search_replace": ("Search & Replace", {"prompt", "mask", "search_prompt"}),
    "search_recolor": ("Search & Recolor", {"prompt", "mask", "select_prompt"}),
    "general_edit": ("Prompt-based Edit", {"prompt", "mask", "negative_prompt"}),
    "erase": ("Erase Object", {"mask"}),
    "relight": ("Replace Background & Relight", {"background", "lighting"}),
}
CONTROLS: dict[str, tuple[str, set[str]]] = {
    "sketch": ("Sketch to Image", {"control_image", "control_strength"}),
    "structure": ("Structure Control", {"control_image", "control_strength"}),
    "style": ("Style Control", {"control_image", "fidelity", "aspect_ratio"}),
    "style_transfer": ("Style Transfer", {"control_image", "style_image", "style_strength"}),
}


def check(listed: dict[str, Any], flags: list[str], expected: dict[str, tuple[str, set[str]]]) -> None:
    """Names, labels, keys and flags, in their order."""
    assert list(listed) == ["operations"]
    assert list(listed["operations"]) == list(expected)
    for name, (label, true) in expected.items():
        row = listed["operations"][name]
        assert list(row) == ["label", "description", "provider", "fields"]
        assert row["label"] == label
        assert list(row["fields"]) == flags
        assert {flag for flag, value in row["fields"].items() if value is True} == true
        assert {flag for flag, value in row["fields"].items() if value is False} == set(flags) - true


def test_edit_operations() -> None:
    """Eight operations with the reference's eight flags each."""
    check(edit_operations(), EDIT_FLAGS, EDITS)


def test_control_operations() -> None:
    """Four operations with the six flags without which a client hides its inputs."""
    check(control_operations(), CONTROL_FLAGS, CONTROLS)


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("remove_background", "Isolate the main subject"),
        ("inpaint", "Edit specific regions using prompts and optional masks"),
    ],
)
def test_the_references_rows(name: str, description: str) -> None:
    """The two rows of the reference's example come out as they are there."""
    row = edit_operations()["operations"][name]
    assert (row["description"], row["provider"]) == (description, "stability")


def test_the_default_provider_is_the_first_choice() -> None:
    """Each operation names the provider that automatic choosing asks first."""
    listed = edit_operations()["operations"] | control_operations()["operations"]
    others = {name: row["provider"] for name, row in listed.items() if row["provider"] != "stability"}
    assert others == {"general_edit": "gemini"}
