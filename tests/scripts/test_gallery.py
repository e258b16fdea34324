"""The gallery shows every operation; here with a drawn image in place of the photograph."""

import pytest
from PIL import Image

from local.emulators import start
from scripts import doc_tables, gallery

IMAGES = gallery.drawn(Image.linear_gradient("L").resize((256, 256)).convert("RGB"))


def test_every_operation_has_a_request_and_a_place_on_the_page() -> None:
    """In the table's order, each with a main image that there is."""
    requests = gallery.requests_for(IMAGES)
    assert sorted(requests) == sorted(doc_tables.operations())
    assert {main for main, _ in requests.values()} <= set(IMAGES)
    page = gallery.page(doc_tables.operations())
    assert all(f'src="{operation}.png"' in page for operation in doc_tables.operations())
    assert "Edit: Inpaint &amp; Fix" in page


@pytest.mark.parametrize("operation", ["edit.remove_background", "edit.inpaint", "upscale.fast", "control.sketch"])
def test_a_sheet_shows_before_and_after(operation: str) -> None:
    """Side by side, with what it cost."""
    name, body = gallery.requests_for(IMAGES)[operation]
    with start("stability") as stability:
        after = gallery.perform(operation, IMAGES[name], body, "stability", {"stability": stability})
    assert after.title.startswith("stability ")
    assert "credits" in after.line
    shown = [*gallery.before(operation, IMAGES[name], body, IMAGES), after]
    assert gallery.sheet(shown).width > 220 * len(shown)
