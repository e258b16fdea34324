"""Addresses that bring back a page's state, and links to results."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser_session import BrowserSession


def query(page: Page) -> dict[str, list[str]]:
    """The state in the address."""
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


def open_again(session: BrowserSession, address: str) -> Page:
    """Open an address in another tab."""
    page = session.page.context.new_page()
    page.goto(address)
    session.page = page
    return page


def test_an_address_brings_back_create(session: BrowserSession) -> None:
    """Prompt, template, count, model and switches are in the address, and a new tab shows them without a request."""
    page = session.open("create")
    page.wait_for_load_state("networkidle")
    prompt = 'A "quoted" sea & 100 % + sky'
    session.field("Prompt").fill(prompt)
    page.get_by_label("Enhance the prompt").uncheck()
    page.locator(".chip[value=pinterest]").click()
    session.press("More variations")
    session.field("Provider").select_option("stability")
    session.field("Model").select_option("core")
    page.wait_for_url(re.compile("model=core"))
    assert query(page)["prompt"] == [prompt]
    open_again(session, page.url)
    expect(session.field("Prompt")).to_have_value(prompt)
    expect(session.page.get_by_label("Enhance the prompt")).not_to_be_checked()
    expect(session.run_button).to_have_text("Create 2 images · 6 credits")
    expect(session.field("Model")).to_have_value("core")
    expect(session.page.locator(".card :checked")).to_have_value("pinterest_pin")
    assert not any(method == "POST" and url.endswith("/create") for method, url, _ in session.requests)


def test_an_empty_form_has_a_plain_address(session: BrowserSession) -> None:
    """What is as at the start is not in the address; neither is an image."""
    page = session.open("edit")
    page.wait_for_load_state("networkidle")
    session.choose_image(600, 400)
    session.field("Prompt").fill("a door")
    page.wait_for_url(re.compile("prompt=a"))
    assert query(page) == {"prompt": ["a door"]}
    session.field("Prompt").fill("")
    page.wait_for_url(re.compile("#/edit$"))


def choose_in(session: BrowserSession, name: str) -> None:
    page = session.page
    if name == "upscale":
        session.choose_segment("Creative")
        session.choose_segment("Print")
    elif name == "control":
        page.get_by_label("Follow the sketch closely").fill("0.3")
    elif name == "compress":
        session.choose_segment("Another type")
        session.field("File type").locator("visible=true").select_option("gif")
    else:
        session.press("None")
        page.locator(".platform", has_text="Instagram").get_by_label("Story").check()
        session.choose_segment("Fit")
        session.field("Background").select_option("blur")


#: page -> what its address says, and what a new tab then shows
STATES = {
    "upscale": ("mode=creative&preset=print", ".segments :checked", ["creative", "print"]),
    "control": ("control_strength=0.3", ".field:has-text('Follow the sketch closely') input", ["0.3"]),
    "compress": ("target_format=gif", "select:visible", ["gif"]),
    "social": ("crop_mode=fit&options=", ".platform :checked", ["Story"]),
}


@pytest.mark.parametrize("name", STATES)
def test_an_address_brings_back_the_other_pages(session: BrowserSession, name: str) -> None:
    """Their settings are in the address, and a new tab shows them."""
    text, selector, values = STATES[name]
    page = session.open(name)
    page.wait_for_load_state("networkidle")
    choose_in(session, name)
    page.wait_for_url(re.compile(re.escape(text)))
    page.evaluate("localStorage.clear()")
    page = open_again(session, page.url)
    for at, value in enumerate(values):
        expect(page.locator(selector).nth(at)).to_have_value(value)
    expect(page.locator(selector)).to_have_count(len(values))


@pytest.mark.parametrize(
    "state", ["quality=%22%5D&seed=7&provider={}", "num_variations=x&prompt=%E0%A4%A", "options=7"]
)
def test_a_broken_address_opens_the_page(session: BrowserSession, state: str) -> None:
    """Values that the page does not know leave it usable."""
    page = session.open(f"create?{state}")
    page.wait_for_load_state("networkidle")
    session.field("Prompt").fill("A lighthouse")
    expect(session.run_button).to_have_text(re.compile(r"^Create \d+ images? · \d+ credits$"))
    session.run()
    expect(page.locator(".result-image img").first).to_be_visible()


def test_what_is_typed_while_lists_load_stays(session: BrowserSession) -> None:
    """The address's prompt doesn't replace it, it enters the address, and a reload brings it back."""
    page = session.open("upscale")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/templates", hold)
    page.evaluate("location.hash = '#/create?prompt=Old+prompt'")
    session.field("Prompt").fill("New prompt")
    page.wait_for_url(re.compile(r"prompt=New\+prompt"))
    held[0].continue_()
    page.locator(".card").first.wait_for()
    page.wait_for_timeout(300)
    expect(session.field("Prompt")).to_have_value("New prompt")
    page.unroute("**/templates")
    page.reload()
    expect(session.field("Prompt")).to_have_value("New prompt")


def test_words_survive_a_reload(session: BrowserSession) -> None:
    """Prompts that look like data or are too long for an address, and the lines of a batch, come back as they were."""
    page = session.open("create")
    page.wait_for_load_state("networkidle")
    for text in ('{"subject": "a cat"}', "1e3", "word " * 500 + "end"):
        session.field("Prompt").fill(text)
        page.wait_for_timeout(600)
        page.reload()
        expect(session.field("Prompt")).to_have_value(text)
    page.evaluate("location.hash = '#/automation'")
    session.field("Prompts").fill("A chair\nA table")
    page.reload()
    expect(session.field("Prompts")).to_have_value("A chair\nA table")
    expect(page.locator(".price")).to_contain_text("for 2 images")
    session.press("Create all")
    expect(page.locator(".batch")).to_have_count(1)
    page.reload()
    expect(session.field("Prompts")).to_have_value("")


def test_a_link_opens_a_result(session: BrowserSession) -> None:
    """The result's dialog copies its address, which opens it again; one that is gone is explained."""
    page = session.open("create", permissions=["clipboard-read", "clipboard-write"])
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(1)
    page.evaluate("location.hash = '#/history'")
    session.press("Open A lighthouse")
    session.press("Copy link")
    address = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"#/history/[0-9a-f]{32}$", address)
    page = open_again(session, address)
    expect(page.get_by_role("dialog", name="A lighthouse").locator("img")).to_be_visible()
    session.press("Close")
    page.evaluate(f"location.hash = '#/history/{'0' * 32}'")
    expect(page.get_by_role("alert")).to_have_text("This was deleted, or it has expired.")
