"""Upscale, Control, Social and History, and the ways between pages."""

import io
import re
import zipfile
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from tests.imaging.samples import face, saved
from tests.web.browser_session import DEFAULT_FORMATS, BrowserSession

PROMPT = "A lighthouse at dusk"


def test_an_upscaled_image_is_inspected_at_1_to_1(session: BrowserSession) -> None:
    """The result has exactly the target width, and at 1:1 the arrow keys move it."""
    page = session.open("upscale")
    session.choose_image(400, 300)
    session.choose_segment("Custom")
    session.field("Width").fill("1600")
    session.run()
    page.locator(".compare").wait_for()
    page.locator(".compare .segments label", has_text="1:1").click()
    shown = page.locator(".compare img[alt=After]")
    assert shown.evaluate("(image) => image.getBoundingClientRect().width") == 1600
    before = shown.evaluate("(image) => image.getBoundingClientRect().left")
    page.locator(".compare-view").press("ArrowRight")
    assert shown.evaluate("(image) => image.getBoundingClientRect().left") < before
    page.get_by_label("Before and after").fill("80")
    assert session.saved_image().size == (1600, 1200)


def test_a_drawn_sketch_is_sent_as_the_control_image(session: BrowserSession) -> None:
    """Strokes on the canvas and a strength of 0 are sent."""
    page = session.open("control")
    session.field("Prompt").fill("a house, watercolor")
    session.drag(page.locator(".sketch"), (0.3, 0.8), (0.3, 0.4), (0.7, 0.4), (0.7, 0.8))
    page.get_by_label("Follow the sketch closely").fill("0")
    session.run()
    page.locator(".result .actions").wait_for()
    sent = session.body("/control/process")
    assert (sent["operation"], sent["control_strength"]) == ("sketch", 0)
    assert sent["control_image_base64"].startswith("data:image/png;base64,")


def test_social_makes_every_selected_format(session: BrowserSession) -> None:
    """A chosen image comes back in each selected format, the zip holds them, and safe zones make no request."""
    page = session.open("social")
    session.choose_image(1600, 1000)
    page.locator(".platform", has_text="Instagram").get_by_label("Story").check()
    session.wait_for_renditions(DEFAULT_FORMATS + 1)
    story_card = page.locator(".rendition", has_text="Instagram Story")
    expect(story_card.locator("p")).to_have_text(re.compile(r"1080 . 1920 · \d+ KB"))
    requests = len(session.requests)
    page.get_by_label("Show safe zones").check()
    expect(page.locator(".zone:visible")).to_have_count(8)
    assert len(session.requests) == requests
    name, data = session.download(page.get_by_role("button", name="Download all (zip)"))
    assert name == "photo-formats.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 8
        story = Image.open(io.BytesIO(archive.read("instagram-story.jpg")))
        assert (story.format, story.size) == ("JPEG", (1080, 1920))


def test_the_crop_follows_the_focal_point(session: BrowserSession) -> None:
    """The previews move while the ring is dragged, and the request carries the point."""
    page = session.open("social")
    session.choose_image(1600, 800)
    page.locator(".rendition-frame.done").first.wait_for()
    square = page.locator(".rendition", has_text="Feed Post (Square)").locator("img")
    ring, box = (page.locator(selector).bounding_box() for selector in (".focus-point", ".focus-frame"))
    assert ring
    assert box
    assert ring["x"] > box["x"] + box["width"] * 0.5  # the disc right of the center was detected
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    expect(square).to_have_css("left", "0px")
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)
    expect(square).to_have_attribute("style", re.compile(r"left: -100%"))
    page.mouse.up()
    page.locator(".rendition-frame.done").first.wait_for()
    assert session.body("/social/optimize")["focal_point"]["x"] == 0.9
    point = page.get_by_role("button", name="Focal point; the arrow keys move it")
    point.press("ArrowLeft")
    expect(point).to_have_attribute("title", re.compile("^88 %"))


def test_detected_faces_are_drawn(session: BrowserSession) -> None:
    """The ring is in their middle until it is moved."""
    page = session.open("social")
    image = Image.new("RGB", (900, 450), "slategray")
    image.paste(face(200), (600, 30))
    face_file = {"name": "face.png", "mimeType": "image/png", "buffer": saved(image, "PNG")}
    session.field("Images").set_input_files(face_file)
    page.locator(".rendition-frame.done").first.wait_for()
    ring, mark = (page.locator(selector).bounding_box() for selector in (".focus-point", ".faces i"))
    assert ring
    assert mark
    for side, length in (("x", "width"), ("y", "height")):
        assert abs(ring[side] + ring[length] / 2 - mark[side] - mark[length] / 2) < 3
    point = page.get_by_role("button", name="Focal point; the arrow keys move it")
    expect(point).to_have_attribute("title", "detected: 1 face")
    point.press("ArrowLeft")
    expect(page.locator(".faces i")).to_have_count(0)


def test_a_dropped_file_is_chosen(session: BrowserSession) -> None:
    """A file dropped on the picker becomes its image; one dropped elsewhere does not replace the page."""
    page = session.open("social")
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
    elsewhere = """(node) => {
        const dropped = new DragEvent("drop", {dataTransfer: new DataTransfer(), bubbles: true, cancelable: true});
        node.dispatchEvent(dropped);
        return dropped.defaultPrevented;
    }"""
    assert page.locator("h1").evaluate(elsewhere)


