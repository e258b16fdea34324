"""Every API function's outermost layer: caller, gates, routes, errors; nothing leaves it but the contract.

powertools finds the route, we run it: its resolver keeps the event on a class, so only the look-up is done inside it,
under a lock. And caller and gates stand before it, because its validation runs before its middleware.
"""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler import Response as Matched

from image_studio.errors import StudioError
from image_studio.runtime import gates
from image_studio.runtime.answers import Response, refuse, sealed
from image_studio.runtime.call import Call
from image_studio.runtime.identity import caller_of
from image_studio.runtime.observability import note_request, set_up_logging
from image_studio.runtime.settings import PREFIX

log = logging.getLogger(__name__)

Route = Callable[..., Response]
_matching = Lock()


class StudioApi:
    """The routes of one function, declared like powertools': `@api.get("/templates")`. `handle` is the handler.

    A route takes the Call, then the path's variables, and gives a Response or raises a StudioError.
    """

    def __init__(self) -> None:
        self._resolver = APIGatewayHttpResolver()
        self._resolver.not_found(self._unknown)
        self._found: Callable[[Call], Response] | None = None
        self._open: set[tuple[str, str]] = set()
        set_up_logging()

    def get(self, path: str, *, open_to_all: bool = False) -> Callable[[Route], Route]:
        """Declare a GET; `open_to_all` needs no token."""
        if open_to_all:
            self._open.add(("GET", PREFIX + path))
        return self.route("GET", path)

    def post(self, path: str) -> Callable[[Route], Route]:
        """Declare a POST."""
        return self.route("POST", path)

    def route(self, method: str, path: str) -> Callable[[Route], Route]:
        """Declare a route; `<name>` in the path is a variable."""

        def declare(function: Route) -> Route:
            def found(**variables: str) -> Matched[str]:
                self._found = lambda call: function(call, **variables)
                return Matched(204)

            self._resolver.route(PREFIX + path, method=method)(found)
            return function

        return declare

    def handle(self, event: dict[str, Any], context: Any) -> Response:
        """Answer one event of an HTTP API (payload format 2.0)."""
        remaining = getattr(context, "get_remaining_time_in_millis", lambda: 28_000)() / 1000
        call = Call(event, remaining=min(remaining, 28.0))
        try:
            response = self._answer(call)
        except StudioError as error:
            response = refuse(error)
        except Exception:
            log.exception("request failed unexpectedly")
            response = refuse(StudioError())
        note_request(call, response)
        return sealed(response, call.headers)

    def _answer(self, call: Call) -> Response:
        method, path = gates.method_and_path(call.event)
        if method == "OPTIONS":
            return gates.preflight()
        if (method, path) not in self._open:
            call.caller = caller_of(call.event)
        gates.check_body(call)
        return self._look_up(method, path)(call)

    def _look_up(self, method: str, path: str) -> Callable[[Call], Response]:
        """The route's function with its variables. Raises NotFound and MethodNotAllowed."""
        line = {"method": method, "path": path}
        bare = {"rawPath": path, "headers": {}, "requestContext": {"stage": "$default", "http": line}}
        with _matching:
            self._found = None
            self._resolver.resolve(bare, _NO_CONTEXT)
            found, self._found = self._found, None
        if found is None:
            gates.refuse_unknown(method, path)
        return found

    def _unknown(self, _: Exception) -> Matched[str]:
        return Matched(404)


_NO_CONTEXT: Any = None  # powertools passes a context on; routes get what they need of it from the Call
