"""Headless Chromium against the whole local stack. Without Playwright (`make browser`) nothing is collected."""

import hashlib
import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from scripts.chromium import EXECUTABLE, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.web.browser_session import BrowserSession

collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import expect, sync_playwright

    from tests.web.browser_session import START_TIMEOUT, TIMEOUT

    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS), timeout=START_TIMEOUT)
        yield started
        started.close()


@pytest.fixture
def session(browser: "Browser", stack: Stack, request: pytest.FixtureRequest) -> "Iterator[BrowserSession]":
    """A browser session with a caller of its own; a console error or policy violation fails the test."""
    from tests.web.browser_session import BrowserSession

    caller = "web-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    opened = BrowserSession(browser, stack.origin, caller)
    yield opened
    opened.close()
    assert opened.problems == []
