"""The environment's variables with their defaults, and what each tier may do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from image_studio.schemas.limits import MAX_PIXELS

VERSION = "1.0.0"
PREFIX = "/api/image-studio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A tier's limits, per caller.

    Requests per minute and day are the documented ones of the API. Credits are the defaults of the template.
    """

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator may set; template.yaml sets it for the functions."""

    table: str
    bucket: str
    queue_url: str  # empty: jobs run in this process
    secret_id: str  # empty: keys come from the environment
    tier_claim: str
    required_scope: str
    wait_seconds: float  # how long an answer may wait for its job
    poll_hold_seconds: float  # how long a worker waits for a slow provider before it gives the job back
    lease_seconds: int  # how long a silent worker is believed alive
    input_days: int
    result_days: int
    hold_seconds: int  # how long credits of an unknown charge stay reserved
    upload_seconds: int  # how long a job waits for its upload
    monthly_credits: dict[str, int]


def _days(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


@lru_cache(maxsize=1)
def settings() -> Settings:
    env = os.environ
    return Settings(
        table=env.get("TABLE_NAME", ""),
        bucket=env.get("BUCKET_NAME", ""),
        queue_url=env.get("QUEUE_URL", ""),
        secret_id=env.get("PROVIDER_SECRET_ID", ""),
        tier_claim=env.get("TIER_CLAIM") or "tier",
        required_scope=env.get("REQUIRED_SCOPE", ""),
        wait_seconds=float(env.get("WAIT_SECONDS") or 25),
        poll_hold_seconds=float(env.get("POLL_HOLD_SECONDS") or 60),
        lease_seconds=_days("LEASE_SECONDS", 60),
        input_days=_days("INPUT_DAYS", 1),
        result_days=_days("RESULT_DAYS", 7),
        hold_seconds=_days("HOLD_SECONDS", 3600),
        upload_seconds=_days("UPLOAD_SECONDS", 3600),
        monthly_credits={name: _days(f"CREDITS_{name.upper()}", tier.credits) for name, tier in TIERS.items()},
    )
