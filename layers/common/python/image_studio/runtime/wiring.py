"""The one place that names concrete collaborators; everything else takes them."""

import time
from functools import lru_cache

from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Journal
from image_studio.providers.client import ProviderClient
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.auth import Caller
from image_studio.runtime.circuit_breaker import circuits
from image_studio.runtime.credentials import CredentialStore
from image_studio.runtime.library import CallerLibrary, Dropped
from image_studio.runtime.prompt_enhancer import PromptEnhancer
from image_studio.runtime.settings import TIERS, settings
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore
from image_studio.storage.rates import RateStore
from image_studio.storage.waits import WaitStore

WORKER_SECONDS = 5  # how old what a worker knows of a provider's health may be


@lru_cache(maxsize=1)
def jobs() -> JobStore:
    """The job records."""
    return JobStore(aws_clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def rates() -> RateStore:
    """The callers' request counters."""
    return RateStore(aws_clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def waits() -> WaitStore:
    """The callers' open waits."""
    return WaitStore(aws_clients.dynamodb(), settings().table, clock=time.time)


@lru_cache(maxsize=1)
def images() -> ObjectStore:
    """The bucket."""
    return ObjectStore(aws_clients.s3, settings().bucket)


@lru_cache(maxsize=1)
def keyring() -> CredentialStore:
    """The providers' keys."""
    return CredentialStore()


@lru_cache(maxsize=1)
def wire() -> ProviderClient:
    """Connections to providers, kept alive between jobs."""
    return ProviderClient()


def api_studio(caller: Caller, *, dropped: Dropped | None = None, awaited: str = "") -> OperationContext:
    """What an API function works with: it validates and estimates, and has no keys."""
    library = CallerLibrary(caller.tenant, jobs(), images(), dropped=dropped, awaited=awaited)
    return OperationContext(
        configured=configured_providers.configured(), library=library, max_pixels=TIERS[caller.tier].max_pixels
    )


def worker_studio(job: Job, journal: Journal) -> OperationContext:
    """What a job works with."""
    return OperationContext(
        configured=keyring().configured(),
        keyring=keyring(),
        wire=wire(),
        journal=journal,
        library=CallerLibrary(job.tenant, jobs(), images(), dropped=Dropped.of(job)),
        health=circuits(WORKER_SECONDS),
        rewriter=PromptEnhancer(keyring(), wire()),
        hold=settings().poll_hold_seconds,
        max_pixels=TIERS[job.tier].max_pixels,
    )
