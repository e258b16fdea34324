"""The library as a gallery: save results, find them, change them, use them as input."""

import re

from playwright.sync_api import Page, Route, expect

from tests.web.browser_session import BrowserSession


def open_library(page: Page) -> None:
    page.evaluate("location.hash = '#/library'")
    page.locator(".usage .big").wait_for()


def save_results(session: BrowserSession, *prompts: str) -> Page:
    """Make an image for each prompt and save it to the library."""
    page = session.open("create")
    for count, prompt in enumerate(prompts, 1):
        session.create(prompt)
        expect(page.locator(".result-image img")).to_have_count(count)
        save = page.locator(".run-card").first.get_by_role("button", name=re.compile("^Save to library"))
        save.click()
        expect(save).to_have_text("Saved")
        page.wait_for_timeout(1000)
    open_library(page)
    expect(page.locator(".asset")).to_have_count(len(prompts))
    return page


def test_a_saved_result_is_shown_by_its_thumbnail(session: BrowserSession) -> None:
    """Saving sends the result's reference, not its bytes, and the gallery loads no original before one is opened."""
    page = save_results(session, "A lighthouse")
    assert re.fullmatch(r"job:[0-9a-f]{32}/1", session.body("/save-to-library")["image_base64"])
    thumbnail = page.locator(".asset img")
    expect(thumbnail).to_have_attribute("src", re.compile("thumbnail"))
    assert thumbnail.evaluate("(image) => image.decode().then(() => image.naturalWidth)") <= 512
    expect(page.locator(".usage")).to_contain_text("1 image")
    expect(page.locator(".usage")).to_contain_text(re.compile(r"[KM]B of 50 GB"))
    assert not any("original" in url for _, url, _ in session.requests)
    session.press("Open A lighthouse")
    expect(page.locator("dialog .facts")).to_contain_text("A lighthouse")
    page.locator("dialog").get_by_role("button", name=re.compile("^Download")).wait_for()


def test_the_library_is_searched_tagged_and_sorted(session: BrowserSession) -> None:
    """A title and tags are edited; words, tags, dates and favorites filter what is shown."""
    page = save_results(session, "A lighthouse", "A harbor")
    expect(page.locator(".asset-foot span")).to_have_text(["A harbor", "A lighthouse"])
    page.get_by_label("Order").select_option("Oldest")
    expect(page.locator(".asset-foot span")).to_have_text(["A lighthouse", "A harbor"])
    session.press("Open A harbor")
    page.locator("dialog").get_by_label("Title").fill("Autumn campaign")
    page.locator("dialog").get_by_label("Tags").fill("sea, autumn")
    session.press("Save changes")
    expect(page.get_by_role("button", name="Open Autumn campaign")).to_be_focused()
    expect(page.locator(".asset", has_text="Autumn campaign")).to_contain_text("sea, autumn")
    page.get_by_role("button", name="Favorite: A lighthouse").click()
    expect(page.get_by_role("button", name="Favorite: A lighthouse")).to_have_attribute("aria-pressed", "true")
    for label, words, found in (("Search", "light", "A lighthouse"), ("Tags", "autumn", "Autumn campaign")):
        page.get_by_label(label, exact=True).fill(words)
        expect(page.locator(".asset-foot span")).to_have_text([found])
        page.get_by_label(label, exact=True).fill("")
        expect(page.locator(".asset")).to_have_count(2)
    page.get_by_label("Favorites").check()
    expect(page.locator(".asset-foot span")).to_have_text(["A lighthouse"])
    page.get_by_label("Favorites").uncheck()
    page.get_by_label("To", exact=True).fill("2020-01-01")
    expect(page.locator(".empty-state")).to_contain_text("No image matches.")


def test_several_assets_are_saved_compared_and_deleted(session: BrowserSession) -> None:
    """The zip has the originals; two stand side by side; deletion needs a confirmation."""
    page = save_results(session, "A lighthouse", "A harbor")
    session.select_all()
    name, members = session.download_zip(page.get_by_role("button", name="Download (zip)"))
    assert name == "image-studio.zip"
    assert len(members) == 2
    session.press("Compare")
    expect(page.locator(".side-by-side img")).to_have_count(2)
    session.press("Close")
    session.press("Delete")
    session.press("Really delete 2 images?")
    expect(page.locator(".empty-state")).to_contain_text("Nothing is kept yet.")


def gone(route: Route) -> None:
    """Answer as if another tab had deleted it before; a DELETE deletes it."""
    if route.request.method == "DELETE":
        route.fetch()
    route.fulfill(status=404, json={"code": "not_found", "detail": "Not found."})


def test_what_is_gone_stops_nothing_else(session: BrowserSession) -> None:
    """Of several selected images or jobs the others are saved and deleted, and what is gone is counted."""
    page = save_results(session, "A lighthouse", "A harbor")
    session.select_all()
    page.route(re.compile("original"), gone, times=1)
    session.press("Compare")
    expect(page.locator(".toast").last).to_have_text("The image has expired.")
    page.route(re.compile("content-assets/[0-9a-f]{32}$"), gone, times=1)
    session.press("Delete")
    session.press("Really delete 2 images?")
    expect(page.locator(".toast").last).to_have_text("1 image deleted, 1 was gone already.")
    expect(page.locator(".asset")).to_have_count(0)
    page.get_by_role("link", name="History", exact=True).first.click()
    expect(page.locator(".job input")).to_have_count(2)
    session.select_all()
    page.route(re.compile("/result"), gone, times=1)
    session.press("Save to library")
    expect(page.locator(".toast").last).to_have_text("1 image saved to the library, 1 was gone already.")
    page.route(re.compile("/jobs/[0-9a-f]{32}$"), gone, times=1)
    session.press("Delete")
    session.press("Really delete 2 jobs?")
    expect(page.locator(".toast").last).to_have_text("1 job deleted, 1 was gone already.")
    expect(page.locator(".job")).to_have_count(0)
    session.expect_problem("404")


def test_an_asset_is_an_input_and_is_reused(session: BrowserSession) -> None:
    """The picker's dialog offers it, the request names it, and "Reuse" fills in the prompt that made it."""
    page = save_results(session, "A lighthouse")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("button", name="From the library").first.click()
    session.press("Use A lighthouse")
    session.choose_operation("Remove Background")
    session.run()
    page.locator(".compare").wait_for()
    assert re.fullmatch(r"asset:[0-9a-f]{32}", session.body("/edit/process")["image_base64"])
    page.get_by_role("link", name="History", exact=True).click()
    page.locator(".job", has_text="Remove Background").get_by_role("button", name="Reuse").click()
    expect(page.locator(".drop-preview img")).to_have_count(1)
    page.reload()
    open_library(page)
    session.forget_results()
    session.press("Open A lighthouse")
    session.press("Reuse")
    expect(page.locator("h1")).to_have_text("Create")
    expect(session.field("Prompt")).to_have_value("A lighthouse")


def test_history_is_saved_to_the_library_by_reference(session: BrowserSession) -> None:
    """Selected jobs are kept with all their images, and no image is downloaded for it."""
    page = session.open("create")
    session.press("More variations")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("checkbox", name=re.compile("^Select")).check()
    session.press("Save to library")
    expect(page.locator(".toast")).to_contain_text("2 images saved to the library.")
    open_library(page)
    expect(page.locator(".asset")).to_have_count(2)
