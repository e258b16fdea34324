"""Create, from an empty page to a saved picture."""

import re

from playwright.sync_api import expect

from scripts.chromium import PHONE
from tests.web.visit import MOMENT, Visit


def test_a_prompt_becomes_saved_pictures(visit: Visit) -> None:
    """Three variations of a template arrive in its exact size, and one is saved as PNG."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="LinkedIn").click()
    page.locator(".card", has_text="Post").first.click()
    for _ in range(2):
        page.get_by_role("button", name="One variation more").click()
    expect(page.locator(".price strong")).to_have_text(re.compile(r"credits \(3 . \d+\)"))
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".picture img")).to_have_count(3)
    image = visit.saved(page.get_by_role("button", name=re.compile("^Download")).first)
    assert (image.format, image.size) == ("PNG", (1200, 628))


def test_the_price_is_what_is_charged(visit: Visit) -> None:
    """The estimate under the form and the charge beside the result are the same number."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    price = page.locator(".price strong")
    expect(price).to_have_text(re.compile(r"\d+ credits?"))
    expect(page.locator(".price")).not_to_have_attribute("aria-busy", "true")
    said = price.inner_text()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".facts dt", has_text="Charged").locator("+ dd")).to_have_text(said)


def test_each_variation_shows_its_own_progress(visit: Visit) -> None:
    """While a job runs each place says how far its picture is, and the line counts those that are done."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse [[delay=8]]")
    page.get_by_role("button", name="One variation more").click()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".waiting")).to_have_count(2)
    expect(page.locator('.waiting[data-status="running"]').first).to_contain_text("Being made")
    expect(page.locator(".run-words")).to_have_text(re.compile(r"\d of 2 done"))
    expect(page.locator(".picture img")).to_have_count(2)


def test_a_long_job_outlives_the_gateway(visit: Visit) -> None:
    """A picture that takes longer than one request may still arrives, and the seconds are counted meanwhile."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse [[delay=38]]")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".clock")).to_have_text(re.compile(r"^3\d s$"), timeout=60_000)
    expect(page.locator(".picture img")).to_have_count(1, timeout=60_000)


def test_waiting_can_be_stopped_and_the_job_is_in_history(visit: Visit) -> None:
    """Who stops waiting is told so, and finds the job in History."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse [[delay=10]]")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator('.waiting[data-status="running"]').first.wait_for()
    page.get_by_role("button", name="Stop waiting").click()
    expect(page.get_by_role("alert")).to_contain_text("You stopped waiting")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job .badge")).to_have_text("Done")


def test_refused_content_is_told_in_the_apis_words(visit: Visit) -> None:
    """What a provider's moderation refuses is said where the pictures would be, and can be tried again."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("Something [[fault=moderated]]")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("refused this request")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    visit.forgive("400")


def test_a_missing_prompt_is_told_at_the_prompt(visit: Visit) -> None:
    """The API's sentence about a field stands under that field, which is marked and has the focus."""
    page = visit.open("create")
    page.get_by_role("button", name="Create", exact=True).click()
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_be_focused()
    expect(page.locator(".field", has=prompt).get_by_role("alert")).to_contain_text("rompt")
    expect(page.locator(".run-board")).to_have_count(0)
    visit.forgive("400")


def test_everything_can_be_done_with_the_keyboard(visit: Visit) -> None:
    """From the address bar to a saved picture without a pointer."""
    page = visit.open("create")
    page.locator("body").press("Tab")
    expect(page.locator(":focus")).to_be_visible()
    visit.reach('textarea[name="prompt"]')
    page.keyboard.type("A quiet harbour")
    visit.reach('.chip[value="pinterest"]')
    page.keyboard.press("Enter")
    visit.reach(".card input")
    page.keyboard.press("ArrowRight")
    visit.reach('.stepper button[aria-label="One variation more"]')
    page.keyboard.press("Enter")
    visit.reach("button.run")
    page.keyboard.press("Enter")
    expect(page.locator(".picture img")).to_have_count(2)
    visit.reach(".tile .actions button")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".png")


def test_a_phone_has_all_of_it(visit: Visit) -> None:
    """On a phone nothing is wider than the screen, and a tap makes a picture."""
    page = visit.open("create", size=PHONE, has_touch=True, is_mobile=True)
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="Create", exact=True).tap()
    page.locator(".picture img").wait_for(timeout=MOMENT)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
