"""Logs and metrics: JSON lines with ids, sizes and timings; never a picture, a prompt, a token or a key.

Code below the runtime logs through the standard library; here its records get powertools' format.
"""

import logging
import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from image_studio.runtime.answers import Response

if TYPE_CHECKING:
    from image_studio.runtime.call import Call

PACKAGE = "image_studio"
log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def set_up_logging() -> None:
    """Give the package's loggers one JSON handler."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter  # noqa: PLC0415  at start only

    handler = logging.StreamHandler()
    handler.setFormatter(LambdaPowertoolsFormatter(log_record_order=["level", "message"]))
    logger = logging.getLogger(PACKAGE)
    logger.handlers[:] = [handler]
    logger.setLevel(os.environ.get("LOG_LEVEL") or "INFO")
    logger.propagate = False


def note_request(call: "Call", response: Response) -> None:
    """One line per request."""
    context = call.event.get("requestContext") or {}
    log.info(
        "request",
        extra={
            "request_id": context.get("requestId"),
            "route": call.event.get("routeKey"),
            "status": response["statusCode"],
            "tenant": call.caller.tenant if call.caller else None,
            "tier": call.caller.tier if call.caller else None,
            "seconds": round(time.monotonic() - call.started, 3),
            "bytes_in": len(call.event.get("body") or ""),
            "bytes_out": len(response["body"]),
        },
    )
