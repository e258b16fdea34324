"""Every operation can be tried with the samples that the page brings."""

import pytest
from playwright.sync_api import expect

from tests.web.browser_session import BrowserSession

SAMPLE = "Try a sample image"


def run(session: BrowserSession, title: str) -> None:
    session.run()
    session.page.locator(".result .facts").last.wait_for()
    expect(session.page.locator(".result h2")).to_have_text(title)


def test_every_edit_operation_runs_with_the_sample(session: BrowserSession) -> None:
    """The sample image brings fitting prompts, so that each operation runs without typing."""
    page = session.open("edit")
    session.press(SAMPLE)
    page.locator(".image-overlay canvas").wait_for()
    operations = page.locator(".operation")
    assert operations.count() == 8
    for name in operations.all_inner_texts():
        session.choose_operation(name)
        if name == "Erase Object":
            session.drag(page.locator(".image-overlay canvas"), (0.2, 0.68), (0.26, 0.62), (0.28, 0.7))
        if "Relight" in name:
            page.locator(".picker", has_text="New background").get_by_role("button", name="Use a sample").click()
            expect(page.locator(".drop-name", has_text="backdrop.jpg")).to_be_visible()
        run(session, name)
    assert session.saved_image().size == (1200, 800)


def test_every_control_operation_runs_with_its_sample(session: BrowserSession) -> None:
    """A sample sketch, a sample image and a sample style are enough for all four operations."""
    page = session.open("control")
    expect(session.field("Prompt")).to_have_value("")
    session.press("Sample sketch")
    run(session, "Sketch to Image")
    for operation in ("Structure Control", "Style Control", "Style Transfer"):
        session.choose_operation(operation)
        page.locator(".picker:visible").first.get_by_role("button", name="Use a sample").click()
        if operation == "Style Transfer":
            style = page.locator(".picker", has_text="Style to copy")
            style.get_by_role("button", name="Use a sample").click()
            expect(style.locator(".drop-name")).to_have_text("style.jpg")
        run(session, operation)
    assert session.saved_image().width >= 512


def test_upscale_social_and_create_run_with_their_samples(session: BrowserSession) -> None:
    """The sample is enlarged four times, is large enough for every format, and an idea becomes an image."""
    page = session.open("upscale")
    session.press(SAMPLE)
    session.run()
    page.locator(".result .facts").last.wait_for()
    assert session.saved_image().size == (1920, 1280)
    page = session.open("social")
    session.press(SAMPLE)
    session.wait_for_renditions()
    expect(page.locator(".format-cards")).not_to_contain_text("enlarged")
    page = session.open("create")
    page.locator(".idea").first.click()
    session.run()
    page.locator(".result-image img").wait_for()
    assert session.saved_image().size == (1080, 1080)


@pytest.mark.parametrize("name", ["edit", "upscale", "control"])
def test_a_page_works_with_the_keyboard_alone(session: BrowserSession, name: str) -> None:
    """The sample is loaded, the operation is run and the image is saved with Tab and Enter."""
    page = session.open(name)
    start = ".tools button:last-child" if name == "control" else ".empty-state button"
    page.locator(start).wait_for()
    session.tab_to(start)
    page.keyboard.press("Enter")
    page.locator(".sketch, .image-overlay img").first.wait_for()
    if name != "control":
        expect(session.field("Image")).to_be_focused()
    session.tab_to("button.run")
    page.keyboard.press("Enter")
    page.locator(".result .facts").last.wait_for()
    session.tab_to(".result .actions button")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".png")
