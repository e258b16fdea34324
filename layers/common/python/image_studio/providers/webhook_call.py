"""One call of a webhook: a POST to an address that a caller chose, so with the guard of every untrusted URL."""

import re
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.util import Timeout

from image_studio.errors import InvalidImage, ResultUnusable
from image_studio.providers.adapter import DownloadFault
from image_studio.providers.download import (
    CONNECT_SECONDS,
    PlainPool,
    check_public_url,
    deadline_at,
    pinned_pool,
    resolve_within,
    target_of,
)
from image_studio.providers.responses import is_own

CALL_SECONDS = 15.0  # for all of it; what takes longer counts as failed (Standard Webhooks)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")  # the last part of a host that is an address, however it is written
REFUSED = "Use an https URL on port 443 of a public host, without a user name."


class CallFailed(Exception):
    """There was no response; the sentence says why."""


def check_webhook_url(url: str, own_origin: str | None, *, look_up: bool = True) -> None:
    """Raise CallFailed unless the URL may be called: an https URL of a public host.

    `own_origin` is an origin that may be called in any case, for the local stack. Without `look_up` a host's name is
    not resolved: an address and a name without a dot are refused all the same.
    """
    parts = _parts_of(url, own_origin)
    if is_own(parts, own_origin):
        return
    host = parts.hostname or ""
    if look_up or ":" in host or "." not in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        _address_of(parts, time.monotonic() + CALL_SECONDS)


def call_webhook(url: str, body: bytes, headers: Mapping[str, str], own_origin: str | None = None) -> int:
    """POST the body and return the response's status; redirects are not followed. Raises CallFailed."""
    until = time.monotonic() + CALL_SECONDS
    parts = _parts_of(url, own_origin)
    host = parts.hostname or ""
    pool: urllib3.HTTPConnectionPool
    if is_own(parts, own_origin):
        pool = PlainPool(host, parts.port or 80, timeout=Timeout(CALL_SECONDS), retries=False)
    else:
        pool = pinned_pool(host, _address_of(parts, until), CALL_SECONDS)
    sent = {"Host": parts.netloc, "Content-Type": "application/json", "User-Agent": "image-studio", **headers}
    try:
        with pool, deadline_at(until):
            response = pool.request(
                "POST", target_of(parts), body=body, headers=sent, redirect=False, preload_content=False, retries=False
            )
            response.close()  # what it says is of no interest
            return response.status
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
        raise CallFailed(_sentence_of(error, until)) from None


def _sentence_of(error: Exception, until: float) -> str:
    """Return why there was no response, without what the error itself says: that may name addresses."""
    match error:
        case urllib3.exceptions.SSLError():
            return "No secure connection was possible: the host needs a valid certificate for its name."
        case urllib3.exceptions.NewConnectionError():
            return "The host refused the connection, or could not be reached."
        case urllib3.exceptions.ConnectTimeoutError():
            return f"There was no connection to the host within {CONNECT_SECONDS:g} seconds."
    if isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError)) or time.monotonic() >= until:
        return f"There was no response within {CALL_SECONDS:g} seconds."
    return "The host closed the connection without a valid response."


def _parts_of(url: str, own_origin: str | None) -> SplitResult:
    if not url.isascii():
        raise CallFailed("Use ASCII only: percent-encode other characters, and write the host's name in punycode.")
    try:
        parts = urlsplit(url)
        return parts if is_own(parts, own_origin) else check_public_url(url)
    except (InvalidImage, ValueError):
        raise CallFailed(REFUSED) from None


def _address_of(parts: SplitResult, until: float) -> str:
    try:
        return resolve_within(parts.hostname or "", until)
    except (DownloadFault, TimeoutError):
        raise CallFailed("The host could not be found.") from None
    except ResultUnusable:
        raise CallFailed(REFUSED) from None
