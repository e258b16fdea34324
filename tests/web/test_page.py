"""What holds for every page: fast to load, a strict content policy, accessible."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from image_studio.operations.prompts import has_quoted_text
from local.template import ROOT
from scripts.chromium import PHONE
from tests.web.browser_session import BrowserSession

PAGES = ("create", "edit", "upscale", "control", "social", "compress", "inspect", "history", "library", "automation")
FIRST_LOAD_BYTES = 120_000
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


def axe_findings(session: BrowserSession) -> list[str]:
    expect(session.page.locator(".price[aria-busy]")).to_have_count(0)  # a busy estimate is dimmed
    session.page.evaluate("scrollTo(0, 0)")  # the fixed bars cover parts of what is scrolled below them
    found = Axe().run(session.page, options=WCAG).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(session: BrowserSession, name: str, dark: bool) -> None:
    """No violation of WCAG 2.2 A and AA, of any impact, on every page, light and dark."""
    page = session.open(name, dark=dark)
    page.wait_for_load_state("networkidle")
    assert axe_findings(session) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_use(session: BrowserSession, dark: bool) -> None:
    """Editors, dialogs, errors, results and lists are as accessible as the forms."""
    page = session.open("edit", dark=dark)
    session.choose_image(600, 400)
    page.locator(".image-overlay canvas").wait_for()
    assert axe_findings(session) == []
    session.field("Prompt").fill("a door [[fault=moderated]]")
    session.run()
    page.get_by_role("alert").wait_for()
    assert axe_findings(session) == []
    session.field("Prompt").fill("a door")
    session.run()
    page.locator(".compare").wait_for()
    assert axe_findings(session) == []
    session.press("Show as code")
    assert axe_findings(session) == []
    session.press("Close")
    session.choose_operation("Outpaint")
    page.locator(".outpaint-editor img").wait_for()
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/create'")
    session.press("New brand kit")
    assert axe_findings(session) == []
    session.press("Cancel")
    page.locator(".idea").first.click()
    session.run()
    page.locator(".result-image img").wait_for()
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/upscale'")
    session.press("Try a sample image")
    session.run()
    page.locator(".compare .segments label", has_text="1:1").click()
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/control'")
    session.press("Sample sketch")
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/social'")
    page.get_by_label("Show safe zones").check()
    session.press("Try a sample image")
    session.wait_for_renditions()
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/history'")
    page.locator(".job-images img").nth(1).wait_for()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_the_account(session: BrowserSession, dark: bool) -> None:
    """The library, its dialogs, a selection, a batch, a brand kit and a comparison are accessible, too."""
    page = session.open("create", dark=dark)
    session.press("More variations")
    session.create("A lighthouse")
    expect(page.locator(".result-image img")).to_have_count(2)
    session.press("Compare")
    assert axe_findings(session) == []
    session.press("Close")
    session.press("New brand kit")
    session.press("Add a color")
    assert axe_findings(session) == []
    session.press("Cancel")
    page.evaluate("location.hash = '#/history'")
    page.get_by_role("checkbox", name=re.compile("^Select")).first.check()
    session.press("Save to library")
    page.locator(".toast").wait_for()
    assert axe_findings(session) == []
    page.evaluate("location.hash = '#/library'")
    page.locator(".asset-image").first.wait_for()
    page.locator(".asset input").first.check()
    assert axe_findings(session) == []
    page.locator(".asset-image").first.click()
    page.locator("dialog").get_by_role("button", name="Reuse").wait_for()
    assert axe_findings(session) == []
    session.press("Close")
    page.evaluate("location.hash = '#/compress'")
    session.press("From the library")
    page.locator("dialog .asset-image").first.wait_for()
    assert axe_findings(session) == []
    session.press("Close")
    page.evaluate("location.hash = '#/automation'")
    session.field("Prompts").fill("A chair")
    session.press("Create all")
    page.locator(".batch").wait_for()
    assert axe_findings(session) == []


def test_the_first_load_is_small(session: BrowserSession) -> None:
    """Everything transferred until Create is usable, API responses included, is below 120 KB."""
    page = session.open("create")
    page.goto("about:blank")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.goto(session.requests[0][1])
    page.locator(".card").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 10
    assert sum(sizes) < FIRST_LOAD_BYTES


def test_the_page_uses_one_origin_and_stores_no_token(session: BrowserSession) -> None:
    """No page requests anything from another origin; neither storage, cookies nor the address contain the token."""
    page = session.open("create")
    for name in PAGES:
        page.evaluate(f"location.hash = '#/{name}'")
        expect(page.locator("h1")).to_have_text(name.title())
    page.wait_for_load_state("networkidle")
    origin = session.requests[0][1].split("/#")[0]
    assert [url for _, url, _ in session.requests if not url.startswith((origin, "blob:", "data:"))] == []
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert "eyJ" not in stored


def test_the_policy_is_strict(session: BrowserSession) -> None:
    """Inline scripts, eval, framing and plugins are forbidden, and text can't become markup."""
    page = session.open("create")
    policy = page.request.get(session.requests[0][1]).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<img src=x onerror=alert(1)>'")
    page.wait_for_function("true")
    session.problems = [each for each in session.problems if "rusted" not in each]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(session: BrowserSession, name: str) -> None:
    """At 390 and 320 pixels nothing scrolls sideways, and each tap target is at least 24 pixels high."""
    for width in (PHONE[0], 320):
        page = session.open(name, size=(width, PHONE[1]), has_touch=True, is_mobile=True)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.locator("button:visible, select:visible, nav a:visible").evaluate_all(
            "(all) => all.filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 90))"
        )
        assert small == []


