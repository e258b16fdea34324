"""Who makes it: provider, model and quality in Edit, Upscale and Control, with the price of exactly that."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.visit import Visit, as_file


def price(page: Page) -> Locator:
    """What the line above the button says."""
    return page.locator(".run-bar .price")


def choose(page: Page, provider: str, model: str) -> None:
    """Choose both by what they send."""
    page.get_by_label("Provider", exact=True).select_option(provider)
    page.get_by_label("Model", exact=True).select_option(model)


def offered(page: Page) -> list[Any]:
    """The providers that can be chosen, by what they send."""
    options = page.get_by_label("Provider", exact=True).locator("option")
    options.nth(1).wait_for(state="attached")  # the list has come
    values: list[Any] = options.evaluate_all("(all) => all.map((each) => each.value)")
    return values


#: studio -> path of its request, provider and model to choose, its button
CHOICES = {
    "edit": ("/edit/process", "wavespeed", "z-image-turbo-inpaint", "Edit"),
    "upscale": ("/upscale", "wavespeed", "image-upscaler", "Upscale"),
    "control": ("/control/process", "gemini", "gemini-3-pro-image", "Make it"),
}


@pytest.mark.parametrize("studio", CHOICES)
def test_who_was_chosen_is_priced_asked_and_paid(visit: Visit, studio: str) -> None:
    """The line above the button, the request, the result and the charge all speak of the chosen model."""
    path, provider, model, button = CHOICES[studio]
    page = visit.open(studio)
    if studio == "control":
        page.get_by_role("button", name="Sample sketch").click()
    else:
        page.get_by_label("Picture", exact=True).set_input_files(as_file(480, 320))
    if studio == "edit":
        page.get_by_label("Prompt", exact=True).fill("a door")
    choose(page, provider, model)
    expect(price(page)).to_contain_text(f"{provider} · {model}")
    expect(price(page)).not_to_have_attribute("aria-busy", "true")
    said = price(page).locator("strong").inner_text()
    page.get_by_role("button", name=button, exact=True).click()
    facts = page.locator(".result .facts").last
    expect(facts).to_contain_text(f"{provider} · {model}")
    expect(facts.locator("dt", has_text="Charged").locator("+ dd")).to_have_text(said)
    sent = visit.body(path)
    assert (sent["provider"], sent["model"]) == (provider, model)


def test_only_who_can_is_offered(visit: Visit) -> None:
    """The list follows the operation; a choice that no longer fits falls back to automatic."""
    page = visit.open("edit")
    page.locator(".operation").first.wait_for()
    page.get_by_label("Picture", exact=True).set_input_files(as_file(480, 320))
    assert "stability" in offered(page)
    choose(page, "stability", "inpaint")
    page.locator(".operation", has_text="Prompt-based Edit").click()
    assert "stability" not in offered(page)
    expect(page.get_by_label("Provider", exact=True)).to_have_value("auto")
    expect(page.get_by_label("Model", exact=True)).to_be_disabled()
    expect(price(page)).to_contain_text("gemini")


def test_auto_offers_nobody_who_only_invents(visit: Visit) -> None:
    """Upscale's auto never makes up detail of its own accord: who can only do that is offered for creative."""
    page = visit.open("upscale")
    provider = page.get_by_label("Provider", exact=True)
    expect(provider.locator("option")).to_have_count(3)
    assert offered(page) == ["auto", "stability", "wavespeed"]
    page.locator(".segments label", has_text="Creative").click()
    assert offered(page) == ["auto", "stability", "wavespeed", "gemini"]


def test_quality_decides_who_makes_it(visit: Visit) -> None:
    """Premium takes another model at another price, and travels in the options."""
    page = visit.open("edit")
    page.get_by_role("button", name="Try a sample picture").click()
    page.locator(".operation", has_text="Prompt-based Edit").click()
    expect(price(page)).to_contain_text("gemini-3.1-flash-image")
    page.get_by_text("More settings").click()
    page.get_by_label("Quality", exact=True).select_option("premium")
    expect(price(page)).not_to_contain_text("gemini-3.1-flash-image")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    assert visit.body("/edit/process")["options"] == {"quality": "premium"}


def test_an_upscales_target_is_in_its_price(visit: Visit) -> None:
    """What only the slower mode reaches costs what that mode costs, before it is pressed and after."""
    page = visit.open("upscale")
    page.get_by_role("button", name="Try a sample picture").click()
    strong = price(page).locator("strong")
    expect(strong).to_have_text("2 credits")
    page.locator(".segments label", has_text="Print").click()
    expect(strong).to_have_text("40 credits")
    page.locator(".segments label", has_text="Own size").click()
    page.get_by_label("Width", exact=True).fill("960")
    expect(strong).to_have_text("2 credits")
    page.get_by_label("Width", exact=True).fill("8192")
    expect(price(page)).to_contain_text("megapixels")
    page.locator(".segments label", has_text="Print").click()
    expect(strong).to_have_text("40 credits")
    page.get_by_role("button", name="Upscale", exact=True).click()
    expect(page.locator(".result .facts").last).to_contain_text("40 credits")
    visit.forgive("400")  # the sentence about megapixels
