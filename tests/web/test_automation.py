"""The Automation page: batches and webhooks."""

import re

from playwright.sync_api import Route, expect

from tests.web.browser_session import BrowserSession

HOOK = "https://8.8.8.8/image-studio"  # public, so that it is accepted; nothing calls it here


def test_prompts_become_a_batch(session: BrowserSession) -> None:
    """The price before the click is what is charged, and the zip has an image for each line."""
    page = session.open("automation")
    session.field("Prompts").fill('A red chair\n\nA blue chair\nA poster that says "Hello"')
    price = page.locator(".price")
    expect(price).to_contain_text("for 3 images")
    shown = int(re.findall(r"\d+", price.inner_text())[0])
    session.press("Create all")
    row = page.locator(".batch")
    expect(row).to_contain_text(f"{shown} credits charged")
    expect(row.locator(".badge")).to_have_text("Done")
    expect(row).to_contain_text(f"3 done · {shown} of {shown} credits charged")
    assert session.body("/batches")["items"][0] == {"prompt": "A red chair"}
    _, members = session.download_zip(row.get_by_role("button", name="Download (zip)"))
    assert len(members) == 3


def test_a_batch_is_canceled(session: BrowserSession) -> None:
    """What has not started is canceled and not charged; meanwhile updates leave the focus on the button."""
    page = session.open("automation", tier="free")
    session.field("Prompts").fill("\n".join(f"Chair {number} [[delay=9]]" for number in range(8)))
    expect(page.locator(".price")).to_contain_text("for 8 images")
    session.press("Create all")
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    page.wait_for_event("response", lambda response: "/batches?limit" in response.url)
    expect(cancel).to_be_focused()
    session.press("Cancel")
    expect(page.locator(".batch .badge")).to_have_text("Done")
    expect(page.locator(".batch")).to_contain_text("failed or canceled")


def test_a_batch_without_an_answer_is_joined(session: BrowserSession) -> None:
    """When the gateway gives up on a batch that the API has, "Try again" repeats its key: one batch, one charge."""
    page = session.open("automation")
    keys: list[str] = []

    def give_up(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        response = route.fetch()
        if len(keys) == 1:
            route.fulfill(status=503, json={"message": "Service Unavailable"})
        else:
            route.fulfill(response=response)

    page.route("**/api/image-studio/batches", give_up)
    session.field("Prompts").fill("A red chair\nA blue chair")
    session.press("Create all")
    session.press("Try again")
    expect(page.locator(".batch .badge")).to_have_text("Done")
    assert keys == [keys[0]] * 2
    session.expect_problem("503")


def test_an_empty_batch_sends_nothing(session: BrowserSession) -> None:
    """Without a prompt the page says so; too many lines are shown before the click."""
    page = session.open("automation")
    session.press("Create all")
    expect(page.get_by_role("alert")).to_have_text("Enter a prompt.")
    session.field("Prompts").fill("A chair\n" * 101)
    expect(page.locator(".price")).to_have_text("101 prompts; a batch has at most 100.")
    assert not any(url.endswith("/batches") and method == "POST" for method, url, _ in session.requests)


def test_a_secret_is_not_lost(session: BrowserSession) -> None:
    """A double click makes one webhook, a click beside its secret leaves it open, which says if it can't be copied."""
    page = session.open("automation")
    session.field("Address").fill(HOOK)
    page.get_by_role("button", name="Add webhook").dblclick()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".code")).to_have_text(re.compile("^whsec_"))
    page.mouse.click(20, 20)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('not allowed')); }")
    session.press("Copy")
    expect(dialog.get_by_role("status")).to_have_text(re.compile("^The browser does not allow copying"))
    session.press("Close")
    expect(page.locator(".webhook")).to_have_count(1)


def test_a_webhook_is_added_tested_rotated_and_deleted(session: BrowserSession) -> None:
    """Its secret is shown once, a test says what came of it, and a wrong address is explained."""
    page = session.open("automation")
    session.field("Address").fill("http://127.0.0.1/")
    session.press("Add webhook")
    expect(page.get_by_role("alert")).to_be_visible()
    session.expect_problem("400")
    session.field("Address").fill(HOOK)
    session.field("Send each job's prompt, too").check()
    session.press("Add webhook")
    secret = page.locator("dialog .code").inner_text()
    assert secret.startswith("whsec_")
    session.press("Close")
    row = page.locator(".webhook")
    expect(row).to_contain_text(HOOK)
    expect(row).to_contain_text("With prompts.")
    outcome = {"delivered": False, "status": 500, "problem": None}
    page.route("**/webhooks/*/test", lambda route: route.fulfill(json=outcome))
    session.press("Test")
    expect(row).to_contain_text("The test did not arrive: the server answered 500.")
    session.press("Deliveries")
    expect(page.locator("dialog")).to_contain_text("Nothing was delivered yet.")
    session.press("Close")
    session.press("New secret")
    session.press("Really replace it?")
    expect(page.locator("dialog .code")).to_have_text(re.compile("^whsec_"))
    assert page.locator("dialog .code").inner_text() != secret
    session.press("Close")
    session.press("Delete")
    session.press("Really delete?")
    expect(row).to_have_count(0)
