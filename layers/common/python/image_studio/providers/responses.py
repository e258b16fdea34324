"""What providers' responses share: the plain meaning of a status, and Retry-After."""

import re

from image_studio.errors import (
    ContentRefused,
    ProviderBusy,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderUnavailable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import HttpResponse

_RATE_LIMIT_RESET = re.compile(r";\s*t=(\d{1,6})")
MAX_QUOTED = 300  # characters of a provider's own words that a caller sees


def retry_after(reply: HttpResponse) -> float | None:
    """Seconds until the provider wants to be asked again, as far as its headers say (RFC 9110, IETF RateLimit)."""
    said = reply.headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  a third of this package's import time

    try:
        until = parsedate_to_datetime(said) - parsedate_to_datetime(reply.headers.get("date", ""))
        return max(0.0, until.total_seconds())
    except (ValueError, TypeError):
        reset = _RATE_LIMIT_RESET.search(reply.headers.get("ratelimit", ""))
        return float(reset[1]) if reset else None


def content_refused(title: str, said: str = "") -> ContentRefused:
    """The provider's moderation says no, maybe in words; `title` is its name."""
    what = f"{title}'s content policy refused this request"
    return ContentRefused(f"{what}: {said[:MAX_QUOTED]}" if said else f"{what}. Change the prompt or the image.")


def http_error(title: str, reply: HttpResponse, said: str = "") -> StudioError:
    """What a status means by HTTP alone; `said` are the provider's words, `title` its name.

    A 4xx was surely not charged, but for 408: it may come from a gateway that waited for the work. A 5xx or a
    redirect says nothing of the charge, so it counts as unknown.
    """
    match reply.status:
        case 401:
            return ProviderKeyRefused(f"{title} refused our key.")
        case 402:
            return ProviderUnavailable(f"{title} has no credit left.")
        case 403:
            return ProviderUnavailable(f"{title} denied access.")
        case 404 | 410:
            return ProviderFailed(f"{title} no longer offers this model.")
        case 429:
            return ProviderBusy(f"{title}'s rate limit is reached.", retry_after=retry_after(reply))
        case status if 400 <= status < 500 and status != 408:
            words = f": {said[:MAX_QUOTED]}" if said else f" ({status})."
            return ProviderFailed(f"{title} did not accept the request{words}")
    return UnknownCharge(
        f"{title}'s answer was lost ({reply.status}); whether it charged is unknown, so the call is not repeated."
    )
