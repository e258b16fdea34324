"""The Create page, from a prompt to a saved image."""

import re

from playwright.sync_api import expect

from scripts.chromium import PHONE
from tests.web.browser_session import TIMEOUT, BrowserSession

PROMPT = "A lighthouse at dusk"


def test_variations_have_the_templates_size_and_cost_the_estimate(session: BrowserSession) -> None:
    """Three variations arrive in the template's size, are charged as estimated, and one is saved as PNG."""
    page = session.open("create")
    page.get_by_role("button", name="LinkedIn").click()
    page.locator(".card", has_text="Post").first.click()
    for _ in range(2):
        session.press("More variations")
    price = page.locator(".price strong")
    expect(price).to_have_text(re.compile(r"credits \(3 . \d+\)"))
    expect(page.locator(".price")).not_to_have_attribute("aria-busy", "true")
    estimate = price.inner_text().split(" (")[0]
    session.create(PROMPT)
    expect(page.locator(".result-image img")).to_have_count(3)
    expect(session.fact("Charged")).to_have_text(estimate)
    expect(session.fact("Drawn by")).to_have_text("Local emulator")
    image = session.saved_image()
    assert (image.format, image.size) == ("PNG", (1200, 628))


def test_an_example_brings_its_prompt(session: BrowserSession) -> None:
    """The page opens with three example images; each loads, and puts its prompt into the form."""
    page = session.open("create")
    page.wait_for_load_state("networkidle")
    ideas = page.locator(".idea")
    expect(ideas).to_have_count(3)
    assert ideas.locator("img").evaluate_all("(all) => all.every((image) => image.naturalWidth === 720)")
    ideas.nth(1).click()
    expect(session.field("Prompt")).to_have_value(re.compile("^Flat lay of a ceramic coffee set"))


def test_each_variation_shows_its_progress(session: BrowserSession) -> None:
    """Each tile shows its status and the heading counts the finished ones.

    After "Stop waiting" the page says that the job continues, and History shows it as done.
    """
    page = session.open("create")
    session.press("More variations")
    session.create("A lighthouse [[delay=8]]")
    expect(page.locator(".waiting")).to_have_count(2)
    expect(page.locator('.waiting[data-status="running"]').first).to_contain_text("Running")
    expect(page.locator(".run-progress")).to_have_text(re.compile(r"\d of 2 done"))
    session.press("Stop waiting")
    expect(page.locator(".note")).to_contain_text("You stopped waiting. The job continues")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".job .badge")).to_have_text("Done")


def test_a_job_may_take_longer_than_one_request(session: BrowserSession) -> None:
    """An image that takes longer than the gateway's timeout arrives, and the page shows the elapsed seconds."""
    page = session.open("create")
    session.create("A lighthouse [[delay=38]]")
    expect(page.locator(".elapsed")).to_have_text(re.compile(r"^3\d s$"), timeout=60_000)
    expect(page.locator(".result-image img")).to_have_count(1, timeout=60_000)


def test_a_missing_prompt_is_marked_at_its_field(session: BrowserSession) -> None:
    """The error is shown under the prompt, which is marked as invalid and focused."""
    page = session.open("create")
    session.run()
    prompt = session.field("Prompt")
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_be_focused()
    expect(page.locator(".field", has=prompt).get_by_role("alert")).to_have_text("Enter a prompt.")
    expect(page.locator(".run-card")).to_have_count(0)
    session.expect_problem("400")


def test_create_works_with_the_keyboard_alone(session: BrowserSession) -> None:
    """A prompt, a platform, a template and variations are entered, and an image is saved, without a pointer."""
    page = session.open("create")
    page.locator("body").press("Tab")
    expect(page.locator(":focus")).to_be_visible()
    session.tab_to('textarea[name="prompt"]')
    page.keyboard.type("A quiet harbor")
    session.tab_to('.chip[value="pinterest"]')
    page.keyboard.press("Enter")
    session.tab_to(".card input")
    page.keyboard.press("ArrowRight")
    session.tab_to('.stepper button[aria-label="More variations"]')
    page.keyboard.press("Enter")
    session.tab_to("button.run")
    page.keyboard.press("Enter")
    expect(page.locator(".result-image img")).to_have_count(2)
    session.tab_to(".tile .actions button")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".png")


def test_create_works_on_a_phone(session: BrowserSession) -> None:
    """A tap creates an image, and nothing is wider than the screen."""
    page = session.open("create", size=PHONE, has_touch=True, is_mobile=True)
    session.field("Prompt").fill(PROMPT)
    session.run_button.tap()
    page.locator(".result-image img").wait_for(timeout=TIMEOUT)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_more_like_this_changes_only_the_seed(session: BrowserSession) -> None:
    """It names its price and repeats the request without its seed, for one image; the first result stays."""
    page = session.open("create")
    session.press("More variations")
    page.get_by_text("More settings").click()
    session.field("Seed").fill("7")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    first = session.body("/create")
    more = page.get_by_role("button", name=re.compile("^More like this")).first
    expect(more).to_contain_text("(5 credits)")
    session.field("Prompt").fill("Something else")
    more.click()
    expect(page.locator(".result-image img")).to_have_count(3)
    assert session.body("/create") == {name: value for name, value in first.items() if name != "seed"} | {
        "num_variations": 1
    }


def test_results_are_compared_and_their_style_is_used(session: BrowserSession) -> None:
    """Two variations stand side by side; "Style" opens Control with the image as reference and the prompt."""
    page = session.open("create")
    session.press("More variations")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    session.press("Compare")
    expect(page.locator(".side-by-side img")).to_have_count(2)
    session.press("Close")
    page.get_by_role("button", name=re.compile("^Style of")).first.click()
    expect(page.locator("h1")).to_have_text("Control")
    expect(session.field("Prompt")).to_have_value("A lighthouse")
    session.run()
    page.locator(".result .facts").wait_for()
    sent = session.body("/control/process")
    assert sent["operation"] == "style"
    assert re.fullmatch(r"job:[0-9a-f]{32}/\d", sent["control_image_base64"])
    page.get_by_role("button", name=re.compile("^More like this")).click()
    expect(page.locator(".result .facts")).to_have_count(0)
    page.locator(".result .facts").wait_for()
    assert session.body("/control/process") == sent
