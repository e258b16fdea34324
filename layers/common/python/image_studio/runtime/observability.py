"""Logs: JSON lines with ids, sizes and timings; never an image, a prompt, a token, a key or a URL's query.

This doesn't depend on whoever writes a log call: the formatter writes only the fields of `FIELDS`, each only in its
shape. Of an exception it writes the type and the place, not the message, since messages quote their input. A test
holds every log call of the package to constant messages and known fields. Of a library's line only the logger's name
and the level are written.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

PACKAGE = "image_studio"
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or "image-studio"
MAX_FRAMES = 12  # of a stack, innermost
MAX_CAUSES = 3

_ID = re.compile(r"[\w=-]{1,64}", re.ASCII)
_OURS = re.compile(r"[0-9a-f]{32}")
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
_NAME = re.compile(r"[\w./ -]{1,80}", re.ASCII)
_ROUTE = re.compile(r"\$default|[A-Z]{3,7} /[\w{}/.+-]{0,120}", re.ASCII)
#: Everything that a line may carry: the field, and the shape of its text. None: a number or a flag.
FIELDS: Mapping[str, re.Pattern[str] | None] = {
    **dict.fromkeys(("request_id", "message_id"), _ID),
    **dict.fromkeys(("job_id", "batch_id", "upload_id", "tenant"), _OURS),
    **dict.fromkeys(("tier", "operation", "provider", "code", "prefix"), _WORD),
    **dict.fromkeys(("model", "kind"), _NAME),
    "route": _ROUTE,
    **dict.fromkeys(("ok", "status", "seconds", "bytes", "bytes_in", "bytes_out", "variation", "attempt"), None),
    **dict.fromkeys(("jobs", "batches", "credits", "held"), None),
}
_BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class AllowListFormatter(LambdaPowertoolsFormatter):
    """powertools' formatter, reduced to the fields of `FIELDS`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "utc": True, "use_rfc3339": True})

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        own = record.name.partition(".")[0] == PACKAGE
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": str(record.msg) if own else "a library's line, left out",
            "location": f"{record.name}:{record.lineno}",
            "timestamp": self.formatTime(record),
            "service": SERVICE,
            **_allowed(self.thread_safe_get_current_keys()),
        }
        if own:
            line |= _allowed(vars(record))
            left_out = sorted(set(vars(record)) - _BUILT_IN - set(FIELDS))
            line |= {"left_out": left_out} if left_out else {}
        if record.exc_info and record.exc_info[1]:
            line["exceptions"] = list(_exceptions(record.exc_info[1]))
        return str(self.serialize(line))


def _allowed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known fields. The value of one with another shape becomes '?'."""
    return {name: _shaped(values[name], FIELDS[name]) for name in FIELDS if values.get(name) is not None}


def _shaped(value: Any, shape: re.Pattern[str] | None) -> Any:
    if shape is None:
        return value if isinstance(value, int | float) else "?"
    return str(value) if isinstance(value, str) and shape.fullmatch(value) else "?"


def _exceptions(error: BaseException) -> Iterator[dict[str, Any]]:
    """Yield type and place of an exception and its causes, without their messages."""
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        kind = type(current)
        frames = [
            f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)[-MAX_FRAMES:]
        ]
        place = {"type": f"{kind.__module__}.{kind.__qualname__}", "frames": frames}
        yield place | _aws_code(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _aws_code(error: BaseException) -> dict[str, str]:
    """Return the code of an AWS error, as 'PutItem ThrottlingException': documented words, nothing of the request."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return {}
    text = f"{getattr(error, 'operation_name', '')} {(response.get('Error') or {}).get('Code', '')}"
    return {"aws": text} if _NAME.fullmatch(text) else {}


#: powertools' logger of the package: `logging.getLogger(__name__)` of its modules are children and use its handler.
logger = Logger(service=PACKAGE, stream=sys.stderr, logger_formatter=AllowListFormatter())


@lru_cache(maxsize=1)
def set_up_logging() -> None:
    """Keep the package's lines from the root logger. On Lambda, send the libraries' lines through our formatter.

    LOG_LEVEL filters our lines here, not in Lambda: Lambda's filter would drop the metrics, whose lines have no level.
    """
    package = logging.getLogger(PACKAGE)
    package.propagate = False
    package.setLevel(os.environ.get("LOG_LEVEL") or logging.INFO)  # powertools prefers AWS_LAMBDA_LOG_LEVEL
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        root = logging.getLogger()
        root.handlers[:] = [logger.registered_handler]
        root.setLevel("WARNING")
        logging.captureWarnings(True)
        logging.raiseExceptions = False  # the report of a failed log call would quote the call's arguments
