"""The interface by which the gateway and the poller invoke a function, and its limits."""

import uuid
from dataclasses import dataclass, field
from typing import Protocol

PAYLOAD_BYTES = 6_291_556  # Lambda's own number for its 6 MB, each way


@dataclass(frozen=True)
class Call:
    """One invocation: the function's logical id and the event as JSON."""

    function: str
    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class FunctionFailed(Exception):
    """The function raised, was stopped, or returned too much; `kind` is Lambda's errorType."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


class StillRunning(Exception):
    """The caller's timeout is over; the function goes on."""


class Throttled(Exception):
    """The account runs as many invocations as it may; nothing was run."""


class Backend(Protocol):
    """Something that runs functions."""

    def invoke(self, call: Call, timeout: float) -> bytes:
        """Return the result as JSON within `timeout` seconds. Raises FunctionFailed, StillRunning, Throttled."""
        ...

    def close(self) -> None:
        """Kill everything that was started."""
        ...


def check_size(data: bytes, what: str) -> None:
    """Raise FunctionFailed for an event or a result over Lambda's limit."""
    if len(data) > PAYLOAD_BYTES:
        message = f"{what} payload size ({len(data)} bytes) exceeded maximum allowed ({PAYLOAD_BYTES} bytes)"
        raise FunctionFailed(f"Function.{what}SizeTooLarge", message)