def test_the_hash_selects_the_page_and_the_theme_is_stored(session: BrowserSession) -> None:
    """An unknown address opens Create; the switch changes the theme at once, and a reload keeps it."""
    page = session.open("upscale")
    for address, title in (("toString", "Create"), ("edit?x=1", "Edit"), ("nowhere", "Create")):
        page.evaluate(f"location.hash = '#/{address}'")
        expect(page.locator("h1")).to_have_text(title)
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(background)
    assert light != dark
    page.reload()
    page.locator("h1").wait_for()
    assert page.evaluate(background) == dark


def test_qualities_and_styles_match_the_api() -> None:
    """The page lists the qualities of the API's schema and the styles of the catalog, each in one module."""
    labels = (ROOT / "web/js/labels.js").read_text()
    package = ROOT / "layers/common/python/image_studio"
    document = json.loads((package / "runtime/openapi.json").read_text())
    styles = json.loads((package / "catalog/data/styles.json").read_text())
    expected = {"QUALITIES": document["components"]["schemas"]["Quality"]["enum"], "STYLES": sorted(styles)}
    for name, values in expected.items():
        block = re.search(rf"{name} = \[(.*?)\]", labels, re.DOTALL)
        assert block
        assert re.findall(r'"([^"]+)"', block[1]) == values
    for path in (ROOT / "web/js").rglob("*.js"):
        assert path.name == "labels.js" or '"premium"' not in path.read_text(), path


def test_quoted_text_is_found_as_the_api_finds_it(session: BrowserSession) -> None:
    """It decides which model makes the image, so the page's estimates depend on it."""
    found = ['A sign "Open"', "Ein Schild „Offen“", "Une affiche « Été »", "A sign “24/7”"]
    others = ['A 5" nail', 'a"b"c', '"', '"…"', 'é"x"', f'"{"x" * 81}"']
    page = session.open("create")
    quoted = """async (texts) => {
        const { QUOTED } = await import("./js/labels.js");
        return texts.filter((text) => QUOTED.test(text));
    }"""
    assert page.evaluate(quoted, found + others) == found
    assert list(filter(has_quoted_text, found + others)) == found
