"""The record of an emulator's requests: what came, what was answered, what was charged."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from werkzeug.wrappers import Request

MAX_CALLS = 1000
MAX_BODY_BYTES = 96 * 1024 * 1024
MAX_TEXT = 2000
SECRET_HEADERS = {"authorization", "x-goog-api-key", "cookie", "x-api-key"}
SECRET_QUERY = {"key"}
HIDDEN = "***"


@dataclass
class Call:
    """One request and its response.

    `kind` is generate (a paid submit), text, poll, result (a download), upload, read, or check (of a model, for free).
    `accepted`: the provider accepted a generation. `charged`: it took money for it (`price`, in the provider's own
    unit). `images` holds the bytes of the image inputs by field name.
    """

    number: int
    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    kind: str = "read"
    operation: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    unknown_fields: list[str] = field(default_factory=list)
    fault: str = ""
    accepted: bool = False
    charged: bool = False
    price: float = 0.0
    status: int = 0
    seconds: float = 0.0
    size: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the call without images and with long texts cut, for `GET /_calls`."""
        shown = {name: value for name, value in vars(self).items() if name not in {"images", "size"}}
        return shown | {"fields": _shorten(self.fields)}


class RequestLog:
    """A bounded, thread-safe list of calls, and counts of all of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._started = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Remove all calls and set the counts to 0."""
        with self._lock:
            self._calls: deque[Call] = deque(maxlen=MAX_CALLS)
            self._count = 0
            self.accepted = 0
            self.charged = 0.0
            self.texts = 0
            self.open_generations = 0
            self.peak = 0

    @property
    def calls(self) -> list[Call]:
        """The calls kept, oldest first."""
        with self._lock:
            return list(self._calls)

    def begin(self, request: Request) -> Call:
        """Add a request that has arrived."""
        with self._lock:
            self._count += 1
            call = Call(
                number=self._count,
                at=time.monotonic() - self._started,
                method=request.method,
                path=request.path,
                query={k: HIDDEN if k in SECRET_QUERY else v for k, v in request.args.items()},
                headers={k.lower(): HIDDEN if k.lower() in SECRET_HEADERS else v for k, v in request.headers.items()},
            )
            self._calls.append(call)
            return call

    def end(self, call: Call, status: int) -> None:
        """Add the status, and drop the oldest bodies beyond MAX_BODY_BYTES."""
        with self._lock:
            call.status = status
            call.seconds = round(time.monotonic() - self._started - call.at, 3)
            total = 0
            for kept in reversed(self._calls):
                total += kept.size
                if total > MAX_BODY_BYTES and kept.size:
                    kept.fields, kept.images, kept.size = _shorten(kept.fields), {}, 0

    def accept(self, call: Call, price: float, *, charged: bool = True) -> None:
        """Count an accepted generation, and its price unless nothing was charged."""
        with self._lock:
            call.accepted, call.charged, call.price = True, charged, price if charged else 0.0
            self.accepted += 1
            self.charged += call.price

    def refund(self, call: Call) -> None:
        """Take the price of a failed generation back."""
        with self._lock:
            self.charged -= call.price
            call.charged, call.price = False, 0.0

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a generation as in flight."""
        self.opened()
        try:
            yield
        finally:
            self.closed()

    def opened(self) -> None:
        """Count a generation that starts, and the peak."""
        with self._lock:
            self.open_generations += 1
            self.peak = max(self.peak, self.open_generations)

    def closed(self) -> None:
        """Count a generation that ended."""
        with self._lock:
            self.open_generations = max(0, self.open_generations - 1)  # a reset may have come between

    def summary(self) -> dict[str, Any]:
        """Return counts and calls as JSON."""
        with self._lock:
            return {
                "count": self._count,
                "paid_calls": self.accepted,
                "charged": round(self.charged, 6),
                "text_calls": self.texts,
                "peak_in_flight": self.peak,
                "calls": [call.as_json() for call in self._calls],
            }


def _shorten(value: Any) -> Any:
    """Replace each long text by its start, length and digest."""
    if isinstance(value, dict):
        return {name: _shorten(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        digest = sha256(value.encode()).hexdigest()[:12]
        return f"{value[:40]}... <{len(value)} characters, sha256 {digest}>"
    return value
