"""Phones, 200 %, forced colors, screen readers, and limits that are shown in time."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from scripts.chromium import PHONE
from tests.web.browser_session import BrowserSession, png_file

ZOOMED = (640, 450)  # CSS pixels of a window of 1280 x 900 at 200 %


def test_screen_readers_hear_no_clock(session: BrowserSession) -> None:
    """While a job runs for five seconds, live regions change when its state does, not every second."""
    page = session.open("create")
    session.create("A lighthouse [[delay=9]]")
    page.locator('.waiting[data-status="running"]').wait_for()
    page.evaluate(
        """() => { window.heard = 0; new MutationObserver((changes) => { window.heard += changes.filter(({target}) => {
            const element = target.nodeType === 1 ? target : target.parentElement;
            const live = element.closest("[aria-live], [role=status], [role=alert], output");
            return live && !element.closest("[aria-hidden]");
        }).length; }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    page.wait_for_timeout(5000)
    assert page.evaluate("window.heard") <= 1
    expect(page.locator(".elapsed")).to_have_text(re.compile(r"\d+ s"))


def covered(page: Page) -> list[str]:
    """Controls that something else covers while they have the focus, over one round of Tab."""
    return page.evaluate(
        """() => { const hidden = [];
        const all = [...document.querySelectorAll("main :is(a, button, input, select, textarea, summary)")];
        for (const node of all.filter((each) => each.checkVisibility({visibilityProperty: true}))) {
            node.focus();
            if (document.activeElement !== node) continue;
            const box = (node.closest("label") ?? node).getBoundingClientRect();
            const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            if (!at || !(at === node || node.contains(at) || at.contains(node) || at.closest("label")?.contains(node)))
                hidden.push(node.outerHTML.slice(0, 80));
        }
        return hidden; }"""
    )


@pytest.mark.parametrize("name", ["create", "edit", "social", "history", "library", "automation"])
@pytest.mark.parametrize("size", [ZOOMED, PHONE], ids=["200 %", "phone"])
def test_no_focused_control_is_covered(session: BrowserSession, name: str, size: tuple[int, int]) -> None:
    """The fixed bars are never in front of the control that has the focus."""
    page = session.open(name, size=size)
    page.wait_for_load_state("networkidle")
    assert covered(page) == []


def test_at_200_percent_the_form_has_the_window(session: BrowserSession) -> None:
    """Scrolled into the form, no bar is left in front of it."""
    page = session.open("create", size=ZOOMED)
    page.evaluate("window.scrollTo(0, 600)")
    fixed = page.locator(".header, .nav, .action-bar").evaluate_all(
        "(all) => all.filter((node) => ['fixed', 'sticky'].includes(getComputedStyle(node).position)).length"
    )
    assert fixed == 0


def test_forced_colors_show_what_is_selected(session: BrowserSession) -> None:
    """The selected tab, chip, card, segment and operation and the main button differ from the others."""
    page = session.open("create", forced_colors="active")
    background = "(node) => getComputedStyle(node).backgroundColor"
    for selected, other in (
        (".nav a[aria-current]", ".nav a:not([aria-current])"),
        ('.chip[aria-pressed="true"]', '.chip[aria-pressed="false"]'),
        (".card:has(:checked)", ".card:not(:has(:checked))"),
        (".segments input:checked + span", ".segments input:not(:checked) + span"),
        ("button.primary", ".stepper button"),
    ):
        assert page.locator(selected).first.evaluate(background) != page.locator(other).first.evaluate(background)


def test_a_phone_says_what_came_of_it(session: BrowserSession) -> None:
    """Social says beside its button that the images are ready, and leads to them; Edit shows its handles."""
    page = session.open("social", size=PHONE, has_touch=True, is_mobile=True)
    session.choose_image(1600, 1000)
    outcome = page.locator(".action-bar .price")
    expect(outcome).to_contain_text("7 images ready")
    expect(outcome).to_be_in_viewport()
    page.get_by_role("button", name="Show", exact=True).tap()
    expect(page.locator(".rendition").first).to_be_in_viewport()
    page = session.open("edit", size=PHONE, has_touch=True, is_mobile=True)
    session.choose_image(800, 600)
    page.locator(".operation", has_text="Outpaint").tap()
    for side in ("Left", "Right", "Up", "Down"):
        expect(page.get_by_role("slider", name=f"{side} edge")).to_be_in_viewport()


def test_a_result_fits_a_phone(session: BrowserSession) -> None:
    """The actions of a result wrap, so that nothing scrolls sideways."""
    page = session.open("edit", size=(320, 640), has_touch=True, is_mobile=True)
    session.choose_image(600, 400)
    session.field("Prompt").fill("a red door")
    session.run()
    expect(page.get_by_role("button", name=re.compile("^More like this"))).to_contain_text("credits")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_limits_are_told_when_an_image_is_chosen(session: BrowserSession) -> None:
    """Too many pixels are shown at once, and scaled down on request; too few are shown as well."""
    page = session.open("edit")
    out = io.BytesIO()
    Image.new("L", (6000, 5000), 128).save(out, "PNG")
    session.field("Image").set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": out.getvalue()})
    expect(page.locator(".picker .warning").first).to_contain_text("30 megapixels. At most 25 can be used.")
    session.press("Scale it down")
    expect(page.locator(".picker .warning").first).to_be_hidden()
    width, height = re.findall(r"\d+", page.locator(".drop-info").first.inner_text().split("\n")[-1])[:2]
    assert 20e6 < int(width) * int(height) <= 25e6
    session.field("Image").set_input_files(png_file(12, 40))
    expect(page.locator(".picker .warning").first).to_contain_text("Each side needs at least 16.")


def test_without_credits_nothing_is_sent(session: BrowserSession) -> None:
    """The price says what is missing and when credits renew, and the button does nothing."""
    page = session.open("create")
    empty = {
        "tier": "free",
        "limit": 50,
        "used": 50,
        "reserved": 0,
        "remaining": 0,
        "resets_at": "2026-12-01T00:00:00Z",
    }
    expect(page.locator(".credits")).to_be_visible()
    page.route("**/usage", lambda route: route.fulfill(json=empty))
    page.evaluate("window.dispatchEvent(new Event('credits-changed'))")
    expect(page.locator(".price")).to_contain_text("You need 5 credits and have none left. They renew on December 1.")
    button = session.run_button
    expect(button).to_have_attribute("aria-disabled", "true")
    session.field("Prompt").fill("A lighthouse")
    button.click(force=True)
    page.wait_for_timeout(300)
    assert not any(url.endswith("/create") and method == "POST" for method, url, _ in session.requests)


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        (
            "The mask selects nothing. Paint white what may change, black what must stay.",
            "Paint over the area to change.",
        ),
        (
            "options.light_source must be a text. See GET /api/image-studio/edit/operations.",
            "light source must be a text.",
        ),
        ("image_base64: Invalid base64 image payload", "This file can't be read as an image. Choose another one."),
    ],
)
def test_sentences_are_for_people(session: BrowserSession, detail: str, sentence: str) -> None:
    """No field names of the API, no routes."""
    page = session.open("create")
    body = {"code": "invalid_request", "detail": detail}
    page.route("**/api/image-studio/create", lambda route: route.fulfill(status=400, json=body))
    session.create("A lighthouse")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile(re.escape(sentence), re.IGNORECASE))
    expect(alert).not_to_contain_text("_")
    expect(alert.get_by_role("button")).to_have_count(0)
    session.expect_problem("400")


def test_sentences_have_the_words_of_the_page(session: BrowserSession) -> None:
    """Numbers without the sentence's full stop, the labels of fields, and no prefix that only programs need."""
    sentences = {
        "width should be greater than or equal to 16.": "Width must be 16 or more.",
        "guidance_scale should be less than or equal to 0.5.": "Guidance must be 0.5 or less.",
        "target_size_kb should be greater than or equal to 10.": "At most (KB) must be 10 or more.",
        "items should have at most 100 items.": "Prompts: use at most 100.",
        "items.1: prompt should have at most 10000 characters.": "Prompt: use at most 10000 characters.",
        "url should have at most 2048 characters.": "Address: use at most 2048 characters.",
        "Url must not be empty.": "Enter an address.",
        "url: Use an https URL of a public host.": "Use an https URL of a public host.",
    }
    page = session.open("create")
    explain = """async (details) => {
        const { errorText } = await import("./js/errors.js");
        return details.map((detail) => errorText({ status: 400, code: "invalid_request", detail }));
    }"""
    assert dict(zip(sentences, page.evaluate(explain, list(sentences)), strict=True)) == sentences
