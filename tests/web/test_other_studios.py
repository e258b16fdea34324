"""Upscale, Control, Social and History, from an empty page to a saved file."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

from PIL import Image
from playwright.sync_api import Route, expect

from tests.web.visit import Visit, as_file


def test_a_picture_is_enlarged_and_looked_at_pixel_by_pixel(visit: Visit) -> None:
    """A target width comes out exactly; at 1:1 the picture is moved by arrow keys."""
    page = visit.open("upscale")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(400, 300))
    page.locator(".segments label", has_text="Own size").click()
    page.get_by_label("Width", exact=True).fill("1600")
    page.get_by_role("button", name="Upscale", exact=True).click()
    page.locator(".compare").wait_for()
    page.locator(".compare .segments label", has_text="1:1").click()
    shown = page.locator(".compare img[alt=After]")
    assert shown.evaluate("(image) => image.getBoundingClientRect().width") == 1600
    before = shown.evaluate("(image) => image.getBoundingClientRect().left")
    page.locator(".compare-view").press("ArrowRight")
    assert shown.evaluate("(image) => image.getBoundingClientRect().left") < before
    page.get_by_label("Before and after").fill("80")
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).size == (1600, 1200)


def test_a_drawn_sketch_becomes_a_picture(visit: Visit) -> None:
    """Strokes on the pad are sent as the control image, and a picture of its shape is saved."""
    page = visit.open("control")
    page.get_by_label("Prompt", exact=True).fill("a house, watercolour")
    pad = page.locator(".pad")
    visit.drag(pad, (0.3, 0.8), (0.3, 0.4), (0.7, 0.4), (0.7, 0.8))
    page.get_by_label("Hold on to it").fill("0")
    page.get_by_role("button", name="Make it", exact=True).click()
    page.locator(".result .actions").wait_for()
    sent = visit.body("/control/process")
    assert sent["operation"] == "sketch"
    assert sent["control_strength"] == 0
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).width >= 512


def test_every_control_has_its_path(visit: Visit) -> None:
    """Structure, style and style transfer each make a picture from the pictures that they ask for."""
    page = visit.open("control")
    page.locator(".operation").first.wait_for()
    page.get_by_label("Prompt", exact=True).fill("a glass pavilion")
    for operation, label in (
        ("Structure Control", "Picture whose structure stays"),
        ("Style Control", "Style reference"),
        ("Style Transfer", "Picture to restyle"),
    ):
        page.locator(".operation", has_text=operation).click()
        page.get_by_label(label, exact=True).set_input_files(as_file(640, 480))
        if operation == "Style Transfer":
            page.get_by_label("Style to take over", exact=True).set_input_files(as_file(512, 512))
        page.get_by_role("button", name="Make it", exact=True).click()
        expect(page.locator(".result h2")).to_have_text(operation)
        page.locator(".result .facts").wait_for()


def test_one_picture_becomes_all_chosen_formats(visit: Visit) -> None:
    """A picked picture comes back in each chosen format at once; the archive holds them in their exact sizes."""
    page = visit.open("social")
    page.locator(".platform").first.wait_for()
    page.get_by_label("Picture", exact=True).set_input_files(as_file(1600, 1000))
    page.locator(".platform", has_text="Instagram").get_by_label("Story").check()
    expect(page.locator(".rendition-frame.done")).to_have_count(8)
    expect(page.locator(".rendition", has_text="Instagram Story").locator("p")).to_have_text(
        re.compile(r"1080 . 1920 · \d+ KB")
    )
    name, data = visit.download(page.get_by_role("button", name="Download all (zip)"))
    assert name == "photo-formats.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 8
        story = Image.open(io.BytesIO(archive.read("instagram-story.jpg")))
        assert (story.format, story.size) == ("JPEG", (1080, 1920))


def test_the_crop_follows_the_focal_point(visit: Visit) -> None:
    """While the ring is dragged the previews move with it; the request then carries the point."""
    page = visit.open("social")
    page.locator(".platform").first.wait_for()
    page.get_by_label("Picture", exact=True).set_input_files(as_file(1600, 800))
    page.locator(".rendition-frame.done").first.wait_for()
    ring = page.locator(".focus-point").bounding_box()
    frame = page.locator(".focus-frame")
    square = page.locator(".rendition", has_text="Feed Post (Square)").locator("img")
    box = frame.bounding_box()
    assert box
    assert ring
    assert ring["x"] > box["x"] + box["width"] * 0.5  # the studio found the disc, right of the middle
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    expect(square).to_have_css("left", "0px")
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)
    expect(square).to_have_attribute("style", re.compile(r"left: -100%"))
    page.mouse.up()
    page.locator(".rendition-frame.done").first.wait_for()
    assert visit.body("/social/optimize")["focal_point"]["x"] == 0.9
    point = page.get_by_role("button", name="Focal point; arrow keys move it")
    point.press("ArrowLeft")
    expect(point).to_have_attribute("title", re.compile("^88 %"))


def test_safe_zones_are_laid_over_and_leave_the_files_alone(visit: Visit) -> None:
    """Toggling safe zones covers every picture's edges on the page without making anything anew."""
    page = visit.open("social")
    page.locator(".platform").first.wait_for()
    page.get_by_label("Picture", exact=True).set_input_files(as_file(1600, 1000))
    page.locator(".rendition-frame.done").first.wait_for()
    asked = len([url for method, url, _ in visit.sent if method == "POST"])
    page.get_by_label("Show safe zones").check()
    expect(page.locator(".zone:visible")).to_have_count(7)
    assert len([url for method, url, _ in visit.sent if method == "POST"]) == asked


