"""events/ and template.yaml are in step, and the events are what the real services send."""

import json

from local.template import DEFAULT_ROUTE, Template
from scripts.events import EVENTS, all_events

WANTED = dict(all_events())


def test_events_are_committed_as_the_script_writes_them() -> None:
    """Byte for byte, and no other; `make events` writes them, and a route that came or went shows here."""
    written = {name: f"{json.dumps(event, indent=2)}\n" for name, event in WANTED.items()}
    assert {str(path.relative_to(EVENTS)): path.read_text() for path in EVENTS.rglob("*.json")} == written


def test_every_route_has_one_event() -> None:
    """It has claims only where the gateway checks a token. HEAD's would be GET's."""
    routes = Template().routes()
    claims = [
        (each["routeKey"], "authorizer" in each["requestContext"]) for each in WANTED.values() if "routeKey" in each
    ]
    assert sorted(claims) == sorted((route.key, route.authorized) for route in routes if route.method != "HEAD")
    assert [route.authorized for route in routes if route.path == DEFAULT_ROUTE] == [True]


def test_head_goes_wherever_get_goes() -> None:
    """To the same function, with the same token."""
    ways = {
        method: {(each.path, each.function, each.authorized) for each in Template().routes() if each.method == method}
        for method in ("GET", "HEAD")
    }
    assert ways["HEAD"] == ways["GET"]
