"""The resolver of the API functions: powertools' routing, plus what every request passes and every response carries.

A request passes caller, scope, rate limit and body checks, in this order, before its route runs. Validation by
powertools stays off: a route validates the raw body once, with pydantic (docs/decisions/0002).
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from image_studio.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotAllowed,
    NotFound,
    StudioError,
    TemporarilyUnavailable,
    TooLarge,
    WrongContentType,
)
from image_studio.runtime import end_cold_start, rate_limits
from image_studio.runtime.api import Call, Response, refuse
from image_studio.runtime.auth import caller_of, check_scope
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.observability import logger, set_up_logging
from image_studio.runtime.openapi import documented_paths
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.settings import full_path
from image_studio.schemas.limits import MAX_BODY

log = logging.getLogger(__name__)

A = TypeVar("A", bound=Callable[..., Any])
Middleware = Callable[["ApiResolver", NextMiddleware], Response]
MAX_VARIABLE = 128  # characters of a path variable; no id is longer, and DynamoDB's keys are bounded
MAX_REQUEST_BODY = 6 * 1024 * 1024  # bytes; Lambda accepts no larger event
MAX_HEADER = 1024  # characters of a header's value
#: On every response: browsers must not guess its type nor tell other sites where a link was followed.
SAFE_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_REQUEST_ID = re.compile(r"[\w=-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeclaredRoute:
    """A route as its function declares it. `path` has `<name>` for a variable."""

    method: str
    path: str
    action: Callable[..., Any]
    counts_as: RateClass | None  # None: open to everybody, and not counted
    spends: bool  # its responses say how many credits are left


class ApiResolver(APIGatewayHttpResolver):
    """powertools' resolver. A route also declares what a request counts as, and whether it spends credits.

    A GET route answers HEAD as well, from which the gateway leaves the body out.
    POST and PUT count as work unless they say otherwise; `counts_as=None` opens a route to requests without a token.
    Routes are registered with the whole prefix: with `strip_prefixes`, powertools would also serve them without it. A
    rule that starts with /api/ is a whole path already.
    """

    def __init__(self) -> None:
        super().__init__(debug=False)  # debug mode, which POWERTOOLS_DEV turns on, would print the events
        self.routes: list[DeclaredRoute] = []
        self.not_found(self._refuse_unknown)
        self.exception_handler(StudioError)(refuse)
        self.exception_handler(Exception)(_refuse_unexpected)
        set_up_logging()

    @property
    def call(self) -> Call:
        call: Call = self.context["call"]
        return call

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """The event with all that powertools reads in place; its own copy is shared by all resolvers of a process."""
        event: APIGatewayProxyEventV2 = self.context["event"]
        return event

    def get(  # type: ignore[override]
        self, rule: str, *, counts_as: RateClass | None = RateClass.READ, spends: bool = False
    ) -> Callable[[A], A]:
        return self._declare("GET", rule, counts_as, spends)

    def post(  # type: ignore[override]
        self, rule: str, *, counts_as: RateClass | None = RateClass.WORK, spends: bool = False
    ) -> Callable[[A], A]:
        return self._declare("POST", rule, counts_as, spends)

    def put(self, rule: str, *, counts_as: RateClass | None = RateClass.WORK) -> Callable[[A], A]:  # type: ignore[override]
        return self._declare("PUT", rule, counts_as)

    def delete(self, rule: str, *, counts_as: RateClass | None = RateClass.READ) -> Callable[[A], A]:  # type: ignore[override]
        return self._declare("DELETE", rule, counts_as)

    def _declare(self, method: str, rule: str, counts_as: RateClass | None, spends: bool = False) -> Callable[[A], A]:
        admission = [_admission(counts_as)] if counts_as else []
        steps: list[Any] = [*admission, check_body, *([_report_credits] if spends else [])]  # in this order

        def declare(action: A) -> A:
            self.routes.append(DeclaredRoute(method, full_path(rule), action, counts_as, spends))
            served = self._with_variables(action) if "<" in rule else action
            self.route(full_path(rule), ["GET", "HEAD"] if method == "GET" else method, middlewares=steps)(served)
            return action

        return declare

    def _with_variables(self, action: Callable[..., Response]) -> Callable[..., Response]:
        """Decode the path's variables, which powertools leaves as they are."""

        @wraps(action)
        def decoded(**variables: str) -> Response:
            if any(len(value) > MAX_VARIABLE for value in variables.values()):
                raise _nothing_at(self.call.path)
            return action(**{name: unquote(value) for name, value in variables.items()})

        return decoded

    def handler(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one event of an HTTP API (payload format 2.0). A Lambda environment handles one event at a time."""
        call = Call.of(event, context)
        request_id = call.context.get("requestId")
        known = isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id)
        logger.thread_safe_append_keys(request_id=request_id if known else None)
        gateway = {**call.context, "stage": "$default", "http": {"method": call.method, "path": call.path}}
        complete = {**call.event, "rawPath": call.path, "headers": {}, "requestContext": gateway}
        self.context |= {"call": call, "event": APIGatewayProxyEventV2(complete)}
        response = _finish(call, self.resolve(dict(call.event), context))
        _log_request(call, response)
        end_cold_start()  # only now, since the first POST /create imports its path
        return response

    def _refuse_unknown(self, _: Exception) -> Response:
        """Answer what no route matches: 204 for OPTIONS (the gateway answers known preflights), else 405 or 404."""
        call = self.call
        if call.method == "OPTIONS":
            return Response(204, body="")
        _admit(call, RateClass.READ)
        for template, methods in documented_paths().items():
            if call.method not in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), call.path):
                raise MethodNotAllowed(call.method[:20], sorted(methods))
        raise _nothing_at(call.path)


def _nothing_at(path: str) -> NotFound:
    return NotFound(f"There is nothing at {path[:200]}. See /api/image-studio/docs.")


def _refuse_unexpected(error: Exception) -> Response:
    log.error("request failed unexpectedly", exc_info=error)
    again = (
        "Image Studio is temporarily unavailable. Please repeat the request, with its Idempotency-Key if it had one."
    )
    return refuse(TemporarilyUnavailable(again) if isinstance(error, STORAGE_FAILURES) else StudioError())


# -- middlewares


def _admission(counts_as: RateClass) -> Middleware:
    def admit(app: "ApiResolver", next_middleware: NextMiddleware) -> Response:
        _admit(app.call, counts_as)
        return next_middleware(app)

    return admit


def _admit(call: Call, counts_as: RateClass) -> None:
    """Identify the caller, then count the request; one without the scope counts as a read. Raises what refuses it."""
    call.caller = caller_of(call.claims)
    try:
        check_scope(call.claims)
    except NotAllowed:
        rate_limits.admit(call, RateClass.READ)
        raise
    rate_limits.admit(call, counts_as)


def check_body(app: "ApiResolver", next_middleware: NextMiddleware) -> Response:
    """Raise WrongContentType, TooLarge or InvalidRequest for a body that no route accepts."""
    call = app.call
    if call.method in ("POST", "PUT"):
        if len(call.body) > MAX_REQUEST_BODY:
            raise TooLarge
        if call.body:
            _check_type(call)
    return next_middleware(app)


def _check_type(call: Call) -> None:
    whole = call.header("content-type")
    kind = whole.partition(";")[0].strip().lower()
    if kind.startswith("multipart/") and "boundary=" not in whole.lower():
        raise InvalidRequest("multipart/form-data needs a boundary; and this API takes application/json.")
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise WrongContentType(f"Send the body as application/json, not {kind[:60]}.")
    if call.header("content-encoding").strip().lower() not in ("", "identity"):
        raise WrongContentType("Send the body without a Content-Encoding.")


def _report_credits(app: "ApiResolver", next_middleware: NextMiddleware) -> Response:
    """Say how many credits are left, also on an error of the route."""
    try:
        return next_middleware(app)
    except STORAGE_FAILURES:
        app.call.outage = True
        raise
    finally:
        rate_limits.add_credits_header(app.call)


# -- what every response carries


def _finish(call: Call, response: dict[str, Any]) -> dict[str, Any]:
    """Return the response with the headers of the call. One that is too large becomes a 413."""
    status, body, own = response["statusCode"], response["body"], response["headers"]
    # Plain ASCII, as five megabytes of base64 are, needs no encoding to be counted.
    if (len(body) if body.isascii() else len(body.encode())) > MAX_BODY:
        error = refuse(TooLarge('The response is larger than 6 MB. Request it with "delivery": "url".'))
        status, body, own = error.status_code, error.body, error.headers
    headers = {**SAFE_HEADERS, **call.headers, **{name.lower(): value for name, value in own.items()}}
    return {
        "statusCode": status,
        "headers": {name: _UNPRINTABLE.sub("?", value)[:MAX_HEADER] for name, value in headers.items()},
        "body": body,
    }


def _log_request(call: Call, response: dict[str, Any]) -> None:
    body = call.event.get("body")
    log.info(
        "request",
        extra={
            "route": call.event.get("routeKey"),
            "status": response["statusCode"],
            "tenant": call.caller.tenant if call.caller else None,
            "tier": call.caller.tier if call.caller else None,
            "seconds": round(time.monotonic() - call.started, 3),
            "bytes_in": len(body) if isinstance(body, str) else 0,
            "bytes_out": len(response["body"]),
        },
    )
