"""Real headless Chromium before the whole local stack; nothing is collected without Playwright (`make browser`)."""

import hashlib
import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from scripts.chromium import EXECUTABLE, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.web.visit import Visit

collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, started once."""
    from playwright.sync_api import expect, sync_playwright

    from tests.web.visit import MOMENT, START

    expect.set_options(timeout=MOMENT)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS), timeout=START)
        yield started
        started.close()


@pytest.fixture
def visit(browser: "Browser", stack: Stack, request: pytest.FixtureRequest) -> "Iterator[Visit]":
    """A person of their own for each test; whatever the page complained about in the end fails it."""
    from tests.web.visit import Visit

    person = Visit(browser, stack.origin, "web-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16])
    yield person
    person.close()
    assert person.complaints == []
