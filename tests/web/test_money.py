"""Nothing is paid twice: a lost network, a reload, a second click and an old failure."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser_session import BrowserSession

SUBMITS = "/create"
RUNNING = '.waiting[data-status="running"]'


def credits_left(page: Page) -> str:
    """The credits that are left once nothing is reserved any more."""
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".usage .big")).to_be_visible()
    return page.locator(".usage .big").inner_text()


def submits(session: BrowserSession, path: str = SUBMITS) -> int:
    return sum(method == "POST" and url.endswith(path) for method, url, _ in session.requests)


def test_a_lost_network_is_one_job_and_one_charge(session: BrowserSession) -> None:
    """The page says that it is offline, goes on following the job, and shows its result."""
    page = session.open("create")
    session.create("A lighthouse [[delay=6]]")
    page.locator(RUNNING).wait_for()
    page.context.set_offline(True)
    expect(page.locator(".run-progress")).to_have_text("No connection. The job continues and is still followed.")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.wait_for_timeout(12_000)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator(".result-image img")).to_have_count(1)
    assert submits(session) == 1
    session.expect_problem("ERR_INTERNET_DISCONNECTED")
    assert credits_left(page) == "9,995"


def test_a_submit_without_an_answer_is_joined(session: BrowserSession) -> None:
    """When the answer to a submit is lost, "Try again" continues the job that the API has: one charge."""
    page = session.open("create")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/image-studio/create", lose_the_answer)
    session.create("A lighthouse")
    expect(page.get_by_role("alert")).to_contain_text("it is charged only once")
    page.unroute("**/api/image-studio/create")
    session.press("Try again")
    expect(page.locator(".result-image img")).to_have_count(1)
    session.expect_problem("ERR_FAILED")
    assert credits_left(page) == "9,995"


def test_a_reload_goes_on_with_the_job(session: BrowserSession) -> None:
    """After a reload the running job is shown again with its result, without another request for it."""
    page = session.open("create")
    session.create("A lighthouse [[delay=6]]")
    page.locator(RUNNING).wait_for()
    page.reload()
    expect(page.locator(".run-card h2")).to_have_text("A lighthouse [[delay=6]]")
    expect(page.locator(".result-image img")).to_have_count(1)
    assert submits(session) == 1
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    page.locator(".card").first.wait_for()
    expect(page.locator(".run-card")).to_have_count(0)


def test_an_edit_is_shown_after_a_reload(session: BrowserSession) -> None:
    """The result comes without the image it was made from, which the reload has lost."""
    page = session.open("edit")
    session.choose_image(400, 300)
    session.field("Prompt").fill("a door [[delay=6]]")
    session.run()
    page.locator(".waiting", has_text="Running").wait_for()
    page.reload()
    expect(page.locator(".result h2")).to_have_text("Inpaint & Fix")
    assert submits(session, "/edit/process") == 1


def test_two_tabs_are_two_jobs(session: BrowserSession) -> None:
    """The same request in another tab is another job; each tab shows its own."""
    first = session.open("create")
    session.create("A lighthouse [[delay=4]]")
    first.locator(RUNNING).wait_for()
    second = first.context.new_page()
    second.goto(f"{session.origin}/#/create")
    second.locator(".card").first.wait_for()
    expect(second.locator(".run-card")).to_have_count(0)
    second.get_by_label("Prompt", exact=True).fill("A lighthouse [[delay=4]]")
    second.locator("button.run").click()
    for page in (first, second):
        expect(page.locator(".result-image img")).to_have_count(1)
    assert credits_left(first) == "9,990"


def test_a_double_click_is_one_job_and_several_may_run(session: BrowserSession) -> None:
    """Two quick clicks send one request; a second request need not wait for the first."""
    page = session.open("create")
    session.field("Prompt").fill("A lighthouse [[delay=5]]")
    session.run_button.dblclick()
    page.locator(RUNNING).wait_for()
    assert submits(session) == 1
    page.wait_for_timeout(1000)
    session.create("A harbor [[delay=5]]")
    expect(page.locator(RUNNING)).to_have_count(2)
    expect(page.locator(".result-image img")).to_have_count(2)


def test_try_again_repeats_the_request_that_failed(session: BrowserSession) -> None:
    """Whatever the form says by then; the button names the price, and the sentence that nothing was charged."""
    page = session.open("create")
    expect(page.locator(".price")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".price strong")).to_have_text(re.compile(r"credits"))
    page.route(
        "**/api/image-studio/create",
        lambda route: route.fulfill(status=503, json={"code": "temporarily_unavailable", "detail": "Busy."}),
        times=1,
    )
    session.create("A lighthouse")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged.")
    for _ in range(3):
        session.press("More variations")
    session.field("Prompt").fill("Something else")
    session.press("Try again (5 credits)")
    expect(page.locator(".result-image img")).to_have_count(1)
    sent = session.body("/create")
    assert (sent["prompt"], sent["num_variations"]) == ("A lighthouse", 1)
    session.expect_problem("503")


def test_stop_waiting_offers_the_result(session: BrowserSession) -> None:
    """It is no failure: the note shows the result when the job is done, without a second job."""
    page = session.open("create")
    session.create("A lighthouse [[delay=6]]")
    page.locator(RUNNING).wait_for()
    session.press("Stop waiting")
    expect(page.locator(".note")).to_contain_text("The job continues")
    expect(page.get_by_role("alert")).to_have_count(0)
    session.press("Show the result when it is done")
    expect(page.locator(".result-image img")).to_have_count(1)
    assert submits(session) == 1


def test_a_queued_job_can_be_canceled(session: BrowserSession) -> None:
    """The page offers it until the job starts, and then says that nothing was charged."""
    page = session.open("create")
    page.route(re.compile("/jobs/[0-9a-f]{32}$"), queued_until_deleted())
    session.create("A lighthouse [[delay=3]]")
    session.press("Cancel job")
    expect(page.locator(".note")).to_have_text("You canceled this job before anything was charged.")


def queued_until_deleted() -> Callable[[Route], None]:
    """A job that stays queued, as on a busy account, until it is deleted."""
    deleted = []

    def answer(route: Route) -> None:
        if route.request.method == "DELETE":
            deleted.append(True)
            route.fulfill(json={"job_id": "0" * 32, "stopped": True})
            return
        stopped = {"status": 409, "code": "job_stopped", "detail": "Stopped."}
        job = {
            "job_id": "0" * 32,
            "status": "failed" if deleted else "queued",
            "progress": {"total": 1, "done": 0, "failed": 0},
            "variations": [],
            "error": stopped if deleted else None,
        }
        route.fulfill(json=job)

    return answer


@pytest.mark.parametrize("page_name", ["create", "edit"])
def test_an_unknown_charge_is_explained(session: BrowserSession, page_name: str) -> None:
    """What is held and for how long, and that running it again is charged separately, with its price."""
    page = session.open(page_name)
    if page_name == "edit":
        session.choose_image(400, 300)
    expect(page.locator(".price strong")).to_have_text(re.compile(r"credits?"))
    path = "create" if page_name == "create" else "edit/process"
    body = {"code": "unknown_charge", "detail": "Image generation failed: the answer was lost."}
    page.route(f"**/api/image-studio/{path}", lambda route: route.fulfill(status=500, json=body))
    session.field("Prompt").fill("A lighthouse")
    session.run()
    note = page.get_by_role("alert")
    expect(note).to_contain_text("held for up to an hour, and then given back. Running it again is charged separately.")
    expect(note.get_by_role("button")).to_have_text(re.compile(r"Run it again \(\d+ credits?\)"))
    session.expect_problem("500")
