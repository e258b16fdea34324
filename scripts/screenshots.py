"""`make screenshots`: write screenshots of every page, desktop and phone, light and dark, to build/screenshots.

`--readme` also writes the README's image, docs/images/playground.webp.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright  # type: ignore[import-not-found]  # lives in .venv-web

from local.stack import Options, Stack
from local.template import ROOT
from scripts.chromium import DESKTOP, EXECUTABLE, FLAGS, PHONE

BUILD = ROOT / "build/screenshots"
README = ROOT / "docs/images/playground.webp"
README_BYTES = 200_000
TIMEOUT = 60_000  # ms
SETTLE = 500  # ms for animations to end


def sample(page: Page) -> None:
    """Load the sample image."""
    page.get_by_role("button", name="Try a sample image").click()
    page.locator(".drop-name").wait_for()


def run(page: Page) -> None:
    """Press the button of the page's form, whatever it says."""
    page.locator("button.run:visible").click()


def stroke(page: Page, target: str, *points: tuple[float, float]) -> None:
    """Drag over an element, through points given as fractions of its box."""
    page.locator(target).scroll_into_view_if_needed()
    box = page.locator(target).bounding_box()
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6 if number else 1)
        if not number:
            page.mouse.down()
    page.mouse.up()


def create(page: Page) -> None:
    """Create four variations of a landscape post."""
    page.get_by_label("Prompt", exact=True).fill("Mountains at sunset")
    page.get_by_label("Enhance the prompt").uncheck()
    page.get_by_role("button", name="LinkedIn").click()
    for _ in range(3):
        page.get_by_role("button", name="More variations").click()
    page.wait_for_timeout(SETTLE)
    run(page)
    page.locator(".result-image img").nth(3).wait_for()
    page.locator(".run-card .facts").wait_for()


def edit(page: Page) -> None:
    """Paint a mask over the boat."""
    sample(page)
    page.get_by_label("Prompt", exact=True).fill("a red hot-air balloon")
    stroke(page, ".image-overlay canvas", (0.2, 0.68), (0.24, 0.6), (0.28, 0.7), (0.2, 0.7))


def edit_result(page: Page) -> None:
    """Show before and after."""
    edit(page)
    run(page)
    page.locator(".compare").wait_for()
    page.get_by_label("Before and after").fill("22")


def outpaint(page: Page) -> None:
    """Show the handles at the edges."""
    sample(page)
    page.locator(".operation", has_text="Outpaint").click()
    page.locator(".outpaint-editor img").wait_for()


def upscale(page: Page) -> None:
    """Show the result at 1:1."""
    sample(page)
    run(page)
    page.locator(".compare").wait_for()
    page.locator(".compare .segments label", has_text="1:1").click()


def control(page: Page) -> None:
    """Draw a house."""
    page.get_by_label("Prompt", exact=True).fill("a small house with a tree, watercolor")
    stroke(page, ".sketch", (0.3, 0.8), (0.3, 0.5), (0.5, 0.3), (0.7, 0.5), (0.7, 0.8), (0.3, 0.8))
    stroke(page, ".sketch", (0.45, 0.8), (0.45, 0.6), (0.55, 0.6), (0.55, 0.8))
    run(page)
    page.locator(".result .facts").wait_for()


def social(page: Page) -> None:
    """Make the formats of all platforms and show the safe zones."""
    page.locator(".platform").first.wait_for()
    sample(page)
    page.get_by_label("Show safe zones").check()
    page.locator(".rendition-frame.done").nth(6).wait_for()


def history(page: Page) -> None:
    """Show the jobs of the other scenes, and some of this browser, which has thumbnails of its own."""
    for prompt in ("A sailing boat at dusk", "A red hot-air balloon over the sea", "A cottage in the morning"):
        page.get_by_label("Prompt", exact=True).fill(prompt)
        run(page)
        page.get_by_role("img", name=f"{prompt}, variation 1").wait_for()
    page.evaluate("location.hash = '#/history'")
    page.locator(".usage .big").wait_for()
    page.locator(".job img").nth(2).wait_for()
    page.wait_for_load_state("networkidle")


