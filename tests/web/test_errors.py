"""Errors in the page: what happened, what it cost, what to do next."""

import pytest
from playwright.sync_api import expect

from local.template import ROOT
from scripts.guides import ADVICE
from tests.web.browser_session import LOADED, BrowserSession

CREATE = "**/api/image-studio/create"

#: case -> status, code, the API's sentence, Retry-After; the page's sentence, and whether it offers "Try again"
CASES: dict[str, tuple[int, str | None, str, str, str, bool]] = {
    "credits": (402, "not_enough_credits", "This needs 80 credits and 50 are left this month.", "",
        "You need 80 credits and have 50 left. They renew on ", False),
    "rate limit": (429, "too_many_requests", "The free tier allows 10 requests per minute.", "4",
        "You have reached the request limit of your tier. Nothing was charged. Try again in 4 seconds.", True),
    "daily limit": (429, "too_many_requests", "The free tier allows 100 requests per day.", "40000",
        "Nothing was charged. Try again in 12 hours.", True),
    "gateway": (429, None, "", "", "Nothing was charged. Try again in a moment.", True),
    "gateway gave up": (503, None, "", "", "The job may have started. \"Try again\" continues the same job", True),
    "unknown charge": (500, "unknown_charge", "Image generation failed: the answer was lost.", "",
        "Running it again is charged separately.", False),
    "no key": (500, "provider_unavailable", "Image generation failed: Stability AI refused our key.", "",
        "Stability AI refused our key. Nothing was charged. Try again later, or choose another provider.", True),
    "outage": (500, "provider_failed", "Image generation failed: Stability AI failed (500).", "",
        "Stability AI failed (500). Nothing was charged. Try again, or choose another provider.", True),
    "too large": (413, "too_large", "Send large images through POST /uploads.", "",
        "This is too large for the API. Nothing was charged. Use a smaller image.", False),
    "storage": (503, "temporarily_unavailable", "Image Studio is temporarily unavailable.", "2",
        "Image Studio is temporarily unavailable. Nothing was charged. Try again in 2 seconds.", True),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_explained(session: BrowserSession, case: str) -> None:
    """Each code has its sentence, and "Try again" is offered only where it can help."""
    status, code, detail, retry_after, sentence, can_retry = CASES[case]
    page = session.open("create", tier="free")
    body = {"detail": detail, "code": code} if code else {"message": "Too Many Requests"}
    headers = {"retry-after": retry_after} if retry_after else {}
    page.route(CREATE, lambda route: route.fulfill(status=status, json=body, headers=headers))
    session.create("A lighthouse")
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Try again")).to_have_count(int(can_retry))
    session.expect_problem(str(status))


def test_every_code_has_a_sentence() -> None:
    """The page's table has a row for each error code that its requests can get."""
    table = (ROOT / "web/js/errors.js").read_text()
    hot_folder_only = {"superseded"}
    assert [code for code in ADVICE.keys() - hot_folder_only if f"\n  {code}: {{" not in table] == []


def test_an_error_of_a_job_is_explained(session: BrowserSession) -> None:
    """A provider that refuses the content during the job is explained in the same words."""
    page = session.open("create")
    session.create("Something [[fault=moderated]]")
    expect(page.get_by_role("alert")).to_contain_text("content policy refused this request. Nothing was charged.")


def test_a_lost_connection_can_be_retried(session: BrowserSession) -> None:
    """When the API can't be reached, the page says so, and "Try again" works once it is back."""
    page = session.open("create")
    page.route(CREATE, lambda route: route.abort())
    session.create("A lighthouse")
    expect(page.get_by_role("alert")).to_contain_text("The API can't be reached. The job may have started")
    page.unroute(CREATE)
    session.press("Try again")
    expect(page.locator(".result-image img")).to_have_count(1)
    session.expect_problem("ERR_FAILED")


def test_a_page_opens_when_the_network_is_back(session: BrowserSession) -> None:
    """Without a network the page says so instead of showing another one, and it opens by itself."""
    page = session.open("create")
    page.context.set_offline(True)
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The API can't be reached.")
    expect(page.locator("h1")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Edit")
    expect(page).to_have_title("Edit · Image Studio")
    session.expect_problem("ERR_INTERNET_DISCONNECTED")


def test_a_list_that_failed_is_loaded_again(session: BrowserSession) -> None:
    """Operations, formats and templates have a button for it, so the page needs no reload."""
    page = session.open("upscale")
    lists = {"edit": "edit/operations", "control": "control/operations", "social": "templates", "create": "templates"}
    failure = {"code": "temporarily_unavailable", "detail": "Busy."}
    for name, path in lists.items():
        page.route(f"**/{path}", lambda route: route.fulfill(status=503, json=failure), times=1)
        page.evaluate(f"location.hash = '#/{name}'")
        session.press("Try again")
        page.locator(LOADED[name]).first.wait_for()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.evaluate("location.hash = '#/upscale'")
        page.reload()
        page.get_by_role("heading", name="Upscale").wait_for()
    session.expect_problem("503")


def test_an_error_is_shown_where_it_is_seen(session: BrowserSession) -> None:
    """Closed settings open for the field that an error names; a field that the operation hides takes none."""
    page = session.open("create")
    page.get_by_text("More settings").click()
    session.field("Steps").fill("500")
    page.get_by_text("More settings").click()
    session.create("A lighthouse")
    expect(session.field("Steps")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("Steps must be 150 or less.")
    page.evaluate("location.hash = '#/control'")
    page.locator(".sketch").wait_for()
    session.create("A house")
    expect(page.get_by_role("alert")).to_have_text("The sketch is empty. Draw some lines first.")
    session.expect_problem("400")


def test_social_asks_for_a_format(session: BrowserSession) -> None:
    """With no format selected, the page asks for one."""
    page = session.open("social")
    session.choose_image(400, 300)
    session.wait_for_renditions()
    for platform in page.locator(".platform").all():
        if not platform.evaluate("(node) => node.open"):
            platform.locator("summary").click()
        platform.locator("input").first.uncheck()
    session.run()
    expect(page.get_by_role("alert")).to_have_text("Choose at least one format.")
