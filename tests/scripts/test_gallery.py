"""The gallery shows every operation; here with a drawn image in place of the photograph."""

import base64
import io
from collections.abc import Iterator

import pytest
from PIL import Image

from local.emulators import Emulator, start
from scripts import doc_tables, gallery


@pytest.fixture
def emulators() -> Iterator[dict[str, Emulator]]:
    """One emulator is enough."""
    with start("stability") as stability:
        yield {"stability": stability}


def images() -> gallery.Images:
    """Everything drawn from a plain image."""
    return gallery.drawn(Image.linear_gradient("L").resize((256, 256)).convert("RGB"))


def test_every_operation_has_a_request() -> None:
    """In the table's order, each with a main image that there is."""
    requests = gallery.requests_for(images())
    assert sorted(requests) == sorted(doc_tables.operations())
    assert {main for main, _ in requests.values()} <= set(images())


@pytest.mark.parametrize("operation", ["edit.remove_background", "edit.inpaint", "upscale.fast", "control.sketch"])
def test_a_sheet(operation: str, emulators: dict[str, Emulator]) -> None:
    """Before and after stand side by side, with what it cost."""
    drawn = images()
    name, body = gallery.requests_for(drawn)[operation]
    after = gallery.perform(operation, drawn[name], body, "stability", emulators)
    assert after.title.startswith("stability ")
    assert "credits" in after.line
    shown = [*gallery.before(operation, drawn[name], body, drawn), after]
    sheet = gallery.sheet(shown)
    assert sheet.mode == "RGB"
    assert sheet.width > 220 * len(shown)


def test_the_page_shows_every_sheet() -> None:
    """By the operations' own names."""
    page = gallery.page(doc_tables.operations())
    assert all(f'src="{operation}.png"' in page for operation in doc_tables.operations())
    assert "Edit: Inpaint &amp; Fix" in page


def test_images_travel_as_base64() -> None:
    """A PNG, as callers send it."""
    data = base64.b64decode(gallery.as_text(images()["photo"]))
    assert Image.open(io.BytesIO(data)).size == (256, 256)
