"""The routes of the free reads: cached by clients, one body for all, errors as sentences."""

import json
import time

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.runtime import configured_providers, reads
from image_studio.runtime.circuit_breaker import FAILURES, circuits
from tests.security.inside import Inside, without_workers
from tests.tables import fake_aws, forget


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    with fake_aws(monkeypatch):
        monkeypatch.setattr(reads, "_last", None)
        yield


def ask(path, body=None, tier="enterprise", **headers):
    """Status, headers and text of a GET, or of a POST with that body."""
    method = "GET" if body is None else "POST"
    answer = Inside().ask(method, path, body=body or b"", tier=tier, headers=headers)
    return answer.status, answer.headers, answer.body


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/templates", 300),
        ("/templates/search?query=linkedin", 300),
        ("/providers", 60),
        ("/edit/operations", 300),
        ("/edit/models?operation=inpaint", 300),
    ],
)
def test_a_client_that_has_it_gets_a_304(path, seconds):
    """The same ETag for the same body; with it, weak or in a list, no body at all. Another body has another one."""
    status, headers, body = ask(path)
    assert (status, headers["cache-control"]) == (200, f"public, max-age={seconds}")
    etag = headers["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        status, headers, text = ask(path, **{"if-none-match": tags})
        assert (status, headers["etag"], text) == (304, etag, "")
    other = ask("/templates?platform=instagram")[1]["etag"]
    assert ask(path, **{"if-none-match": other})[2] == body


def test_providers_tell_who_has_a_key_and_who_failed():
    """As the worker recorded it."""
    configured_providers.record(frozenset({"stability", "gemini"}))
    breaker = circuits(0)
    for _ in range(FAILURES):
        breaker.report("gemini", ok=False)
    entries = json.loads(ask("/providers")[2])["providers"]
    assert [name for name, entry in entries.items() if entry["configured"]] == ["stability", "gemini"]
    assert [name for name, entry in entries.items() if not entry["healthy"]] == ["gemini"]


def test_estimates_name_what_they_ignore():
    """Fields that no estimate has, in the header."""
    body = {"provider": "stability", "num_images": 1, "resolution": "1x1", "a": 1}
    status, headers, text = ask("/estimate-cost", json.dumps(body))
    assert (status, headers["x-ignored-fields"]) == (200, "a, resolution")
    assert json.loads(text)["provider"] == "stability"


@pytest.mark.parametrize("body", ["", "[]", '{"provider": 1}', '{"provider": "nobody"}'])
def test_an_estimate_that_can_not_be_made_is_a_400(body):
    """One sentence, never a 0."""
    status, _, text = ask("/estimate-cost", body)
    assert (status, set(json.loads(text))) == (400, {"detail", "code"})


@pytest.mark.parametrize("names", [{"gemini"}, {"stability"}])
def test_what_is_estimated_for_auto_is_what_a_job_reserves(names, monkeypatch):
    """By who has a key: the first of the order may have none."""
    without_workers(monkeypatch)
    configured_providers.record(frozenset(names))
    estimate = {"provider": "auto", "operation": "generate", "num_images": 2}
    estimated = json.loads(ask("/estimate-cost", json.dumps(estimate))[2])
    body = {"prompt": "a boat", "provider": "auto", "num_variations": 2}
    job = json.loads(ask("/create", json.dumps(body), prefer="respond-async")[2])["job_id"]
    assert estimated["provider"] in names
    assert json.loads(ask(f"/jobs/{job}")[2])["credits"]["reserved"] == estimated["total_cost"]


def test_an_estimate_for_auto_where_nobody_has_a_key():
    """Is refused as the request is; what names a provider, and what is free, has its price all the same."""
    configured_providers.record(frozenset())
    status, _, text = ask("/estimate-cost", '{"provider": "auto"}')
    assert (status, json.loads(text)["code"]) == (500, "provider_unavailable")
    for body in ('{"provider": "stability"}', '{"provider": "auto", "operation": "social"}'):
        assert ask("/estimate-cost", body)[0] == 200


@pytest.mark.parametrize(("tier", "side"), [("free", 4097), ("enterprise", 5001)])
def test_an_estimate_refuses_what_the_request_is_refused_for(tier, side):
    """By the caller's own tier, in the same words; at the limit neither is refused."""
    sides = {"width": side, "height": side}
    estimate = {"provider": "stability", "operation": "generate", **sides}
    refused = ask("/create", json.dumps({"prompt": "a boat", **sides}), tier=tier)
    estimated = ask("/estimate-cost", json.dumps(estimate), tier=tier)
    assert (estimated[0], estimated[2]) == (refused[0], refused[2])
    assert f"{side}x{side}" in json.loads(estimated[2])["detail"]
    smaller = {**estimate, "width": side - 1, "height": side - 1}
    assert ask("/estimate-cost", json.dumps(smaller), tier=tier)[0] == 200


@pytest.mark.parametrize("name", ["query", "use_case"])
def test_a_required_parameter_is_named_where_it_is_missing(name):
    """A search without its words is a 400; with empty ones it finds all, as the original's own page asks."""
    path = {"query": "/templates/search", "use_case": "/templates/recommend"}[name]
    status, _, text = ask(path)
    title = {"query": "Query"}.get(name, name)
    assert (status, json.loads(text)["detail"]) == (400, f"{title} is required.")
    status, _, text = ask(f"{path}?{name}=")
    assert (status, json.loads(text)["total"]) == (200, len(load_catalog().templates))


def test_only_configured_models_are_recommended():
    """A model that can't be called is no recommendation."""
    configured_providers.record(frozenset({"wavespeed"}))
    status, _, text = ask("/edit/recommend", '{"operation": "inpaint", "preferences": {}, "tier": "x"}')
    assert (status, json.loads(text)["provider"]) == (200, "wavespeed")


REFERENCE = {
    "status": "healthy",
    "service": "image_studio",
    "version": "1.0.0",
    "modules": {"create_studio": "available", "templates": "available", "providers": "available"},
}


def degraded(*modules):
    return REFERENCE | {"status": "degraded", "modules": REFERENCE["modules"] | dict.fromkeys(modules, "unavailable")}


def health():
    answer = Inside().ask("GET", "/health", claims=None)
    return answer.status, answer.json


def test_the_references_body_word_for_word():
    """Where everything works; nobody needs a token."""
    assert health() == (200, REFERENCE)


def test_what_does_not_work_is_said_so(monkeypatch):
    """Images can't be made without a key, or without a table; a broken catalog is broken whatever is wrong with it."""
    configured_providers.record(frozenset())
    assert health() == (200, degraded("providers"))
    monkeypatch.setenv("TABLE_NAME", "nowhere")
    forget()
    monkeypatch.setattr(reads, "_last", None)
    assert health() == (200, degraded("create_studio", "providers"))
    monkeypatch.setattr(reads, "load_catalog", lambda: [].templates)
    monkeypatch.setattr(reads, "_last", None)
    assert health() == (200, degraded("create_studio", "templates", "providers"))


def test_the_probe_is_kept_for_half_a_minute(monkeypatch):
    """Nobody can tire the table by asking; later it is looked at again."""
    assert health()[1]["status"] == "healthy"
    configured_providers.record(frozenset())
    monkeypatch.setattr(configured_providers, "_known", None)
    assert health()[1]["status"] == "healthy"
    started = time.monotonic()
    for seconds, status in ((29, "healthy"), (31, "degraded")):
        monkeypatch.setattr(reads.time, "monotonic", lambda seconds=seconds: started + seconds)
        assert health()[1]["status"] == status
