"""What holds for every studio: light to load, strict about its sources, usable by everybody."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from scripts.chromium import PHONE
from tests.web.visit import Visit, as_file

STUDIOS = ("create", "edit", "upscale", "control", "social", "history")
FIRST_PAINT = 100_000  # bytes over the wire
SERIOUS = ("serious", "critical")


def complaints_of_axe(visit: Visit) -> list[str]:
    """What axe-core finds serious, with where."""
    found = Axe().run(visit.page).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found if each["impact"] in SERIOUS for node in each["nodes"]]


@pytest.mark.parametrize("studio", STUDIOS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(visit: Visit, studio: str, dark: bool) -> None:
    """Names, roles, contrasts and structure are right in every studio, light and dark."""
    page = visit.open(studio, dark=dark)
    page.wait_for_load_state("networkidle")
    assert complaints_of_axe(visit) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_results(visit: Visit, dark: bool) -> None:
    """Results, the compare slider, the painting tools, an error and the code dialog are as accessible as the forms."""
    page = visit.open("edit", dark=dark)
    page.get_by_label("Picture", exact=True).set_input_files(as_file(600, 400))
    page.locator(".sheet canvas").wait_for()
    assert complaints_of_axe(visit) == []
    page.get_by_label("Prompt", exact=True).fill("a door [[fault=moderated]]")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("alert").wait_for()
    assert complaints_of_axe(visit) == []
    page.get_by_label("Prompt", exact=True).fill("a door")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    assert complaints_of_axe(visit) == []
    page.get_by_role("button", name="Show as code").click()
    assert complaints_of_axe(visit) == []
    visit.forgive("400")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_at_work(visit: Visit, dark: bool) -> None:
    """Nor in a dialog, finished variations, handles, the pixel view, a sketch, a wall of formats, a list of jobs."""
    page = visit.open("create", dark=dark)
    page.get_by_role("button", name="New persona").click()
    assert complaints_of_axe(visit) == []
    page.get_by_role("button", name="Cancel").click()
    page.locator(".idea").first.click()
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator(".picture img").wait_for()
    assert complaints_of_axe(visit) == []
    page.evaluate("location.hash = '#/edit'")
    page.locator(".operation", has_text="Outpaint").click()
    page.get_by_role("button", name="Try a sample picture").click()
    page.locator(".expander img").wait_for()
    assert complaints_of_axe(visit) == []
    page.evaluate("location.hash = '#/upscale'")
    page.get_by_role("button", name="Try a sample picture").click()
    page.get_by_role("button", name="Upscale", exact=True).click()
    page.locator(".compare .segments label", has_text="1:1").click()
    assert complaints_of_axe(visit) == []
    page.evaluate("location.hash = '#/control'")
    page.get_by_role("button", name="Sample sketch").click()
    assert complaints_of_axe(visit) == []
    page.evaluate("location.hash = '#/social'")
    page.get_by_label("Show safe zones").check()
    page.get_by_role("button", name="Try a sample picture").click()
    page.locator(".rendition-frame.done").nth(6).wait_for()
    assert complaints_of_axe(visit) == []
    page.evaluate("location.hash = '#/history'")
    page.locator(".job-pictures img").nth(1).wait_for()
    assert complaints_of_axe(visit) == []


def test_the_first_paint_is_light(visit: Visit) -> None:
    """Everything that is transferred until Create stands there, the API's answers included, is below 100 KB."""
    page = visit.open("create")
    page.goto("about:blank")
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[int] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    page.goto(visit.sent[0][1])
    page.locator(".card").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 10
    assert sum(sizes) < FIRST_PAINT


def test_nothing_comes_from_elsewhere(visit: Visit) -> None:
    """Opening every studio asks no other origin for anything."""
    page = visit.open("create")
    for studio in STUDIOS:
        page.evaluate(f"location.hash = '#/{studio}'")
        expect(page.locator("h1")).to_have_text(studio.title())
    page.wait_for_load_state("networkidle")
    origin = visit.sent[0][1].split("/#")[0]
    assert [url for _, url, _ in visit.sent if not url.startswith((origin, "blob:", "data:"))] == []


