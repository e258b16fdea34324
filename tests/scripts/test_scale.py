"""docs/scale.md is what the model computes, and the model is sane."""

import pytest

from scripts.scale import KNOBS, PAGE, breaks, cost, image, inputs, load, setting, written

DATA, OWN = inputs(), setting()


def test_the_page_is_as_computed() -> None:
    """`make docs` writes it; whatever breaks, the page says what to do."""
    assert PAGE.read_text() == written(PAGE.read_text())
    assert set(breaks(DATA, OWN)) == set(KNOBS)


def test_load_grows_with_the_rate() -> None:
    """A thousand times the images is a thousand times everything; concurrency is rate times time."""
    few, many = load(DATA, OWN, 10), load(DATA, OWN, 10_000)
    for name in ("waiting", "working", "requests", "writes", "lease_writes", "puts"):
        assert getattr(many, name) == pytest.approx(1000 * getattr(few, name))
    assert load(DATA, OWN, 60).working == pytest.approx(image(DATA, OWN).worker_seconds)


def test_what_is_reached_at_its_limit_is_the_limit() -> None:
    """At the rate that a row names, the load is what the limit allows."""
    rates = breaks(DATA, OWN)
    assert load(DATA, OWN, round(rates["worker"])).working == pytest.approx(OWN.worker_concurrency, rel=0.05)
    at_lambda = load(DATA, OWN, round(rates["lambda"]))
    assert at_lambda.environments == pytest.approx(DATA["limits"]["lambda_concurrency"], rel=0.01)


def test_the_provider_is_the_bill() -> None:
    """AWS is a small part of it, and every part is something."""
    parts = cost(DATA, OWN)
    assert min(parts.values()) > 0
    assert parts["the provider"] > 10 * (sum(parts.values()) - parts["the provider"])


def test_a_slow_provider_makes_waits_longer_and_hops() -> None:
    """Beyond WaitSeconds the jobs function, which is smaller, waits on."""
    slow = {**DATA, "work": {**DATA["work"], "provider_seconds": 60}}
    assert image(slow, OWN).invocations == 2 + 2
    assert image(slow, OWN).gb_seconds > image(DATA, OWN).gb_seconds
