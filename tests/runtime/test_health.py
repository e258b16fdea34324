"""GET /health: what can work, open to all, asked of the table at most twice a minute."""

import json
import time

import pytest

from functions.create.app import handler
from image_studio import catalog
from image_studio.runtime import health, roster
from tests.tables import fake_aws, forget

EVENT = {
    "version": "2.0",
    "rawPath": "/api/image-studio/health",
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/api/image-studio/health"}},
}
REFERENCE = {
    "status": "healthy",
    "service": "image_studio",
    "version": "1.0.0",
    "modules": {"create_studio": "available", "templates": "available", "providers": "available"},
}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """A table, and nothing probed yet."""
    with fake_aws(monkeypatch):
        monkeypatch.setattr(health, "_last", None)
        yield


def ask():
    """Status and body, without a token."""
    answer = handler(EVENT, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_references_body_word_for_word():
    """Where everything works; nobody needs a token."""
    assert ask() == (200, REFERENCE)


def test_no_provider_is_said_so():
    """Images can't be made without a key."""
    roster.record(frozenset())
    status, body = ask()
    assert (status, body["status"]) == (200, "degraded")
    assert body["modules"] == REFERENCE["modules"] | {"providers": "unavailable"}


def test_a_missing_table_is_said_so(monkeypatch):
    """It answers all the same, and catalog reads go on."""
    monkeypatch.setenv("TABLE_NAME", "nowhere")
    forget()
    status, body = ask()
    assert (status, body["status"]) == (200, "degraded")
    assert body["modules"] == {"create_studio": "unavailable", "templates": "available", "providers": "unavailable"}


def test_a_broken_catalog_is_said_so(monkeypatch):
    """Whatever is wrong with it."""

    def broken():
        raise ValueError("templates/x.json: broken")

    monkeypatch.setattr(catalog, "templates", broken)
    assert ask()[1]["modules"]["templates"] == "unavailable"


def test_the_probe_is_kept_for_half_a_minute(monkeypatch):
    """Nobody can tire the table by asking; later it is looked at again."""
    assert ask()[1]["status"] == "healthy"
    roster.record(frozenset())
    roster.forget()
    assert ask()[1]["status"] == "healthy"
    later = time.monotonic() + health.CACHE_SECONDS + 1
    monkeypatch.setattr(health.time, "monotonic", lambda: later)
    assert ask()[1]["status"] == "degraded"
