"""Every example of the API reference, over real HTTP: its request as it stands, its answer value by value."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from local.stack import Stack
from tests.contract.replay import EXAMPLES, decoded, differences, load, send

Ask = Callable[[Path], tuple[dict[str, Any], requests.Response]]


@pytest.fixture(scope="module")
def ask(running_stack: Stack) -> Ask:
    headers = running_stack.headers(sub="examples", tier="enterprise")

    @cache
    def asked(path: Path) -> tuple[dict[str, Any], requests.Response]:
        example = load(path)
        return example, send(running_stack, example, **({} if example.get("open") else headers))

    return asked


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_answers_as_documented(ask: Ask, path: Path) -> None:
    """Every documented field with its type, and its value unless it depends on the moment."""
    example, answer = ask(path)
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["content-type"] == "application/json"
    assert list(differences(example["answer"], answer.json(), frozenset(example.get("varies", [])))) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_answers_images_are_images_of_its_size(ask: Ask, path: Path) -> None:
    """Raw base64 PNG from create, data URLs from the others; decoded they have the size that stands beside them."""
    example, answer = ask(path)
    if "image_base64" not in str(example["answer"]):
        assert "image_base64" not in answer.text
        return
    for part in answer.json().get("results", [answer.json()]):
        text = part["image_base64"]
        assert text.startswith("iVBORw0KGgo" if example["path"] == "/create" else "data:image/png;base64,iVBORw0KGgo")
        image = decoded(text)
        assert (image.format, image.size) == ("PNG", (part["width"], part["height"]))


def test_all_examples_are_here() -> None:
    """One file for each documented endpoint."""
    assert len({load(path)["path"].partition("?")[0] for path in EXAMPLES}) == 15