def test_the_policy_is_strict(visit: Visit) -> None:
    """No inline script or style, no evaluation, no framing, no plugin; and text can't become markup."""
    page = visit.open("create")
    response = page.request.get(visit.sent[0][1])
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<img src=x onerror=alert(1)>'")
    page.wait_for_function("true")
    visit.complaints = [each for each in visit.complaints if "rusted" not in each]


def test_the_token_is_kept_nowhere(visit: Visit) -> None:
    """After work was done, neither storage nor cookies nor the address hold the token."""
    page = visit.open("create")
    page.locator(".card").first.wait_for()
    held = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert "eyJ" not in held


def test_the_session_is_given_to_this_page_only(visit: Visit) -> None:
    """A page of another origin, or one behind another name, gets no token."""
    page = visit.open("create")
    origin = visit.sent[0][1].split("/#")[0]
    for headers in ({"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        assert page.request.get(f"{origin}/local/session", headers=headers).status == 403


@pytest.mark.parametrize("studio", STUDIOS)
def test_a_phone_never_scrolls_sideways(visit: Visit, studio: str) -> None:
    """At 390 and at 320 pixels every studio fits, and what is tapped is large enough to be hit."""
    for width in (PHONE[0], 320):
        page = visit.open(studio, size=(width, PHONE[1]), has_touch=True, is_mobile=True)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.locator("button:visible, select:visible, nav a:visible").evaluate_all(
            "(all) => all.filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 90))"
        )
        assert small == []


@pytest.mark.parametrize("address", ["toString", "nowhere", "edit?x=1"])
def test_an_unknown_address_is_create(visit: Visit, address: str) -> None:
    """Whatever stands behind the hash, a studio is shown: the one that is named, or Create."""
    page = visit.open("upscale")
    page.evaluate(f"location.hash = '#/{address}'")
    expect(page.locator("h1")).to_have_text("Edit" if address.startswith("edit") else "Create")


def test_light_and_dark_are_remembered(visit: Visit) -> None:
    """The switch changes the page at once and holds after a reload."""
    page = visit.open("create")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(paper)
    assert light != dark
    page.reload()
    page.locator("h1").wait_for()
    assert page.evaluate(paper) == dark


def test_a_dead_connection_is_told(visit: Visit) -> None:
    """When the API can't be reached the page says so and offers to try again."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse")
    page.locator(".card").first.wait_for()
    page.route("**/api/image-studio/create", lambda route: route.abort())
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The API can't be reached")
    page.unroute("**/api/image-studio/create")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".picture img")).to_have_count(1)
    visit.forgive("ERR_FAILED")


def test_too_few_credits_are_told(visit: Visit) -> None:
    """A caller whose month doesn't cover the estimate reads the API's sentence about it."""
    page = visit.open("create", tier="free")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse")
    page.locator(".card").first.wait_for()
    page.route(
        "**/api/image-studio/create",
        lambda route: route.fulfill(
            status=402,
            content_type="application/json",
            body=json.dumps(
                {"detail": "Not enough credits left this month for this request.", "code": "not_enough_credits"}
            ),
        ),
    )
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not enough credits left this month")
    visit.forgive("402")


def test_the_qualities_are_the_apis() -> None:
    """The page offers exactly the qualities that requests take, and names them in one place."""
    root = Path(__file__).parents[2]
    document = json.loads((root / "layers/common/python/image_studio/runtime/openapi.json").read_text())
    block = re.search(r"QUALITIES = \[(.*?)\]", (root / "web/js/names.js").read_text())
    assert block
    assert re.findall(r'"(\w+)"', block[1]) == document["components"]["schemas"]["Quality"]["enum"]
    for path in (root / "web/js").rglob("*.js"):
        assert path.name == "names.js" or '"premium"' not in path.read_text(), path


def test_the_styles_are_the_catalogs() -> None:
    """The page offers exactly the style presets that the catalog has words for."""
    root = Path(__file__).parents[2]
    listed = json.loads((root / "layers/common/python/image_studio/catalog/data/styles.json").read_text())
    source = (root / "web/js/names.js").read_text()
    block = re.search(r"STYLES = \[(.*?)\]", source, re.DOTALL)
    assert block
    assert re.findall(r'"([^"]+)"', block[1]) == sorted(listed)
