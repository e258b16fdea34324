"""Nothing overlaps, and the page shows what the API did."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.imaging.samples import saved
from tests.web.browser_session import BrowserSession, png_file

WIDTHS = (320, 390, 1024, 1280, 1920)
RATIOS = ((288, 512), (344, 512), (400, 400), (512, 384), (512, 288), (672, 288))
BOXES = """(tiles) => tiles.map((tile) => {
    const shown = [tile, ...tile.querySelectorAll("img, button")].filter((node) => node.checkVisibility());
    const parts = shown.map((node) => node.getBoundingClientRect());
    return {left: Math.min(...parts.map((box) => box.left)), right: Math.max(...parts.map((box) => box.right)),
            top: Math.min(...parts.map((box) => box.top)), bottom: Math.max(...parts.map((box) => box.bottom))};
})"""


def overlaps(boxes: list[dict[str, float]]) -> list[tuple[int, int]]:
    """The pairs of boxes that share more than half a pixel."""
    return [
        (one, other)
        for other in range(len(boxes))
        for one in range(other)
        if min(boxes[one]["right"], boxes[other]["right"]) - max(boxes[one]["left"], boxes[other]["left"]) > 0.5
        and min(boxes[one]["bottom"], boxes[other]["bottom"]) - max(boxes[one]["top"], boxes[other]["top"]) > 0.5
    ]


def test_results_of_all_ratios_keep_apart_at_all_widths(session: BrowserSession) -> None:
    """Four variations of six ratios, with their buttons: no tile covers another or leaves the window, none is alone."""
    page = session.open("create")
    for _ in range(3):
        session.press("More variations")
    page.locator(".card.custom").click()
    for width, height in RATIOS:
        session.field("Width").fill(str(width))
        session.field("Height").fill(str(height))
        session.create(f"A lighthouse {width}")
        expect(page.locator(".run-card").first.locator(".result-image img")).to_have_count(4)
        page.wait_for_timeout(1000)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for card in page.locator(".run-card").all():
            boxes = card.locator(".tile").evaluate_all(BOXES)
            assert overlaps(boxes) == [], width
            assert all(box["left"] >= 0 and box["right"] <= width for box in boxes), (width, boxes)
            rows = [round(box["top"]) for box in boxes]
            assert {rows.count(row) for row in rows} in ({2}, {4}), width


def test_the_header_fits_at_all_widths(session: BrowserSession) -> None:
    """With eight pages, the credits and, where users sign in, "Sign out", nothing scrolls sideways."""
    page = session.open("inspect", size=(1440, 900))
    page.locator(".credits").wait_for()
    page.evaluate("document.getElementById('sign-out').hidden = false")
    widths = {}
    for width in (320, 740, 820, 1024, 1100, 1189, 1250, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        widths[width] = page.evaluate("document.documentElement.scrollWidth")
    assert [width for width, needed in widths.items() if needed > width] == []


def test_white_is_white(session: BrowserSession) -> None:
    """Around the whole image, "White" is sent and fills the bars."""
    page = session.open("social")
    session.field("Images").set_input_files(
        {"name": "mauve.png", "mimeType": "image/png", "buffer": saved(Image.new("RGB", (900, 300), "#9070a0"), "PNG")}
    )
    session.choose_segment("Fit")
    session.field("Background").select_option(label="White")
    session.wait_for_renditions()
    expect(page.locator(".rendition-frame[aria-busy]")).to_have_count(0)
    assert session.body("/social/optimize")["options"] == {"background": "white"}
    square = page.locator(".rendition", has_text="Feed Post (Square)").get_by_role("button", name="Download")
    image = Image.open(io.BytesIO(session.download(square)[1])).convert("RGB")
    assert image.getpixel((5, 5)) == (255, 255, 255)


def test_a_variation_appears_when_it_is_done(session: BrowserSession) -> None:
    """While another is still made, the first is shown and can be saved; afterwards it is not loaded again."""
    page = session.open("create")
    session.press("More variations")
    page.get_by_text("More settings").click()
    session.field("Provider").select_option("stability")
    session.field("Seed").fill("7")
    session.create("A lighthouse [[delay=8;seed=8]]")
    expect(page.locator(".result-image img")).to_have_count(1)
    expect(page.locator(".run-progress")).to_have_text("1 of 2 done")
    assert session.saved_image().size == (1080, 1080)
    expect(page.locator(".result-image img")).to_have_count(2)


def test_unused_settings_are_told(session: BrowserSession) -> None:
    """A model that takes no steps says so beside its result, in the page's words."""
    page = session.open("create")
    page.get_by_text("More settings").click()
    session.field("Steps").fill("30")
    session.field("Guidance").fill("7")
    session.create("A lighthouse")
    expect(session.fact("Not used by this model")).to_have_text("Guidance, Steps")


