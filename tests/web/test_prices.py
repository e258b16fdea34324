"""Prices and times before the click, and several jobs at once."""

import re

from playwright.sync_api import Locator, expect

from tests.web.browser_session import BrowserSession


def segment(session: BrowserSession, name: str) -> Locator:
    return session.page.locator(".segments label", has_text=re.compile(f"^{name}"))


def test_the_modes_of_upscale_have_prices_side_by_side(session: BrowserSession) -> None:
    """Before the click each mode names its price for the image and size, and each size its pixels."""
    session.open("upscale")
    session.press("Try a sample image")
    for mode, credits in (("Auto", 2), ("Fast", 2), ("Conservative", 40), ("Creative", 60)):
        expect(segment(session, mode).locator("small")).to_have_text(f"{credits} credits")
    expect(session.run_button).to_have_text("Upscale · 2 credits")
    expect(segment(session, "Print").locator("small")).to_have_text("3072 px")
    session.choose_segment("Print")
    expect(segment(session, "Auto").locator("small")).to_have_text("40 credits")
    expect(session.run_button).to_have_text("Upscale · 40 credits")


def test_qualities_and_models_have_prices_side_by_side(session: BrowserSession) -> None:
    """Each quality and each model of a provider names what one image costs; the button is for all of them."""
    session.open("create")
    session.field("Provider").select_option("stability")
    for quality, credits in (("Draft", 3), ("Premium", 8)):
        expect(segment(session, quality).locator("small")).to_have_text(f"{credits} credits")
    for name, credits in (("core", 3), ("ultra", 8)):
        expect(session.field("Model").locator(f"option[value={name}]")).to_have_text(f"{name} · {credits} credits")
    session.field("Model").select_option("core")
    session.press("More variations")
    expect(session.run_button).to_have_text("Create 2 images · 6 credits")


def test_the_button_says_what_it_does(session: BrowserSession) -> None:
    """Its verb follows the operation, on each page; a chosen provider's models have prices there too."""
    page = session.open("edit")
    for operation, text in (("Remove Background", "Remove background"), ("Prompt-based Edit", "Edit image")):
        session.choose_operation(operation)
        expect(session.run_button).to_have_text(text)
    session.press("Try a sample image")
    session.field("Provider").select_option("gemini")
    model = session.field("Model").locator("option[value=gemini-3-pro-image]")
    expect(model).to_have_text(re.compile(r"gemini-3-pro-image · \d+ credits"))
    expect(session.run_button).to_have_text(re.compile(r"^Edit image · \d+ credits$"))
    for name, text in (("control", "Create image"), ("compress", "Compress"), ("social", "Make 7 files")):
        page.evaluate(f"location.hash = '#/{name}'")
        expect(page.locator("h1")).to_have_text(name.title())
        expect(session.run_button).to_contain_text(text)


def test_the_time_of_a_job_is_told_once_one_was_seen(session: BrowserSession) -> None:
    """The price line and the running job name the expected seconds, also after a reload."""
    page = session.open("create")
    session.create("A lighthouse")
    expect(page.locator(".price")).to_contain_text(re.compile(r"about \d+ s"))
    page.reload()
    expect(page.locator(".price")).to_contain_text(re.compile(r"about \d+ s"))
    session.create("A lighthouse [[delay=4]]")
    expect(page.locator(".elapsed")).to_contain_text(re.compile(r"\d+ s of about \d+ s"))
    expect(page.locator(".elapsed progress")).to_be_visible()
    expect(page.locator(".result-image img")).to_have_count(1)


def test_several_edits_run_at_once(session: BrowserSession) -> None:
    """While one runs, its image is shown and the form is free for the next; both results are shown."""
    page = session.open("edit")
    session.choose_image(600, 400)
    session.choose_operation("Search & Recolor")
    session.field("Recolor").fill("the disc")
    session.field("Prompt").fill("blue [[delay=6]]")
    session.run()
    expect(page.locator(".waiting > img")).to_be_visible()
    session.press("Start another meanwhile")
    expect(page.locator(".image-overlay")).to_be_visible()
    session.field("Prompt").fill("green [[delay=6]]")
    session.run()
    expect(page.locator(".running")).to_have_count(2)
    expect(page.locator(".compare")).to_have_count(2)
    page.get_by_role("button", name="Back to the image").first.click()
    page.get_by_role("button", name="Back to the image").click()
    expect(page.locator(".image-overlay")).to_be_visible()
