"""Provider, model and quality in Edit, Upscale and Control, with the estimate for exactly that choice."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.browser_session import BrowserSession


def price(page: Page) -> Locator:
    return page.locator(".action-bar .price")


def choose(session: BrowserSession, provider: str, model: str) -> None:
    session.field("Provider").select_option(provider)
    session.field("Model").select_option(model)


def offered(session: BrowserSession) -> list[str]:
    options = session.field("Provider").locator("option")
    options.nth(1).wait_for(state="attached")  # the list has loaded
    values: list[str] = options.evaluate_all("(all) => all.map((each) => each.value)")
    return values


#: page -> path of its request, provider and model to choose
CHOICES = {
    "edit": ("/edit/process", "wavespeed", "z-image-turbo-inpaint"),
    "upscale": ("/upscale", "wavespeed", "image-upscaler"),
    "control": ("/control/process", "gemini", "gemini-3-pro-image"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_chosen_model_is_estimated_requested_and_charged(session: BrowserSession, name: str) -> None:
    """The estimate, the request, the result and the charge are all for the chosen model."""
    path, provider, model = CHOICES[name]
    page = session.open(name)
    if name == "control":
        session.press("Sample sketch")
    else:
        session.choose_image(480, 320)
    if name == "edit":
        session.field("Prompt").fill("a door")
    choose(session, provider, model)
    expect(price(page)).to_contain_text(f"{provider} · {model}")
    expect(price(page)).not_to_have_attribute("aria-busy", "true")
    estimate = price(page).locator("strong").inner_text()
    session.run()
    expect(session.fact("Model")).to_have_text(f"{provider} · {model}")
    expect(session.fact("Charged")).to_have_text(estimate)
    sent = session.body(path)
    assert (sent["provider"], sent["model"]) == (provider, model)


def test_only_capable_providers_are_listed(session: BrowserSession) -> None:
    """The list follows the operation or mode; a provider that can't do the new one falls back to Auto."""
    page = session.open("edit")
    session.choose_image(480, 320)
    assert "stability" in offered(session)
    choose(session, "stability", "inpaint")
    session.choose_operation("Prompt-based Edit")
    assert "stability" not in offered(session)
    expect(session.field("Provider")).to_have_value("auto")
    expect(session.field("Model")).to_be_disabled()
    expect(price(page)).to_contain_text("gemini")
    session.open("upscale")
    expect(session.field("Provider").locator("option")).to_have_count(4)
    assert offered(session) == ["auto", "stability", "wavespeed", "bedrock"]
    session.choose_segment("Creative")
    assert offered(session) == ["auto", "stability", "wavespeed", "gemini", "bedrock"]


def test_quality_changes_the_model(session: BrowserSession) -> None:
    """Premium is estimated with another model and is sent in the options."""
    page = session.open("edit")
    session.press("Try a sample image")
    session.choose_operation("Prompt-based Edit")
    expect(price(page)).to_contain_text("gemini-nano-banana-2.1")
    page.get_by_text("More settings").click()
    session.field("Quality").select_option("premium")
    expect(price(page)).not_to_contain_text("gemini-nano-banana-2.1")
    session.run()
    page.locator(".compare").wait_for()
    assert session.body("/edit/process")["options"] == {"quality": "premium"}


def test_an_upscales_target_size_is_in_its_price(session: BrowserSession) -> None:
    """A target that only the conservative mode reaches is estimated and charged at its price."""
    page = session.open("upscale")
    session.press("Try a sample image")
    strong = price(page).locator("strong")
    expect(strong).to_have_text("2 credits")
    session.choose_segment("Print")
    expect(strong).to_have_text("40 credits")
    session.choose_segment("Custom")
    session.field("Width").fill("960")
    expect(strong).to_have_text("2 credits")
    session.field("Width").fill("8192")
    expect(price(page)).to_contain_text("more than 25 megapixels")
    session.choose_segment("Print")
    expect(strong).to_have_text("40 credits")
    session.run()
    expect(session.fact("Charged")).to_have_text("40 credits")
    session.expect_problem("400")  # the size with too many pixels
