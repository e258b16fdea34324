"""One browser session of one caller: open pages, act, and record requests, console errors and policy violations."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Download, Locator, Page, Route, expect

from image_studio.catalog.load import load_catalog
from scripts.chromium import DESKTOP

TIMEOUT = 30_000  # ms for one action on a busy machine
START_TIMEOUT = 120_000  # ms for Chromium to start there
#: What each page shows when its lists have loaded.
DEFAULT_FORMATS = len(load_catalog().social_platforms)  # the first one of each is selected
LOADED = {"create": ".card", "social": ".platform", "edit": ".operation", "control": ".operation"}
REPORT_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (e) => reportViolation(`${e.violatedDirective} ${e.blockedURI}`))"
)


class BrowserSession:
    """A page in a fresh browser profile, signed in as a caller of its own."""

    def __init__(self, browser: Browser, origin: str, sub: str) -> None:
        self._browser, self.origin, self._sub = browser, origin, sub
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.page: Page

    def open(
        self,
        name: str = "create",
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        tier: str = "pro",
        **more: Any,
    ) -> Page:
        """Open a page of the playground; `more` goes to the browser context."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
            **more,
        )
        self._contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        context.expose_function("reportViolation", lambda text: self.problems.append(f"policy: {text}"))
        context.add_init_script(REPORT_VIOLATIONS)
        context.route("**/local/session", self._signed_in_as(tier))
        self.page = page = context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", lambda sent: self.requests.append((sent.method, sent.url, sent.post_data)))
        page.goto(f"{self.origin}/#/{name}")
        page.locator("h1").wait_for()
        if name in LOADED and page.locator("form").count():
            page.locator(LOADED[name]).first.wait_for()
        return page

    def _signed_in_as(self, tier: str) -> Callable[[Route], None]:
        return lambda route: route.continue_(url=f"{self.origin}/local/session?sub={self._sub}&tier={tier}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def expect_problem(self, text: str) -> None:
        """Remove the recorded problems that contain a text; at least one must."""
        others = [problem for problem in self.problems if text not in problem]
        assert len(others) < len(self.problems), self.problems
        self.problems = others

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def choose_image(self, width: int, height: int) -> None:
        field = self.page.get_by_label(re.compile("^Images?$"))  # Social takes several
        field.set_input_files(png_file(width, height))

    def forget_results(self) -> None:
        """Wait until the browser remembers a result, and make it forget all, as another browser knows none."""
        results = "caches.open('image-studio-results')"
        texts = "(c) => c.matchAll().then((all) => Promise.all(all.map((each) => each.text())))"
        self.page.wait_for_function(
            f"{results}.then({texts}).then((all) => all.length && all.every((text) => text.includes('thumbnails')))"
        )
        self.page.evaluate(f"{results}.then(async (c) => {{ for (const key of await c.keys()) await c.delete(key); }})")

    def choose_operation(self, name: str) -> None:
        self.page.locator(".operation", has_text=name).click()

    def choose_segment(self, name: str) -> None:
        self.page.locator(".segments label", has_text=name).click()

    @property
    def run_button(self) -> Locator:
        """The button of the page's form. Its text says what it does and what that costs."""
        return self.page.locator("button.run")

    def run(self) -> None:
        self.run_button.click()

    def create(self, prompt: str) -> None:
        self.field("Prompt").fill(prompt)
        self.run()

    def create_each(self, *prompts: str) -> Page:
        """Open Create, and make an image for each prompt, at times that differ."""
        page = self.open("create")
        for prompt in prompts:
            self.create(prompt)
            page.wait_for_timeout(1000)
        expect(page.locator(".result-image img")).to_have_count(len(prompts))
        return page

    def fact(self, name: str) -> Locator:
        return self.page.locator(".facts dt", has_text=name).last.locator("+ dd")

    def wait_for_renditions(self, count: int = DEFAULT_FORMATS) -> None:
        expect(self.page.locator(".rendition-frame.done")).to_have_count(count)

    def body(self, path: str) -> dict[str, Any]:
        """The last body that was posted to a path of the API."""
        posted = [data for method, url, data in self.requests if method == "POST" and url.endswith(path)]
        body: dict[str, Any] = json.loads(posted[-1])
        return body

    def code(self, language: str) -> str:
        self.press("Show as code")
        self.page.get_by_role("tab", name=language).click()
        code = self.page.locator("pre code").inner_text()
        self.press("Close")
        return code

    def saved_image(self) -> Image.Image:
        button = self.page.get_by_role("button", name="Download").first
        return Image.open(io.BytesIO(self.download(button)[1]))

    def download(self, button: Locator) -> tuple[str, bytes]:
        with self.page.expect_download() as waiting:
            button.click()
        file: Download = waiting.value
        return file.suggested_filename, Path(file.path()).read_bytes()

    def download_zip(self, button: Locator) -> tuple[str, list[str]]:
        """Save an archive and return its name and its members'."""
        name, data = self.download(button)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return name, archive.namelist()

    def select_all(self) -> None:
        for box in self.page.get_by_role("checkbox", name=re.compile("^Select")).all():
            box.check()

    def drag(self, target: Locator, *points: tuple[float, float]) -> None:
        """Drag over an element, through points given as fractions of its box."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box
        positions = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*positions[0])
        self.page.mouse.down()
        for position in positions[1:]:
            self.page.mouse.move(*position, steps=6)
        self.page.mouse.up()

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element has the focus, at most one round through the page."""
        for _ in range(120):
            if self.page.evaluate("(wanted) => document.activeElement?.matches(wanted) ?? false", selector):
                assert self.page.evaluate("getComputedStyle(document.activeElement).visibility") == "visible"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()


def png(width: int, height: int) -> bytes:
    """A PNG with a red disc right of the center, on a gradient."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    radius = min(width, height) // 6
    disc = Image.new("L", (radius * 2, radius * 2), 0)
    disc.paste(255, (radius // 4, radius // 4, radius * 7 // 4, radius * 7 // 4))
    image.paste((210, 40, 40), (width * 3 // 4 - radius, height // 2 - radius), disc)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def png_file(width: int, height: int, name: str = "photo.png") -> Any:
    return {"name": name, "mimeType": "image/png", "buffer": png(width, height)}
