"""A person before the page: opens it, does things, and notes everything that the page should not have done."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Download, Locator, Page, Route

from scripts.chromium import DESKTOP

MOMENT = 30_000  # ms that something may take on a busy machine
START = 120_000  # ms that Chromium may take to start there
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (e) => noteViolation(`${e.violatedDirective} ${e.blockedURI}`))"
)


class Visit:
    """One page in a fresh browser profile, signed in as its own caller."""

    def __init__(self, browser: Browser, origin: str, sub: str) -> None:
        self._browser, self.origin, self._sub = browser, origin, sub
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.sent: list[tuple[str, str, Any]] = []
        self.page: Page

    def open(
        self,
        studio: str = "create",
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        tier: str = "pro",
        **more: Any,
    ) -> Page:
        """Open a studio; `more` goes to the browser context."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
            **more,
        )
        self._contexts.append(context)
        context.set_default_timeout(MOMENT)
        context.expose_function("noteViolation", lambda words: self.complaints.append(f"policy: {words}"))
        context.add_init_script(VIOLATIONS)
        context.route("**/local/session", self._signed_in_as(tier))
        self.page = page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda asked: self.sent.append((asked.method, asked.url, asked.post_data)))
        page.goto(f"{self.origin}/#/{studio}")
        page.locator("h1").wait_for()
        if studio == "create" and page.locator("form").count():
            page.locator(".card").first.wait_for()
        return page

    def _signed_in_as(self, tier: str) -> Callable[[Route], None]:
        return lambda route: route.continue_(url=f"{self.origin}/local/session?sub={self._sub}&tier={tier}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def forgive(self, words: str) -> None:
        """Drop the complaints that an error path brings with it; there must be one."""
        kept = [each for each in self.complaints if words not in each]
        assert len(kept) < len(self.complaints), self.complaints
        self.complaints = kept

    def body(self, path: str) -> dict[str, Any]:
        """What was last posted to a path of the API."""
        found = [data for method, url, data in self.sent if method == "POST" and url.endswith(path)]
        answer: dict[str, Any] = json.loads(found[-1])
        return answer

    def saved(self, button: Locator) -> Image.Image:
        """The picture that a click saves."""
        return Image.open(io.BytesIO(self.download(button)[1]))

    def download(self, button: Locator) -> tuple[str, bytes]:
        """Name and bytes of the file that a click saves."""
        with self.page.expect_download() as waiting:
            button.click()
        got: Download = waiting.value
        return got.suggested_filename, Path(got.path()).read_bytes()

    def drag(self, target: Locator, *points: tuple[float, float]) -> None:
        """Drag over an element, through points given as shares of its box."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for point in at[1:]:
            self.page.mouse.move(*point, steps=6)
        self.page.mouse.up()

    def reach(self, selector: str) -> None:
        """Press Tab until an element has the focus; it must come within one round of the page."""
        for _ in range(120):
            if self.page.evaluate("(wanted) => document.activeElement?.matches(wanted) ?? false", selector):
                assert self.page.evaluate("getComputedStyle(document.activeElement).visibility") == "visible"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    def close(self) -> None:
        """Close everything that was opened."""
        while self._contexts:
            self._contexts.pop().close()


def picture(width: int, height: int, file_type: str = "PNG") -> bytes:
    """A picture with something in it: a red disc right of the middle, on a gradient."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    radius = min(width, height) // 6
    disc = Image.new("L", (radius * 2, radius * 2), 0)
    disc.paste(255, (radius // 4, radius // 4, radius * 7 // 4, radius * 7 // 4))
    image.paste((210, 40, 40), (width * 3 // 4 - radius, height // 2 - radius), disc)
    out = io.BytesIO()
    image.save(out, file_type)
    return out.getvalue()


def as_file(width: int, height: int, name: str = "photo.png") -> Any:
    """The same, as a file that an input takes."""
    return {"name": name, "mimeType": "image/png", "buffer": picture(width, height)}
