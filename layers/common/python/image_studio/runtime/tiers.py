"""What each tier may do: the one table that limits, credits, errors, documents and tests read.

Requests per minute and day are the documented ones of the API; the rest is ours. Credits are the defaults of the
template's parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from image_studio.schemas.limits import MAX_PIXELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A tier's limits, per caller."""

    per_minute: int  # requests that do work
    per_day: int  # the same, from midnight to midnight UTC
    credits: int  # per month, unless the operator sets another number
    in_flight: int  # variations that are queued or being made; at least one whole request of ten
    waits: int  # requests that wait for a job at the same time
    max_pixels: int  # width x height of an image that is sent or asked for


TIERS: Mapping[str, Tier] = {
    "free": Tier(per_minute=10, per_day=100, credits=50, in_flight=10, waits=5, max_pixels=16_777_216),
    "basic": Tier(per_minute=60, per_day=1_000, credits=1_000, in_flight=20, waits=10, max_pixels=MAX_PIXELS),
    "pro": Tier(per_minute=300, per_day=10_000, credits=10_000, in_flight=50, waits=25, max_pixels=MAX_PIXELS),
    "enterprise": Tier(
        per_minute=1_000, per_day=100_000, credits=100_000, in_flight=200, waits=100, max_pixels=MAX_PIXELS
    ),
}

#: What an unknown or missing claim means.
LOWEST = "free"
#: Reads cost next to nothing: they are allowed so many times more often, counted per warm container.
READS_PER_WORK = 10
