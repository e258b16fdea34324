"""Connections that end on time, and that aren't used again once they may have gone stale.

A socket's timeout starts anew with every byte that arrives, so a peer that drips its headers or its body could hold a
call for as long as it likes: here each read gets only what is left of the call's time. And a kept-alive connection
that slept in a frozen function may be dead without knowing it; a paid call on it would end as "outcome unknown".
"""

import http.client
import io
import logging
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from image_studio.errors import ResultUnusable

#: Seconds that an idle connection is kept: below the shortest idle limit of a load balancer or a NAT on the way.
REUSE_SECONDS = 20.0
MAX_RESULT_BYTES = 64 * 1024 * 1024  # well above a 16 MP PNG; larger answers are refused
CHUNK = 256 * 1024
_ends: ContextVar[float] = ContextVar("ends", default=math.inf)

# urllib3 writes whole URLs when headers are malformed; those of results carry a signature.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@contextmanager
def ending_at(moment: float) -> Iterator[None]:
    """Let every exchange of this thread end at a moment of the monotonic clock."""
    token = _ends.set(moment)
    try:
        yield
    finally:
        _ends.reset(token)


def _left() -> float | None:
    """Seconds left for this exchange, None without a limit. Raises TimeoutError where there are none."""
    ends = _ends.get()
    if math.isinf(ends):
        return None
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the exchange took too long")
    return left


class _TimedReads(io.RawIOBase):
    """A socket's file, each of whose reads gets what is left of the time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedReply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_TimedReads(sock, self.fp.detach()))


class _Timed(HTTPConnection):
    """What both kinds of connection have in common."""

    response_class = _TimedReply
    _used_at = 0.0  # epoch: it goes on while a function is frozen, the monotonic clock need not

    def send(self, data: Any) -> None:
        """Send within what is left of the time: until here the socket has the short timeout for connecting."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left())
        super().send(data)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
        self._used_at = time.time()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.time() - self._used_at < REUSE_SECONDS


class _TimedPlain(_Timed):
    """Over http: only to a base URL that the operator set."""


class _TimedTls(_Timed, HTTPSConnection):
    """Over https."""


class PlainPool(urllib3.HTTPConnectionPool):
    """Timed connections over http."""

    ConnectionCls = _TimedPlain


class TlsPool(urllib3.HTTPSConnectionPool):
    """Timed connections over https."""

    ConnectionCls = _TimedTls


class TimedAdapter(requests.adapters.HTTPAdapter):
    """What a `requests` session is mounted with to have timed connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of this module's kinds."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


def read_bounded(reply: urllib3.BaseHTTPResponse, most: int, until: float) -> bytes:
    """The body, up to `most` bytes and until a moment of the monotonic clock.

    Raises ResultUnusable where it is larger, TimeoutError where it takes longer, urllib3's HTTPError where it
    ends before its announced length.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := reply.read1(CHUNK):
        size += len(chunk)
        if size > most:
            raise ResultUnusable(f"The provider's answer is larger than {most // (1024 * 1024)} MB.")
        if time.monotonic() > until:
            raise TimeoutError("the body took too long to arrive")
        parts.append(chunk)
    return b"".join(parts)