def library(page: Page) -> None:
    """Keep the results of the other scenes and select one."""
    history(page)
    for box in page.get_by_role("checkbox", name="Select").all()[:5]:
        box.check()
    page.get_by_role("button", name="Save to library").click()
    page.locator(".toast", has_text="saved to the library").wait_for()
    page.evaluate("location.hash = '#/library'")
    page.locator(".asset img").first.wait_for()
    page.locator(".asset input").first.check()
    page.wait_for_load_state("networkidle")


def automation(page: Page) -> None:
    """Submit a batch."""
    page.get_by_label("Prompts").fill("A red chair in an empty room\nA blue chair in an empty room")
    page.locator(".price strong").wait_for()
    page.get_by_role("button", name="Create all").click()
    page.locator(".batch").first.wait_for()
    page.get_by_label("Prompts").fill("A lamp on a table\nA chair by the sea")
    page.locator(".price strong").wait_for()


def brand_kit(page: Page) -> None:
    """Fill in a brand kit."""
    page.get_by_role("button", name="New brand kit").click()
    page.get_by_label("Name").fill("Acme Garden")
    page.get_by_label("Color in words").fill("teal")
    page.get_by_role("button", name="Add a color").click()
    page.get_by_label("Color in words").last.fill("warm sand #e8d3b0")
    page.get_by_label("Look").fill("soft daylight, lots of space")


def compress(page: Page) -> None:
    """Make a file smaller."""
    sample(page)
    run(page)
    page.locator(".compare").wait_for()


def inspect(page: Page) -> None:
    """Inspect the sample."""
    sample(page)
    page.locator(".result .facts").wait_for()


def create_error(page: Page) -> None:
    """Show an error."""
    page.get_by_label("Prompt", exact=True).fill("Something [[fault=moderated]]")
    run(page)
    page.get_by_role("alert").wait_for()


#: name -> (page, actions there)
SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "create-empty": ("create", lambda page: page.locator(".price strong").wait_for()),
    "create": ("create", create),
    "create-error": ("create", create_error),
    "edit-mask": ("edit", edit),
    "edit": ("edit", edit_result),
    "edit-outpaint": ("edit", outpaint),
    "upscale": ("upscale", upscale),
    "control": ("control", control),
    "social": ("social", social),
    "history": ("create", history),
    "library": ("create", library),
    "automation": ("automation", automation),
    "brand-kit": ("create", brand_kit),
    "compress": ("compress", compress),
    "inspect": ("inspect", inspect),
}


def shoot(browser: Browser, origin: str, name: str, *, phone: bool, dark: bool) -> bytes:
    """Return a scene as PNG: the whole page on a phone, the window on a desktop."""
    width, height = PHONE if phone else DESKTOP
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        is_mobile=phone,
    )
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page_name, act = SCENES[name]
    page.goto(f"{origin}/#/{page_name}")
    page.locator("h1").wait_for()
    act(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(SETTLE)
    if phone:  # a window as tall as the page, so that sticky bars are at its bottom
        page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.wait_for_timeout(SETTLE)
    data: bytes = page.screenshot()
    context.close()
    return data


def write_readme_image(data: bytes) -> None:
    """Write the README's image, compressed until it is small enough."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    README.parent.mkdir(parents=True, exist_ok=True)
    for quality in (88, 80, 70, 60):
        image.save(README, "WEBP", quality=quality, method=6)
        if README.stat().st_size < README_BYTES:
            return


def main() -> int:
    """Write all screenshots and return the exit code."""
    chosen = [name for name in sys.argv[1:] if name in SCENES] or list(SCENES)
    BUILD.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state,
        Stack(Options(state=Path(state))) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        for name in chosen:
            for phone in (False, True):
                for dark in (False, True):
                    data = shoot(browser, stack.origin, name, phone=phone, dark=dark)
                    path = BUILD / f"{name}-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}.png"
                    path.write_bytes(data)
                    print(path.relative_to(ROOT), flush=True)
        if "--readme" in sys.argv:
            write_readme_image((BUILD / "create-desktop-light.png").read_bytes())
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