def painted(page: Page, selector: str) -> int:
    """How many pixels of a canvas are neither transparent nor white."""
    script = """(c) => { const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] && d[i] + d[i + 1] + d[i + 2] < 600) n++; return n; }"""
    count: int = page.locator(selector).evaluate(script)
    return count


def test_painted_work_survives(session: BrowserSession) -> None:
    """A sketch stays when its shape changes and over a reload; a mask when another operation takes one."""
    page = session.open("control")
    session.drag(page.locator(".sketch"), (0.3, 0.8), (0.3, 0.4), (0.7, 0.4))
    drawn = painted(page, ".sketch")
    session.choose_segment("Square")
    assert painted(page, ".sketch") > drawn / 3
    page.wait_for_timeout(700)
    page.reload()
    page.locator(".sketch").wait_for()
    expect(page.get_by_label("Square")).to_be_checked()
    assert painted(page, ".sketch") > drawn / 3
    page = session.open("edit")
    session.choose_image(600, 400)
    session.drag(page.locator(".image-overlay canvas"), (0.2, 0.2), (0.4, 0.4))
    drawn = painted(page, ".image-overlay canvas")
    session.choose_operation("Erase Object")
    session.choose_operation("Inpaint")
    assert painted(page, ".image-overlay canvas") == drawn > 0


def test_the_ring_is_on_the_subject(session: BrowserSession) -> None:
    """Without faces it is where the crops look, across and down; before that the previews cut nothing off."""
    page = session.open("social")
    image = Image.new("RGB", (1500, 1000), "#dfe7e2")
    image.paste((190, 30, 40), (1140, 120, 1380, 360))
    requests: list[Route] = []

    def hold(route: Route) -> None:
        requests.append(route)

    page.route("**/social/optimize", hold)
    session.field("Images").set_input_files({"name": "dot.png", "mimeType": "image/png", "buffer": saved(image, "PNG")})
    page.wait_for_timeout(1500)
    square = page.locator(".rendition", has_text="Feed Post (Square)").locator("img")
    expect(square).to_have_attribute("style", re.compile(r"width: 100%"))
    requests[0].continue_()
    session.wait_for_renditions()
    point = page.get_by_role("button", name="Focal point; the arrow keys move it")
    expect(point).to_have_attribute("title", "detected: what stands out")
    left, top = (float(point.evaluate(f"(node) => parseFloat(node.style.{side})")) for side in ("left", "top"))
    assert 70 < left < 92
    assert 8 < top < 50


@pytest.mark.parametrize("name", ["edit", "upscale"])
def test_a_cut_out_keeps_its_squares(session: BrowserSession, name: str) -> None:
    """What is transparent shows the checkerboard behind the image."""
    page = session.open(name)
    cut_out = saved(Image.new("RGBA", (600, 400), (0, 0, 0, 0)), "PNG")
    session.field("Image").set_input_files({**png_file(600, 400), "buffer": cut_out})
    shown = page.locator(".image-overlay img")
    expect(shown).to_have_css("background-image", re.compile("conic-gradient"))
