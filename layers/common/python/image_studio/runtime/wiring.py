"""The one place that names concrete collaborators; everything else takes them."""

from functools import lru_cache, partial
from typing import Any

from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Journal
from image_studio.providers.client import ProviderClient
from image_studio.providers.text_model import enrich_prompt
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.auth import Caller
from image_studio.runtime.circuit_breaker import circuits
from image_studio.runtime.credentials import CredentialStore
from image_studio.runtime.references import CallerReferences, HotFolderObject, Inputs, no_inputs, stored_inputs
from image_studio.runtime.settings import TIERS, settings
from image_studio.storage.job import Job
from image_studio.storage.jobs import JobStore
from image_studio.storage.objects import ObjectStore

WORKER_SECONDS = 5  # how old a worker's view of a provider's health may be


@lru_cache(maxsize=1)
def jobs() -> JobStore:
    return JobStore(aws_clients.dynamodb(), settings().table)


@lru_cache(maxsize=1)
def objects() -> ObjectStore:
    return ObjectStore(aws_clients.s3, settings().bucket)


@lru_cache(maxsize=1)
def credential_store() -> CredentialStore:
    return CredentialStore()


@lru_cache(maxsize=1)
def provider_client() -> ProviderClient:
    """Connections to providers, kept alive between jobs."""
    from image_studio.providers.transport import HttpTransport  # noqa: PLC0415  requests: only a worker sends

    return ProviderClient(HttpTransport())


def api_context(
    caller: Caller, *, inputs: Inputs = no_inputs, hot_folder: HotFolderObject | None = None, **references: Any
) -> OperationContext:
    """Return what an API function works with: it validates and estimates, and has no keys."""
    found = CallerReferences(caller.tenant, jobs(), objects(), inputs, hot_folder, **references)
    configured, max_pixels = configured_providers.configured(), TIERS[caller.tier].max_pixels
    return OperationContext(configured=configured, references=found, max_pixels=max_pixels)


def worker_context(job: Job, journal: Journal) -> OperationContext:
    inputs = stored_inputs(objects(), job)
    references = CallerReferences(job.tenant, jobs(), objects(), inputs=inputs, hot_folder=HotFolderObject.of(job))
    return OperationContext(
        configured=credential_store().configured(),
        credentials=credential_store().access,
        provider_client=provider_client(),
        journal=journal,
        references=references,
        circuits=circuits(WORKER_SECONDS),
        enrich_prompt=partial(enrich_prompt, credentials=credential_store().access, provider_client=provider_client()),
        hold_seconds=settings().poll_hold_seconds,
        max_pixels=TIERS[job.tier].max_pixels,
        max_credits=job.reserved // job.total,
    )
