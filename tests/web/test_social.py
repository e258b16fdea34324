"""Social with several images at once, sets of formats, and focal points of single formats."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser_session import BrowserSession, png_file

SEND_TWO = """(zone, kind) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 200});
    canvas.getContext("2d").fillRect(0, 0, 100, 100);
    return new Promise((done) => canvas.toBlob((blob) => {
        const data = new DataTransfer();
        for (const name of ["one.png", "two.png"]) data.items.add(new File([blob], name, {type: "image/png"}));
        const init = {bubbles: true, cancelable: true};
        zone.dispatchEvent(kind === "drop" ? new DragEvent(kind, {...init, dataTransfer: data})
            : new ClipboardEvent(kind, {...init, clipboardData: data}));
        done();
    }));
}"""


def choose_two_formats(session: BrowserSession) -> Page:
    """Open Social with a square and a story selected."""
    page = session.open("social")
    session.press("None")
    instagram = page.locator(".platform", has_text="Instagram")
    for name in ("Feed Post (Square)", "Story"):
        instagram.get_by_label(name).check()
    return page


def choose(session: BrowserSession, *names: str) -> None:
    session.field("Images").set_input_files([png_file(1600, 800, name) for name in names])


def bodies(session: BrowserSession) -> list[dict[str, Any]]:
    """All bodies that were posted, oldest first."""
    sent = [data for method, url, data in session.requests if method == "POST" and url.endswith("/social/optimize")]
    return [json.loads(data) for data in sent]


def test_several_images_are_made_and_grouped(session: BrowserSession) -> None:
    """Each chosen image is one request and one group of results, and the zip has a folder for each."""
    page = choose_two_formats(session)
    choose(session, "sea.png", "hill.png")
    session.wait_for_renditions(4)
    expect(page.locator(".social-name")).to_have_text(["sea.png", "hill.png"])
    assert len(bodies(session)) == 2
    expect(page.locator(".result-head h2")).to_contain_text("4 files of 2 images")
    name, members = session.download_zip(page.get_by_role("button", name="Download all (zip)"))
    assert name == "social-formats.zip"
    files = ("instagram-feed-post-square.jpg", "instagram-story.jpg")
    assert members == [f"{folder}/{file}" for folder in ("sea", "hill") for file in files]
    session.press("Remove sea.png")
    expect(page.locator(".drop-name")).to_have_text("hill.png")
    session.wait_for_renditions(2)
    assert len(bodies(session)) == 2


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_several_images_are_dropped_or_pasted(session: BrowserSession, kind: str) -> None:
    """All files that land beside the field are chosen, and more files are added to them."""
    page = choose_two_formats(session)
    page.locator(".empty-state").evaluate(SEND_TWO, kind)
    expect(page.locator(".drop-name")).to_have_text("2 images")
    choose(session, "three.png")
    expect(page.locator(".drop-name")).to_have_text("3 images")
    session.wait_for_renditions(6)


def test_the_limits_of_several_images_are_told(session: BrowserSession) -> None:
    """The field says how many images and how large; one that can't be read or is too many is named, small ones stay."""
    page = choose_two_formats(session)
    session.press("None")
    expect(page.locator(".drop-empty")).to_contain_text("up to 20 MB and 25 megapixels each; up to 20 images")
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no image"}
    session.field("Images").set_input_files([broken] + [png_file(10, 10, f"{number}.png") for number in range(21)])
    alert = page.locator(".picker").get_by_role("alert")
    expect(alert).to_contain_text("broken.png is not a PNG, JPEG, WebP or AVIF image.")
    expect(alert).to_contain_text("At most 20 images at once. 2 of 22 files not used.")
    expect(page.locator(".drop-name")).to_have_text("19 images")
    expect(page.locator(".picker .warning")).to_be_hidden()


def test_a_request_limit_pauses_the_images(session: BrowserSession) -> None:
    """The page waits as long as the API says and goes on by itself."""
    page = choose_two_formats(session)
    limited = {"code": "too_many_requests", "detail": "The free tier allows 10 requests per minute."}

    def refuse(route: Route) -> None:
        route.fulfill(status=429, json=limited, headers={"retry-after": "1"})

    page.route("**/social/optimize", refuse, times=1)
    choose(session, "sea.png", "hill.png")
    session.wait_for_renditions(4)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(bodies(session)) == 3
    session.expect_problem("429")


def test_a_format_has_its_own_focal_point(session: BrowserSession) -> None:
    """Only that format is made again, around its point; the crop is drawn, and the others keep theirs."""
    page = choose_two_formats(session)
    choose(session, "sea.png")
    session.wait_for_renditions(2)
    session.press("Focal point of Instagram Story")
    expect(session.field("Focal point of")).to_have_value("instagram/Story")
    expect(page.locator(".focus-crop")).to_be_visible()
    page.get_by_role("button", name="Focal point; the arrow keys move it").press("Shift+ArrowLeft")
    session.wait_for_renditions(2)
    expect(page.locator(".rendition-frame[aria-busy]")).to_have_count(0)
    first, second = bodies(session)
    assert "focal_point" not in first
    assert second["format_names"] == {"instagram": ["Story"]}
    assert second["focal_point"]["x"] < 0.8
    session.press("Use the focal point of all formats")
    session.wait_for_renditions(2)
    assert "focal_point" not in bodies(session)[-1]


def test_a_set_of_formats_is_saved_and_deleted(session: BrowserSession) -> None:
    """A named set selects its formats again, after a reload too, until it is deleted."""
    page = choose_two_formats(session)
    session.press("Save as a set")
    session.field("Name of the set").fill("Campaign")
    session.field("Name of the set").press("Enter")
    session.press("All")
    page.reload()
    page.locator(".platform").first.wait_for()
    session.press("Campaign")
    expect(page.locator("legend .hint")).to_have_text("2 selected")
    session.press("Delete the set Campaign")
    expect(page.get_by_role("button", name="Campaign")).to_have_count(0)


def test_a_rendition_opens_in_full_size(session: BrowserSession) -> None:
    """The file is shown with its actions."""
    page = choose_two_formats(session)
    choose(session, "sea.png")
    session.wait_for_renditions(2)
    session.press("Open Instagram Story")
    expect(page.locator("dialog img")).to_have_js_property("naturalHeight", 1920)
