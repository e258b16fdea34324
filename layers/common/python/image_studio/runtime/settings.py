"""The environment, read when it is asked for: one declaration per variable, with its default."""

import os
from dataclasses import dataclass
from functools import lru_cache

from image_studio.runtime.tiers import TIERS

VERSION = "1.0.0"
PREFIX = "/api/image-studio"


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
    """The settings of this process."""
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
