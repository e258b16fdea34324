"""Logs: JSON lines with ids, sizes and timings; never an image, a prompt, a token, a key or a URL's query.

That isn't left to whoever writes a log call: a line carries only the fields of `FIELDS`, each only in its shape, and of
an exception its type and where it was raised, not what it says, since messages quote what they choke on. A test holds
every log call of the package to constant messages and known fields. Libraries' lines are cut down to who and how bad.
"""

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from image_studio.runtime.answers import Response

if TYPE_CHECKING:
    from image_studio.runtime.call import Call

PACKAGE = "image_studio"
SERVICE = "image-studio"
MAX_FRAMES = 12  # of a stack, innermost
MAX_CAUSES = 3
log = logging.getLogger(__name__)

_ID = re.compile(r"[\w=-]{1,64}", re.ASCII)
_OURS = re.compile(r"[0-9a-f]{32}")
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
_NAME = re.compile(r"[\w./ -]{1,80}", re.ASCII)
_ROUTE = re.compile(r"\$default|[A-Z]{3,7} /[\w{}/.+-]{0,120}", re.ASCII)
#: Whatever a line may say: the field, and the shape of its text; None: a number or a flag.
FIELDS: Mapping[str, re.Pattern[str] | None] = {
    "request_id": _ID,
    "message_id": _ID,
    "job_id": _OURS,
    "upload_id": _OURS,
    "tenant": _OURS,
    "tier": _WORD,
    "route": _ROUTE,
    "operation": _WORD,
    "provider": _WORD,
    "model": _NAME,
    "code": _WORD,
    "kind": _NAME,
    "prefix": _WORD,
    "ok": None,
    "status": None,
    "seconds": None,
    "bytes": None,
    "bytes_in": None,
    "bytes_out": None,
    "variation": None,
    "attempt": None,
    "jobs": None,
    "credits": None,
    "held": None,
}
_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_request: ContextVar[str | None] = ContextVar("request", default=None)


class Line(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write what may be said of the record."""
        ours = record.name.partition(".")[0] == PACKAGE
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": str(record.msg) if ours else "a library's line, left out",
            "location": f"{record.name}:{record.lineno}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "service": SERVICE,
        }
        if _request.get():
            line["request_id"] = _request.get()
        if ours:
            line |= _fields(vars(record))
        if record.exc_info and record.exc_info[1]:
            line["exceptions"] = list(_exceptions(record.exc_info[1]))
        return json.dumps(line, separators=(",", ":"))


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields; one of another shape becomes '?', one that isn't known is only named."""
    said = {name: _shaped(given[name], FIELDS[name]) for name in FIELDS if given.get(name) is not None}
    left_out = sorted(set(given) - _BUILT_IN - set(FIELDS))
    return said | ({"left_out": left_out} if left_out else {})


def _shaped(value: Any, shape: re.Pattern[str] | None) -> Any:
    if shape is None:
        return value if isinstance(value, int | float) else "?"
    return str(value) if isinstance(value, str) and shape.fullmatch(value) else "?"


def _exceptions(error: BaseException) -> Iterator[dict[str, Any]]:
    """Type and place of an exception and its causes, without what they say."""
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        kind = type(current)
        told = {"type": f"{kind.__module__}.{kind.__qualname__}", "frames": _frames(current.__traceback__)}
        yield told | _aws_code(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    return [
        f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)[-MAX_FRAMES:]
    ]


def _aws_code(error: BaseException) -> dict[str, str]:
    """The code of an AWS error, as 'PutItem ThrottlingException': documented words, nothing of the request."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return {}
    said = f"{getattr(error, 'operation_name', '')} {(response.get('Error') or {}).get('Code', '')}"
    return {"aws": said} if _NAME.fullmatch(said) else {}


@lru_cache(maxsize=1)
def set_up_logging() -> None:
    """Give the package's loggers, and on Lambda everybody's, one handler that writes such lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(Line())
    logger = logging.getLogger(PACKAGE)
    logger.handlers[:] = [handler]
    logger.setLevel(os.environ.get("LOG_LEVEL") or "INFO")
    logger.propagate = False
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel("WARNING")
        logging.captureWarnings(True)
        logging.raiseExceptions = False  # its report of a failed log call would quote the call's arguments


def note_request(call: "Call", response: Response) -> None:
    """One line per request."""
    body = call.event.get("body")
    log.info(
        "request",
        extra={
            "request_id": call.context.get("requestId"),
            "route": call.event.get("routeKey"),
            "status": response["statusCode"],
            "tenant": call.caller.tenant if call.caller else None,
            "tier": call.caller.tier if call.caller else None,
            "seconds": round(time.monotonic() - call.started, 3),
            "bytes_in": len(body) if isinstance(body, str) else 0,
            "bytes_out": len(response["body"]),
        },
    )


def bind_request(request_id: Any) -> None:
    """Put the request's id on every line of this call."""
    known = isinstance(request_id, str) and _ID.fullmatch(request_id)
    _request.set(request_id if known else None)


def say(line: Mapping[str, Any]) -> None:
    """Write a line of our own that isn't a log record (a metric), at once."""
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()
