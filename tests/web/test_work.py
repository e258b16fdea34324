"""What daily work needs: drop and paste, the keyboard, formats at once, one variation again."""

import json
import re

import pytest
from playwright.sync_api import expect

from local.template import ROOT
from tests.web.browser_session import BrowserSession

SEND_FILE = """([kind, selector]) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 200});
    canvas.getContext("2d").fillRect(0, 0, 100, 100);
    return new Promise((done) => canvas.toBlob((blob) => {
        const data = new DataTransfer();
        data.items.add(new File([blob], "sent.png", {type: "image/png"}));
        const init = {bubbles: true, cancelable: true};
        const event = kind === "drop" ? new DragEvent(kind, {...init, dataTransfer: data})
            : new ClipboardEvent(kind, {...init, clipboardData: data});
        document.querySelector(selector).dispatchEvent(event);
        done();
    }));
}"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
@pytest.mark.parametrize("place", [".empty-state", "h1"])
def test_an_image_may_land_anywhere(session: BrowserSession, kind: str, place: str) -> None:
    """Dropped on the empty stage or pasted without a click, it becomes the page's image."""
    page = session.open("edit")
    page.evaluate(SEND_FILE, [kind, place])
    expect(page.locator(".drop-name").first).to_have_text("sent.png")


COPY_CELL = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 80, height: 80});
    const image = await new Promise((done) => canvas.toBlob(done));
    const text = new Blob(["Summer sale"], {type: "text/plain"});
    await navigator.clipboard.write([new ClipboardItem({"text/plain": text, "image/png": image})]);
}"""


def test_text_stays_text(session: BrowserSession) -> None:
    """A spreadsheet's cell, which is copied with its image, is pasted into a prompt as text; a word can be dragged."""
    page = session.open("create", permissions=["clipboard-read", "clipboard-write"])
    prompt = session.field("Prompt")
    prompt.fill("alpha beta")
    prompt.evaluate("(node) => node.setSelectionRange(0, 5)")
    box = prompt.bounding_box()
    assert box
    page.mouse.move(box["x"] + 25, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 24, steps=10)
    page.mouse.up()
    expect(prompt).to_have_value(" betaalpha")
    page.evaluate(SEND_FILE, ["drop", "h1"])
    expect(page.locator(".toast")).to_have_text("This page takes no image.")
    page.evaluate("location.hash = '#/edit'")
    session.choose_image(400, 300)
    page.evaluate(COPY_CELL)
    session.field("Prompt").press("Control+v")
    expect(session.field("Prompt")).to_have_value("Summer sale")
    expect(page.locator(".drop-name").first).to_have_text("photo.png")
    page.evaluate("location.hash = '#/control'")
    page.locator(".sketch").wait_for()
    page.evaluate(SEND_FILE, ["drop", "h1"])
    expect(page.locator(".toast").last).to_have_text('Choose "Use an image" first.')


def test_the_keyboard_runs_and_browses(session: BrowserSession) -> None:
    """Ctrl+Enter runs the form on every page; the arrow keys go through the variations in full size."""
    page = session.open("edit")
    session.press("Try a sample image")
    session.choose_operation("Remove Background")
    page.locator(".operation :checked").press("Control+Enter")
    page.locator(".compare").wait_for()
    page = session.open("create")
    session.press("More variations")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    session.press("Open variation 1 in full size")
    first = page.locator("dialog img").get_attribute("src")
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog")).to_contain_text("2 of 2")
    assert page.locator("dialog img").get_attribute("src") != first


def test_ctrl_enter_runs_whatever_has_the_focus(session: BrowserSession) -> None:
    """On the canvas it paints nothing, and in Automation it makes the batch."""
    page = session.open("edit")
    session.choose_image(300, 200)
    session.field("Prompt").fill("a door")
    page.locator(".image-overlay canvas").press("Control+Enter")
    page.locator(".compare").wait_for()
    assert "mask_base64" not in session.body("/edit/process")
    page.evaluate("location.hash = '#/automation'")
    session.field("Prompts").fill("A chair")
    session.field("Prompts").press("Control+Enter")
    expect(page.locator(".batch")).to_have_count(1)


