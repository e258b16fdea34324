"""History as a gallery: small thumbnails, search, favorites, several at once, and reuse."""

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.web.browser_session import BrowserSession

IMAGE_URL = re.compile(r"result\?delivery=url")


def open_history(page: Page) -> None:
    page.get_by_role("link", name="History", exact=True).click()
    page.locator(".job").first.wait_for()


def test_a_result_is_reused_with_its_settings(session: BrowserSession) -> None:
    """Prompt, size, count, provider and seed of a create; operation, prompt and image of an edit."""
    page = session.open("create")
    page.locator(".chip[value=pinterest]").click()
    session.press("More variations")
    session.field("Provider").select_option("stability")
    page.get_by_text("More settings").click()
    session.field("Seed").fill("7")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    first = session.body("/create")
    page.get_by_role("button", name=re.compile("^Edit this")).first.click()
    expect(page.locator("h1")).to_have_text("Edit")
    session.field("Prompt").fill("a red door")
    session.run()
    page.locator(".compare").wait_for()
    edited = session.body("/edit/process")
    page.reload()
    open_history(page)
    page.locator(".job", has_text="Inpaint & Fix: a red door").get_by_role("button", name="Reuse").click()
    expect(session.field("Prompt")).to_have_value("a red door")
    expect(page.locator(".drop-preview img")).to_have_count(1)
    session.run()
    page.locator(".compare").wait_for()
    assert session.body("/edit/process") == edited
    open_history(page)
    page.locator(".job", has_text="A lighthouse").get_by_role("button", name="Reuse").click()
    expect(session.field("Prompt")).to_have_value("A lighthouse")
    expect(page.locator(".stepper output")).to_have_text("2")
    session.run()
    expect(page.locator(".result-image img")).to_have_count(2)
    assert session.body("/create") == first


def test_a_job_has_its_prompt_from_the_start(session: BrowserSession) -> None:
    """One that runs or has failed is named by it and can be reused; ten images leave room for it."""
    page = session.open("create", size=(1024, 768))
    failing = "A lighthouse on a cliff at dusk in warm light [[fault=moderated]]"
    session.create(failing)
    page.get_by_role("alert").wait_for()
    session.create("A harbor [[delay=9]]")
    page.locator('.waiting[data-status="running"]').wait_for()
    open_history(page)
    expect(page.locator(".job strong")).to_have_text(["A harbor [[delay=9]]", failing])
    expect(page.get_by_role("button", name="Reuse")).to_have_count(2)
    failed = page.locator(".job", has_text=failing)
    remember = """async ({ dataset: { job } }) => {
        const { remember } = await import("./js/memory.js");
        await remember(job, { thumbnails: Array(10).fill(null) });
        dispatchEvent(new CustomEvent("remembered", { detail: job }));
    }"""
    failed.evaluate(remember)
    expect(failed.locator(".job-images button")).to_have_count(10)
    assert failed.locator("strong").evaluate("(node) => node.getBoundingClientRect().width") > 300
    failed.get_by_role("button", name="Reuse").click()
    expect(session.field("Prompt")).to_have_value(failing)


def test_two_hundred_jobs_load_no_full_images(session: BrowserSession) -> None:
    """Ten pages of history move less than a megabyte; an image is loaded when it is opened."""
    page = session.open("create")
    session.create("A lighthouse")
    page.locator(".run-card .facts").wait_for()  # all of its result is there
    token = page.evaluate("fetch('/local/session').then((response) => response.json())")["token"]
    record: dict[str, Any] = page.request.get(  # a real record, two hundred times
        next(url for _, url, _ in session.requests if re.search("/jobs/[0-9a-f]{32}$", url)),
        headers={"authorization": f"Bearer {token}"},
    ).json()
    numbers = range(200)
    jobs = [record | {"job_id": f"{at:032x}", "created_at": record["created_at"] - at * 3_600_000} for at in numbers]

    def listed(route: Route) -> None:
        start = int((re.search(r"before=(\d+)", route.request.url) or [0, 0])[1])
        following = f"/api/image-studio/jobs?limit=20&before={start + 20}" if start < 180 else None
        route.fulfill(json={"jobs": jobs[start : start + 20], "next": following})

    result = {"results": [{"image_url": "https://x.invalid/full.png", "variation": 1}], "request": {"prompt": "p"}}
    page.route(re.compile(r"/jobs\?limit"), listed)
    page.route(IMAGE_URL, lambda route: route.fulfill(json=result))
    sizes: list[int] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    open_history(page)
    for pages in range(2, 11):
        session.press("Show older jobs")
        expect(page.locator(".job")).to_have_count(20 * pages)
    page.mouse.wheel(0, 100_000)
    page.wait_for_timeout(500)
    assert sum(sizes) < 1_000_000
    assert not any("x.invalid" in url for _, url, _ in session.requests)


def test_jobs_are_found_marked_and_saved_together(session: BrowserSession) -> None:
    """Search and favorites filter, the zip has speaking names, two are compared, and several are deleted."""
    page = session.create_each("A lighthouse", "A harbor")
    open_history(page)
    expect(page.locator(".job strong", has_text="A ")).to_have_count(2)
    expect(page.locator(".job").first).to_contain_text(re.compile(r"kept until \w+ \d+"))
    expect(page.locator(".day")).to_have_count(1)
    page.get_by_label("Search").fill("harbor")
    expect(page.locator(".job")).to_have_count(1)
    page.get_by_role("button", name="Favorite").click()
    page.get_by_label("Search").fill("")
    page.get_by_label("Favorites").check()
    expect(page.locator(".job")).to_have_count(1)
    page.get_by_label("Favorites").uncheck()
    session.select_all()
    name, members = session.download_zip(page.get_by_role("button", name="Download (zip)"))
    assert name == "image-studio.zip"
    assert sorted(members) == ["01-a-harbor-1.png", "02-a-lighthouse-1.png"]
    session.press("Compare")
    expect(page.locator(".side-by-side img")).to_have_count(2)
    session.press("Close")
    session.press("Delete")
    session.press("Really delete 2 jobs?")
    expect(page.locator(".empty-state")).to_contain_text("No jobs yet.")


def test_a_job_of_another_browser_is_shown(session: BrowserSession) -> None:
    """Its prompt comes from the result, and its image when it is opened; its settings or operation can be reused."""
    page = session.open("create")
    session.create("A lighthouse")
    page.locator(".result-image img").wait_for()
    session.forget_results()
    page.reload()
    open_history(page)
    expect(page.locator(".job strong")).to_have_text("A lighthouse")
    expect(page.locator(".job-images img")).to_have_count(0)
    session.press("Open A lighthouse")
    expect(page.locator("dialog img")).to_be_visible()
    session.press("Close")
    expect(page.locator(".job-images img")).to_have_count(1)
    session.press("Reuse")
    expect(session.field("Prompt")).to_have_value("A lighthouse")
    page.get_by_role("link", name="Edit", exact=True).click()
    session.choose_image(600, 400)
    session.choose_operation("Remove Background")
    page.locator("button.run:visible").click()
    page.locator(".compare").wait_for()
    session.forget_results()
    page.reload()
    open_history(page)
    page.locator(".job", has_text="Remove background").get_by_role("button", name="Reuse").click()
    expect(page.locator(".operation", has_text="Remove Background").locator("input")).to_be_checked()
