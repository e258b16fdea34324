"""events/ and template.yaml are in step, and the events are what the real services send."""

import json
from typing import Any

import pytest

from local.template import DEFAULT_ROUTE, Template
from scripts.events import EVENTS, all_events

WANTED = dict(all_events())


def test_every_event_is_committed_and_nothing_else() -> None:
    """`make events` writes them; a route that came or went shows here."""
    assert {str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.json")} == set(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_event_is_as_the_script_writes_it(name: str) -> None:
    """Byte for byte."""
    assert (EVENTS / name).read_text() == f"{json.dumps(WANTED[name], indent=2)}\n"


def test_every_route_has_one_event() -> None:
    """In the folder of the function that answers it."""
    keys = sorted(event["routeKey"] for event in WANTED.values() if "routeKey" in event)
    assert keys == sorted(route.key for route in Template().routes())


@pytest.mark.parametrize("route", Template().routes(), ids=lambda route: route.key)
def test_authorised_routes_carry_claims_and_open_ones_do_not(route: Any) -> None:
    """As the gateway has it: claims only where it checked a token."""
    event = next(event for event in WANTED.values() if event.get("routeKey") == route.key)
    assert ("authorizer" in event["requestContext"]) is route.authorized
    assert route.authorized or route.path != DEFAULT_ROUTE