def test_a_dropped_picture_is_taken(visit: Visit) -> None:
    """A file dropped onto the picker is the picture; one dropped beside it doesn't replace the page."""
    page = visit.open("social")
    drop = """(zone) => {
        const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 200});
        canvas.getContext("2d").fillRect(0, 0, 100, 100);
        return new Promise((done) => canvas.toBlob((blob) => {
            const data = new DataTransfer();
            data.items.add(new File([blob], "dropped.png", {type: "image/png"}));
            zone.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
            done();
        }));
    }"""
    page.locator(".drop").evaluate(drop)
    expect(page.locator(".drop-name")).to_have_text("dropped.png")
    beside = """(node) => {
        const dropped = new DragEvent("drop", {bubbles: true, cancelable: true});
        node.dispatchEvent(dropped);
        return dropped.defaultPrevented;
    }"""
    assert page.locator("h1").evaluate(beside)


def test_history_shows_jobs_usage_and_deletes(visit: Visit) -> None:
    """A made picture is in History with its cost, counts in the usage, opens, and can be deleted."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator(".picture img").wait_for()
    page.get_by_role("link", name="History", exact=True).click()
    row = page.locator(".job")
    expect(row).to_have_count(1)
    expect(row.locator("strong")).to_have_text("A lighthouse at dusk")
    expect(row).to_contain_text("5 credits")
    expect(page.locator(".usage .big")).to_have_text("9,995")
    page.get_by_role("button", name="Open A lighthouse at dusk").click()
    assert visit.saved(page.locator("dialog").get_by_role("button", name=re.compile("^Download"))).size == (1080, 1080)
    page.get_by_role("button", name=re.compile("^Delete Create")).click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".job")).to_have_count(0)


def test_history_follows_what_runs_and_fetches_pictures_once(visit: Visit) -> None:
    """While a job runs its row changes by itself, and pictures that are shown already aren't fetched again."""
    page = visit.open("create")
    prompt = page.get_by_label("Prompt", exact=True)
    create = page.get_by_role("button", name="Create", exact=True)
    prompt.fill("A lighthouse at dusk")
    create.click()
    page.locator(".picture img").wait_for()
    prompt.fill("A lighthouse at dawn [[delay=12]]")
    create.click()
    page.locator('.waiting[data-status="running"]').wait_for()
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job .badge").first).to_have_text("Running")
    finished = page.locator(".job").nth(1).get_by_role("button", name=re.compile("^Delete"))
    finished.focus()
    expect(page.locator(".job .badge").first).to_have_text("Done")
    expect(page.locator(".job-pictures img")).to_have_count(2)
    expect(finished).to_be_focused()
    fetched = [url for _, url, _ in visit.sent if "result?delivery=url" in url]
    assert len(fetched) == len(set(fetched)) == 2


def answering(body: dict[str, Any]) -> Callable[[Route], None]:
    """What answers a request with that body."""
    return lambda route: route.fulfill(json=body)


def test_older_jobs_stay_and_a_failure_is_told(visit: Visit) -> None:
    """What "Show older ones" brought is still there after a refresh; when it brings nothing, the page says why."""
    page = visit.open("create")
    jobs = [
        {
            "job_id": f"{number:032x}",
            "operation": "create",
            "status": "failed",
            "created_at": 1_790_000_000_000 - number,
        }
        | {"credits": {"reserved": 0, "charged": 0}, "progress": {"total": 1, "done": 0, "failed": 1}}
        for number in range(3)
    ]
    pages = {"": {"jobs": jobs[:2], "next": "two"}, "&before=two": {"jobs": jobs[2:], "next": "three"}}
    for query, answer in pages.items():
        page.route(f"**/jobs?limit=20{query}", answering(answer))
    page.route("**/jobs?limit=20&before=three", lambda route: route.abort())
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job")).to_have_count(2)
    older = page.get_by_role("button", name="Show older ones")
    older.click()
    expect(page.locator(".job")).to_have_count(3)
    page.get_by_role("button", name="Refresh").click()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".job")).to_have_count(3)
    older.click()
    expect(page.get_by_role("alert")).to_contain_text("The API can't be reached")
    visit.forgive("ERR_FAILED")


def test_a_picture_from_history_is_upscaled(visit: Visit) -> None:
    """An old result goes to another studio by its reference, after the page was loaded anew."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator(".picture img").wait_for()
    page.reload()
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("button", name="Open A lighthouse at dusk").click()
    page.locator("dialog").get_by_role("button", name=re.compile("^Upscale this")).click()
    page.locator(".segments label", has_text="Social").click()
    page.get_by_role("button", name="Upscale", exact=True).click()
    page.locator(".compare").wait_for()
    assert visit.body("/upscale")["image_base64"].startswith("job:")


def test_a_created_picture_is_optimised_by_its_reference(visit: Visit) -> None:
    """The button for it takes a result to Social, which makes all formats at once; no bytes travel there."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("button", name=re.compile("^Optimise this")).click()
    expect(page.locator(".rendition-frame.done")).to_have_count(7)
    assert re.fullmatch(r"job:[0-9a-f]{32}/1", visit.body("/social/optimize")["image_base64"])