def test_the_focus_follows_what_was_done(session: BrowserSession) -> None:
    """To the title of the page that opens, to the job after a deleted one, and without another to the search."""
    page = session.create_each("A lighthouse", "A harbor")
    page.get_by_role("button", name=re.compile("^Edit this")).first.click()
    expect(page.locator("h1")).to_have_text("Edit")
    expect(page.locator("h1")).to_be_focused()
    page.get_by_role("link", name="History", exact=True).click()
    delete = page.get_by_role("button", name=re.compile("^Delete"))
    expect(delete).to_have_count(2)
    delete.first.click()
    session.press("Really delete?")
    expect(delete).to_have_count(1)
    expect(delete).to_be_focused()
    delete.click()
    session.press("Really delete?")
    expect(page.get_by_label("Search")).to_be_focused()


def test_formats_are_chosen_at_once_and_kept(session: BrowserSession) -> None:
    """All or none with one click; the next visit has the same formats, and none hides in a scroll box."""
    page = session.open("social")
    session.press("None")
    expect(page.locator("legend .hint")).to_have_text("0 selected")
    page.locator(".platform", has_text="Pinterest").locator("summary").click()
    page.locator(".platform", has_text="Pinterest").locator("input").first.check()
    page.reload()
    expect(page.locator("legend .hint")).to_have_text("1 selected")
    session.press("All")
    total = page.locator(".platform input").count()
    expect(page.locator("legend .hint")).to_have_text(f"{total} selected")
    box = page.locator(".platforms")
    assert box.evaluate("(node) => node.scrollHeight <= node.clientHeight")


def test_one_variation_is_made_again(session: BrowserSession) -> None:
    """A failed one says that it was free, and is repeated alone for its own price."""
    page = session.open("create")
    session.press("More variations")
    session.field("Provider").select_option("stability")
    page.get_by_text("More settings").click()
    session.field("Seed").fill("7")
    session.create("A lighthouse [[fault=moderated;seed=8]]")
    failed = page.locator('.waiting[data-status="failed"]')
    expect(failed).to_contain_text("Nothing was charged.")
    again = failed.get_by_role("button")
    expect(again).to_have_text(re.compile(r"Make this one again \(\d+ credits?\)"))
    again.click()
    expect(page.locator(".result-image img")).to_have_count(2)
    assert session.body("/create")["num_variations"] == 1


def test_an_unpainted_mask_is_told_before_the_click(session: BrowserSession) -> None:
    """The whole image may change, unless words say what to find; once something is painted, the warning goes."""
    page = session.open("edit")
    session.choose_image(600, 400)
    warning = page.get_by_text("Nothing is painted: the whole image may change.")
    expect(warning).to_be_visible()
    session.choose_operation("Search & Replace")
    expect(warning).to_be_hidden()
    session.choose_operation("Inpaint")
    expect(warning).to_be_visible()
    session.drag(page.locator(".image-overlay canvas"), (0.2, 0.2), (0.4, 0.4))
    expect(warning).to_be_hidden()


def test_a_file_is_compressed_or_converted(session: BrowserSession) -> None:
    """For free: a JPEG below the size that was asked for, and a GIF of the same pixels."""
    page = session.open("compress")
    session.press("Try a sample image")
    page.locator(".image-overlay img").wait_for()
    session.field("At most (KB)").fill("30")
    session.run()
    page.locator(".compare").wait_for()
    name, data = session.download(page.locator(".result").get_by_role("button", name="Download"))
    assert name == "sample-small.jpg"
    assert len(data) <= 30 * 1024
    session.choose_segment("Another type")
    session.field("File type").locator("visible=true").select_option("gif")
    session.run()
    expect(session.fact("File type")).to_have_text("GIF")
    assert session.saved_image().format == "GIF"


def test_the_sizes_of_upscale_match_the_catalog() -> None:
    """The page names the pixels of each preset as the catalog has them."""
    presets = json.loads((ROOT / "layers/common/python/image_studio/catalog/data/upscale.json").read_text())
    page = (ROOT / "web/js/pages/upscale.js").read_text()
    for name, pixels in presets.items():
        assert f"{name}: {pixels}" in page
