"""The environment's variables with their defaults, and what each tier may do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from image_studio.schemas.limits import MAX_PIXELS

T = TypeVar("T")
VERSION = "1.0.0"
PREFIX = "/api/image-studio"


def full_path(rule: str) -> str:
    """Return a route's whole path: below PREFIX, unless the rule is absolute."""
    return rule if rule.startswith("/api/") else PREFIX + rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A tier's limits, per caller. Requests per minute and day are the API reference's."""

    per_minute: int  # requests that do work
    per_day: int  # the same, from midnight to midnight UTC
    credits: int  # per month, unless the operator sets another number: the defaults of template.yaml
    in_flight: int  # variations that are queued or being made; at least one whole request of ten
    waits: int  # requests that wait for a job at the same time
    max_pixels: int  # width x height of an image that is sent or asked for
    library_assets: int
    library_bytes: int  # of the originals


TIERS: Mapping[str, Tier] = {
    "free": Tier(
        per_minute=10,
        per_day=100,
        credits=50,
        in_flight=10,
        waits=5,
        max_pixels=16_777_216,
        library_assets=1_000,
        library_bytes=1_000_000_000,
    ),
    "basic": Tier(
        per_minute=60,
        per_day=1_000,
        credits=1_000,
        in_flight=20,
        waits=10,
        max_pixels=MAX_PIXELS,
        library_assets=10_000,
        library_bytes=10_000_000_000,
    ),
    "pro": Tier(
        per_minute=300,
        per_day=10_000,
        credits=10_000,
        in_flight=50,
        waits=25,
        max_pixels=MAX_PIXELS,
        library_assets=20_000,
        library_bytes=50_000_000_000,
    ),
    "enterprise": Tier(
        per_minute=1_000,
        per_day=100_000,
        credits=100_000,
        in_flight=200,
        waits=100,
        max_pixels=MAX_PIXELS,
        library_assets=50_000,
        library_bytes=200_000_000_000,
    ),
}

LOWEST = "free"  # what an unknown or missing claim means
#: Reads cost next to nothing: they are allowed so many times more often, counted per warm container.
READS_PER_WORK = 10


def _env(name: str, default: T) -> T:
    """Declare a setting: the environment's variable, and the default, which has its type."""
    declared: T = field(default_factory=lambda: _read(name, default))
    return declared


def _read(name: str, default: T) -> T:
    """Return a variable in the default's type. Raises ValueError, which names the variable."""
    text = os.environ.get(name) or default
    kind: Any = type(default)
    try:
        value: T = kind(text)
    except ValueError:
        raise ValueError(f"{name} must be a {'whole ' * (kind is int)}number, not {text!r}.") from None
    return value


def _monthly_credits() -> dict[str, int]:
    return {name: _read(f"CREDITS_{name.upper()}", tier.credits) for name, tier in TIERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator may set; template.yaml sets it for the functions."""

    table: str = _env("TABLE_NAME", "")
    bucket: str = _env("BUCKET_NAME", "")
    queue_url: str = _env("QUEUE_URL", "")  # empty: jobs run in this process
    webhook_queue_url: str = _env("WEBHOOK_QUEUE_URL", "")  # empty: webhooks are called from this process
    webhook_pace: float = _env("WEBHOOK_PACE", 1.0)  # times the pauses between tries of a call; below 1 for tests
    webhook_origin: str = _env("WEBHOOK_ORIGIN", "")  # an origin that may be called though it isn't public, for tests
    event_bus: str = _env("EVENT_BUS", "")  # the operator's; empty: no events
    secret_id: str = _env("PROVIDER_SECRET_ID", "")  # empty: keys come from the environment
    tier_claim: str = _env("TIER_CLAIM", "tier")
    required_scope: str = _env("REQUIRED_SCOPE", "")
    wait_seconds: float = _env("WAIT_SECONDS", 25.0)  # how long an answer may wait for its job
    open_waits: str = _env("OPEN_WAITS", "auto")  # of all callers at once; auto: what a small account has room for
    worker_concurrency: float = _env("WORKER_CONCURRENCY", 5.0)  # jobs that run at once
    webhook_concurrency: float = _env("WEBHOOK_CONCURRENCY", 2.0)  # webhooks that are called at once
    poll_hold_seconds: float = _env("POLL_HOLD_SECONDS", 60.0)  # a worker's wait until it gives a slow job back
    lease_seconds: int = _env("LEASE_SECONDS", 60)  # how long a silent worker counts as alive
    input_days: int = _env("INPUT_DAYS", 1)
    result_days: int = _env("RESULT_DAYS", 7)
    provenance_days: int = _env("PROVENANCE_DAYS", 365)  # how long fingerprints are kept; 0: none are
    mark_prompts: bool = field(default_factory=lambda: _read("MARK_PROMPTS", "no") == "yes")  # in images' metadata
    signing_secret_id: str = _env("SIGNING_SECRET_ID", "")  # certificates, and their key; empty: nothing is signed
    signing_kms_key: str = _env("SIGNING_KMS_KEY", "")  # a KMS key that signs; empty: the secret has the key
    timestamp_url: str = _env("TIMESTAMP_URL", "")  # of a time stamp authority; empty: signatures have no time
    hold_seconds: int = _env("HOLD_SECONDS", 3600)  # how long credits of an unknown charge stay reserved
    upload_seconds: int = _env("UPLOAD_SECONDS", 3600)  # how long a job waits for its upload
    monthly_credits: dict[str, int] = field(default_factory=_monthly_credits)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
