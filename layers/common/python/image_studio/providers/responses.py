"""What providers' responses have in common: the meaning of an HTTP status, and Retry-After."""

import re
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from image_studio.errors import (
    ContentRefused,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import HttpResponse, NotThere
from image_studio.providers.spec import ProviderSpec

_RATE_LIMIT_RESET = re.compile(r";\s*t=(\d{1,6})")
MAX_URL = 8_192  # characters
_PORTS = {"http": 80, "https": 443}
MAX_QUOTED = 300  # characters of a provider's message that a caller sees


def is_image(data: bytes) -> bool:
    """Whether the bytes start as a PNG, JPEG or WebP file: a paid image counts, whatever its content type says."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (data[:4], data[8:12]) == (b"RIFF", b"WEBP")


def retry_after(response: HttpResponse) -> float | None:
    """Seconds to wait according to the headers (Retry-After of RFC 9110, IETF RateLimit), or None."""
    value = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value) - parsedate_to_datetime(response.headers.get("date", ""))
        return max(0.0, until.total_seconds())
    except (ValueError, TypeError):
        reset = _RATE_LIMIT_RESET.search(response.headers.get("ratelimit", ""))
        return float(reset[1]) if reset else None


def content_refused(title: str, message: str = "") -> ContentRefused:
    """The provider's moderation refused the request; `title` is the provider's name, `message` its own words."""
    what = f"{title}'s content policy refused this request"
    return ContentRefused(f"{what}: {message[:MAX_QUOTED]}" if message else f"{what}. Change the prompt or the image.")


def withheld(title: str) -> ResultUnusable:
    """The provider made the image, so it may have charged, but its moderation withholds it."""
    return ResultUnusable(f"{title}'s content policy withholds the image that it made. Change the prompt or the image.")


def http_error(title: str, response: HttpResponse, message: str = "") -> StudioError:
    """Return what the status means by HTTP alone; `title` is the provider's name, `message` its own words.

    A 4xx was surely not charged, except 408: a gateway that waited for the work may send it. A 5xx or a redirect
    doesn't tell whether the call was charged, so it counts as unknown.
    """
    match response.status:
        case 401:
            return ProviderKeyRefused(f"{title} refused our key.")
        case 402:
            return ProviderUnavailable(f"{title} has no credit left.")
        case 403:
            return ProviderUnavailable(f"{title} denied access.")
        case 404 | 410:
            return NotThere(f"{title} no longer offers this model.")
        case 429:
            return ProviderBusy(f"{title}'s rate limit is reached.", retry_after=retry_after(response))
        case status if 400 <= status < 500 and status != 408:
            quoted = f": {message[:MAX_QUOTED]}" if message else f" ({status})."
            return NotCharged(f"{title} did not accept the request{quoted}")
    return UnknownCharge(
        f"{title}'s answer was lost ({response.status}); whether it charged is unknown, so the call is not repeated."
    )


def check_url(url: str, spec: ProviderSpec, own_origin: str | None) -> SplitResult:
    """Return the URL's parts if it may be fetched; `own_origin` is the operator's base URL. Raises ResultUnusable."""
    if not is_plain_url(url):
        raise refused_url()
    try:
        parts = urlsplit(url)
        own = is_own(parts, own_origin)
    except ValueError:
        raise refused_url() from None
    if "@" not in parts.netloc:
        if own:
            return parts
        # The whole authority is compared, so that a port, a trailing dot or another spelling is another host.
        if parts.scheme == "https" and parts.netloc.lower() in spec.result_hosts:
            return parts
    raise refused_url()


def is_plain_url(url: str) -> bool:
    """Whether a URL has at most MAX_URL characters, all of which every parser reads alike."""
    return len(url) <= MAX_URL and url.isprintable() and not any(char in url for char in " \\")


def is_own(parts: SplitResult, own_origin: str | None) -> bool:
    """Whether a URL is at the operator's own origin. Raises ValueError for an impossible port."""
    return bool(own_origin) and origin_of(parts) == origin_of(urlsplit(own_origin or ""))


def origin_of(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def refused_url() -> ResultUnusable:
    return ResultUnusable("The provider's result is at an address that we don't call.")
