"""The one place that names concrete collaborators; everything else takes them."""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Journal
from image_studio.providers.client import ProviderClient
from image_studio.runtime import clients, roster
from image_studio.runtime.identity import Caller
from image_studio.runtime.keyring import ProviderKeys
from image_studio.runtime.library import CallerLibrary, Dropped
from image_studio.runtime.rewriter import TextModels
from image_studio.runtime.settings import settings
from image_studio.runtime.tiers import TIERS
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore
from image_studio.storage.rates import RateStore
from image_studio.storage.waits import WaitStore

if TYPE_CHECKING:
    from image_studio.runtime.breaker import Breaker

WORKER_SECONDS = 5  # how old what a worker knows of a provider's health may be
READER_SECONDS = 60  # the same for who only shows it


@lru_cache(maxsize=1)
def jobs() -> JobStore:
    """The job records."""
    return JobStore(clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def rates() -> RateStore:
    """The callers' request counters."""
    return RateStore(clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def waits() -> WaitStore:
    """The callers' open waits."""
    return WaitStore(clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def images() -> ObjectStore:
    """The bucket."""
    return ObjectStore(clients.s3, settings().bucket)


@lru_cache(maxsize=1)
def keyring() -> ProviderKeys:
    """The providers' keys."""
    return ProviderKeys()


@lru_cache(maxsize=1)
def wire() -> ProviderClient:
    """Connections to providers, kept alive between jobs."""
    return ProviderClient()


@lru_cache(maxsize=2)
def circuits(cache_seconds: int) -> "Breaker":
    """The providers' circuit breakers, as they were at most `cache_seconds` ago."""
    from image_studio.runtime.breaker import Breaker  # noqa: PLC0415  boto3 only where circuits are read

    return Breaker(clients.dynamodb(), settings().table, cache_seconds=cache_seconds)


def api_studio(caller: Caller, *, dropped: Dropped | None = None, awaited: str = "") -> OperationContext:
    """What an API function works with: it validates and estimates, and has no keys."""
    library = CallerLibrary(caller.tenant, jobs(), images(), dropped=dropped, awaited=awaited)
    return OperationContext(configured=roster.configured(), library=library, max_pixels=TIERS[caller.tier].max_pixels)


def worker_studio(job: Job, journal: Journal) -> OperationContext:
    """What a job works with."""
    return OperationContext(
        configured=keyring().configured(),
        keyring=keyring(),
        wire=wire(),
        journal=journal,
        library=CallerLibrary(job.tenant, jobs(), images(), dropped=Dropped.of(job)),
        health=circuits(WORKER_SECONDS),
        rewriter=TextModels(keyring(), wire()),
        hold=settings().poll_hold_seconds,
        max_pixels=TIERS[job.tier].max_pixels,
    )
