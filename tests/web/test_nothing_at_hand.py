"""With no picture of one's own: every studio can be tried to the end with what the page brings along."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.web.visit import Visit

SAMPLE = "Try a sample picture"


def finish(page: Page, button: str) -> None:
    """Press it, wait for the result and go back to the bench."""
    page.get_by_role("button", name=button, exact=True).click()
    page.locator(".result .facts").last.wait_for()


def test_every_edit_can_be_tried(visit: Visit) -> None:
    """The sample brings words that fit it: each operation makes a picture without a word being typed."""
    page = visit.open("edit")
    page.get_by_role("button", name=SAMPLE).click()
    page.locator(".sheet canvas").wait_for()
    operations = page.locator(".operation")
    assert operations.count() == 8
    for number in range(operations.count()):
        name = operations.nth(number).inner_text()
        operations.nth(number).click()
        if name == "Erase Object":
            visit.drag(page.locator(".sheet canvas"), (0.2, 0.68), (0.26, 0.62), (0.28, 0.7))
        if "Relight" in name:
            page.locator(".picker", has_text="New background").get_by_role("button", name="Use a sample").click()
            expect(page.locator(".drop-name", has_text="backdrop.jpg")).to_be_visible()
        finish(page, "Edit")
        expect(page.locator(".result h2")).to_have_text(name)
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).size == (1200, 800)


def test_a_picture_is_enlarged(visit: Visit) -> None:
    """The sample is small, and comes back four times as wide."""
    page = visit.open("upscale")
    page.get_by_role("button", name=SAMPLE).click()
    finish(page, "Upscale")
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).size == (1920, 1280)


def test_every_control_can_be_tried(visit: Visit) -> None:
    """A sample sketch, a sample picture and a sample style steer all four."""
    page = visit.open("control")
    page.locator(".operation").first.wait_for()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("")
    page.get_by_role("button", name="Sample sketch").click()
    finish(page, "Make it")
    for operation in ("Structure Control", "Style Control", "Style Transfer"):
        page.locator(".operation", has_text=operation).click()
        page.locator(".picker:visible").first.get_by_role("button", name="Use a sample").click()
        if operation == "Style Transfer":
            style = page.locator(".picker", has_text="Style to take over")
            style.get_by_role("button", name="Use a sample").click()
            expect(style.locator(".drop-name")).to_have_text("style.jpg")
        finish(page, "Make it")
        expect(page.locator(".result h2")).to_have_text(operation)
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).width >= 512


def test_every_format_is_made(visit: Visit) -> None:
    """The sample is large enough: nothing is enlarged, and the archive can be saved."""
    page = visit.open("social")
    page.locator(".platform").first.wait_for()
    page.get_by_role("button", name=SAMPLE).click()
    expect(page.locator(".rendition-frame.done")).to_have_count(7)
    expect(page.locator(".wall")).not_to_contain_text("enlarged")
    _, data = visit.download(page.get_by_role("button", name="Download all (zip)"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 7


def test_an_idea_becomes_a_picture(visit: Visit) -> None:
    """In Create one click writes a prompt, another one makes the picture."""
    page = visit.open("create")
    page.locator(".idea").first.click()
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator(".picture img").wait_for()
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).size == (1080, 1080)


@pytest.mark.parametrize("studio", ["edit", "upscale", "control"])
def test_it_all_goes_by_keyboard(visit: Visit, studio: str) -> None:
    """From the empty page over the sample to a saved picture with Tab and Enter alone."""
    page = visit.open(studio)
    start = ".tools button:last-child" if studio == "control" else ".empty-stage button"
    page.locator(start).wait_for()
    visit.reach(start)
    page.keyboard.press("Enter")
    page.locator(".pad, .sheet img").first.wait_for()
    if studio != "control":
        expect(page.get_by_label("Picture", exact=True)).to_be_focused()
    visit.reach("button.run")
    page.keyboard.press("Enter")
    page.locator(".result .facts").last.wait_for()
    visit.reach(".result .actions button")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".png")
