"""Every API function's outermost layer: caller, limits, gates, routes, errors; nothing leaves it but the contract.

Routes are declared like powertools', but found by our own table: its resolver costs a cold start 100 ms, keeps the
event on a class, and validates before caller, limits and gates have had their say (docs/decisions/0002).
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from image_studio.errors import NotAllowed, StudioError, TemporarilyUnavailable
from image_studio.runtime import gates, limits
from image_studio.runtime.answers import Response, refuse, sealed
from image_studio.runtime.call import Call
from image_studio.runtime.failures import is_storage_failure
from image_studio.runtime.identity import caller_of, check_scope
from image_studio.runtime.limits import Meter
from image_studio.runtime.observability import bind_request, note_request, set_up_logging
from image_studio.runtime.settings import PREFIX

log = logging.getLogger(__name__)

Action = Callable[..., Response]
MAX_VARIABLE = 128  # characters of a variable in a path; no id is longer, and DynamoDB's keys are bounded


@dataclass(frozen=True, slots=True)
class Route:
    """One route as its function declares it; `path` has `<name>` where a variable is."""

    method: str
    path: str
    action: Action
    meter: Meter | None  # None: open to all, and nobody is counted
    spends: bool = False  # its answer says how many credits are left

    def pattern(self) -> re.Pattern[str]:
        """What a path of this route looks like; a variable is one segment."""
        return re.compile(re.sub(r"<(\w+)>", rf"(?P<\1>[^/]{{1,{MAX_VARIABLE}}})", re.escape(self.path)))


class StudioApi:
    """The routes of one function, declared like powertools': `@api.get("/templates")`. `handle` is the handler.

    A route takes the Call, then the path's variables, and gives a Response or raises a StudioError. What a request
    counts as is said where the route is declared; POST and PUT count as work unless they say otherwise.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self._fixed: dict[tuple[str, str], Route] = {}
        self._open: list[tuple[re.Pattern[str], Route]] = []  # with variables
        set_up_logging()

    def get(
        self, path: str, *, open_to_all: bool = False, meter: Meter = Meter.READ, spends: bool = False
    ) -> Callable[[Action], Action]:
        """Declare a GET; `open_to_all` needs no token."""
        return self.route("GET", path, meter=None if open_to_all else meter, spends=spends)

    def post(self, path: str, *, meter: Meter = Meter.WORK, spends: bool = False) -> Callable[[Action], Action]:
        """Declare a POST; one that `spends` tells how many credits are left."""
        return self.route("POST", path, meter=meter, spends=spends)

    def put(self, path: str, *, meter: Meter = Meter.WORK) -> Callable[[Action], Action]:
        """Declare a PUT."""
        return self.route("PUT", path, meter=meter)

    def route(
        self, method: str, path: str, *, meter: Meter | None = Meter.READ, spends: bool = False
    ) -> Callable[[Action], Action]:
        """Declare a route; `<name>` in the path is a variable."""

        def declare(action: Action) -> Action:
            declared = Route(method, PREFIX + path, action, meter, spends)
            self.routes.append(declared)
            if "<" in path:
                self._open.append((declared.pattern(), declared))
            else:
                self._fixed[method, declared.path] = declared
            return action

        return declare

    def handle(self, event: Any, context: Any) -> Response:
        """Answer one event of an HTTP API (payload format 2.0)."""
        call = Call.of(event, context)
        bind_request(call.context.get("requestId"))
        try:
            response = self._answer(call)
        except StudioError as error:
            response = refuse(error)
        except Exception as error:
            log.exception("request failed unexpectedly")
            response = refuse(_REPEAT if is_storage_failure(error) else StudioError())
        response = sealed(response, call.headers)
        note_request(call, response)
        return response

    def _answer(self, call: Call) -> Response:
        if call.method == "OPTIONS":
            return gates.preflight()
        route, variables = self._look_up(call) or (None, {})
        if route is None or route.meter is not None:
            self._admit(call, route)
        if route is None:
            gates.refuse_unknown(call.method, call.path)
        gates.check_body(call)
        try:
            return route.action(call, **variables)
        finally:
            if route.spends:
                limits.tell_credits(call)

    def _admit(self, call: Call, route: Route | None) -> None:
        """Who is it, may it, and is it too much? Raises NotAuthenticated, NotAllowed, TooManyRequests."""
        call.caller = caller_of(call.claims)
        try:
            check_scope(call.claims)
        except NotAllowed:
            limits.admit(call, Meter.READ)
            raise
        limits.admit(call, route.meter if route and route.meter else Meter.READ)

    def _look_up(self, call: Call) -> tuple[Route, dict[str, str]] | None:
        """The route and its variables, or None where this function has nothing at that path and method."""
        fixed = self._fixed.get((call.method, call.path))
        if fixed is not None:
            return fixed, {}
        for pattern, route in self._open:
            match = pattern.fullmatch(call.path) if route.method == call.method else None
            if match:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        return None


_REPEAT = TemporarilyUnavailable(
    "Image Studio is temporarily unavailable. Please repeat the request, with its Idempotency-Key if it had one."
)