def test_a_result_is_opened_on_another_page_by_reference(session: BrowserSession) -> None:
    """The request names the job and variation; no image bytes are uploaded."""
    page = session.open("create")
    session.create(PROMPT)
    page.get_by_role("button", name=re.compile("^Optimize this")).click()
    session.wait_for_renditions()
    page.get_by_role("link", name="Create", exact=True).click()
    page.get_by_role("button", name=re.compile("^Edit this")).click()
    session.choose_operation("Remove Background")
    session.run()
    page.locator(".compare").wait_for()
    for path in ("/social/optimize", "/edit/process"):
        assert re.fullmatch(r"job:[0-9a-f]{32}/1", session.body(path)["image_base64"])


def test_history_lists_opens_reuses_and_deletes_jobs(session: BrowserSession) -> None:
    """A job has its prompt, cost and image; after a reload it can be upscaled by reference, and deleted."""
    page = session.open("create")
    session.create(PROMPT)
    page.locator(".result-image img").wait_for()
    page.reload()
    page.get_by_role("link", name="History", exact=True).click()
    row = page.locator(".job")
    expect(row).to_have_count(1)
    expect(row.locator("strong")).to_have_text(PROMPT)
    expect(row).to_contain_text("5 credits")
    expect(page.locator(".usage .big")).to_have_text("9,995")
    expect(page.locator(".usage")).to_contain_text(re.compile(r"Renews on \w+ 1\."))
    page.get_by_role("button", name=f"Open {PROMPT}").click()
    download = page.locator("dialog").get_by_role("button", name=re.compile("^Download"))
    assert Image.open(io.BytesIO(session.download(download)[1])).size == (1080, 1080)
    page.get_by_role("button", name=f"Open {PROMPT}").click()
    page.locator("dialog").get_by_role("button", name=re.compile("^Upscale this")).click()
    session.choose_segment("Social")
    session.run()
    page.locator(".compare").wait_for()
    assert session.body("/upscale")["image_base64"].startswith("job:")
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("button", name=re.compile("^Delete Create")).click()
    session.press("Really delete?")
    expect(page.locator(".job")).to_have_count(1)


def test_history_updates_running_jobs_and_fetches_images_once(session: BrowserSession) -> None:
    """A running job's row changes by itself; shown images are not fetched again and the focus stays."""
    page = session.open("create")
    session.create(PROMPT)
    page.locator(".result-image img").wait_for()
    session.create("A lighthouse at dawn [[delay=12]]")
    page.locator('.waiting[data-status="running"]').wait_for()
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job .badge").first).to_have_text("Running")
    finished = page.locator(".job").nth(1).get_by_role("button", name=re.compile("^Delete"))
    finished.focus()
    expect(page.locator(".job .badge").first).to_have_text("Done")
    expect(page.locator(".job-images img")).to_have_count(2)
    expect(finished).to_be_focused()
    fetched = [url for _, url, _ in session.requests if "result?delivery=url" in url]
    assert len(fetched) == len(set(fetched)) <= 2


def test_older_jobs_stay_after_a_refresh(session: BrowserSession) -> None:
    """A refresh keeps the older jobs, and a failure to load more is explained."""
    page = session.open("create")
    job: dict[str, Any] = {"operation": "create", "status": "failed", "credits": {"reserved": 0, "charged": 0}}
    job |= {"progress": {"total": 1, "done": 0, "failed": 1}}
    jobs = [job | {"job_id": f"{number:032x}", "created_at": 1_790_000_000_000 - number} for number in range(3)]
    address = "/api/image-studio/jobs?limit=20&before="
    first, second = {"jobs": jobs[:2], "next": f"{address}two"}, {"jobs": jobs[2:], "next": f"{address}three"}
    page.route("**/jobs?limit=20", lambda route: route.fulfill(json=first))
    page.route("**/jobs?limit=20&before=two", lambda route: route.fulfill(json=second))
    page.route("**/jobs?limit=20&before=three", lambda route: route.abort())
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job")).to_have_count(2)
    session.press("Show older jobs")
    expect(page.locator(".job")).to_have_count(3)
    session.press("Refresh")
    page.wait_for_load_state("networkidle")
    expect(page.locator(".job")).to_have_count(3)
    session.press("Show older jobs")
    expect(page.get_by_role("alert")).to_contain_text("The API can't be reached")
    session.expect_problem("ERR_FAILED")


def test_a_dropped_image_is_inspected(session: BrowserSession) -> None:
    """A photograph says nothing of AI; the result of an upscale is badged, recognized and signed."""
    page = session.open("inspect")
    session.choose_image(410, 310)
    expect(page.locator(".result-head h2")).to_have_count(1)
    expect(page.locator(".result-head .badge")).to_have_count(0)
    page.evaluate("location.hash = '#/upscale'")
    page.get_by_role("heading", name="Upscale").wait_for()
    session.choose_image(400, 300)
    session.run()
    expect(page.locator(".result .badge", has_text="enhanced by AI")).to_have_count(1)
    page.evaluate("location.hash = '#/inspect'")
    page.get_by_role("heading", name="Inspect").wait_for()
    page.locator(".picker-more .thumb").first.click()
    expect(page.locator(".result-head h2")).to_have_text("This image was made here.")
    expect(page.locator(".facts")).to_contain_text("valid: unchanged since it was signed")
