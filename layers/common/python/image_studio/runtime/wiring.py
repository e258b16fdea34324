"""What all functions share: the stores, and what an API function's operations work with."""

from functools import lru_cache
from typing import Any

from image_studio.operations.context import OperationContext
from image_studio.runtime import aws_clients, configured_providers
from image_studio.runtime.auth import Caller
from image_studio.runtime.references import CallerReferences, HotFolderObject, Inputs, no_inputs
from image_studio.runtime.settings import TIERS, settings
from image_studio.storage.batches import BatchStore
from image_studio.storage.fingerprints import FingerprintStore
from image_studio.storage.jobs import JobStore
from image_studio.storage.library import LibraryStore
from image_studio.storage.objects import ObjectStore
from image_studio.storage.webhooks import WebhookStore


@lru_cache(maxsize=1)
def jobs() -> JobStore:
    return JobStore(aws_clients.dynamodb(), settings().table)


@lru_cache(maxsize=1)
def quick_jobs() -> JobStore:
    return JobStore(aws_clients.quick_dynamodb(), settings().table)


@lru_cache(maxsize=1)
def batches() -> BatchStore:
    return BatchStore(aws_clients.dynamodb(), settings().table, jobs())


@lru_cache(maxsize=1)
def objects() -> ObjectStore:
    return ObjectStore(aws_clients.s3, settings().bucket)


@lru_cache(maxsize=1)
def fingerprints() -> FingerprintStore:
    return FingerprintStore(aws_clients.dynamodb(), settings().table)


@lru_cache(maxsize=1)
def library() -> LibraryStore:
    return LibraryStore(aws_clients.dynamodb(), settings().table)


@lru_cache(maxsize=1)
def webhooks() -> WebhookStore:
    return WebhookStore(aws_clients.dynamodb(), settings().table)


def api_context(
    caller: Caller, *, inputs: Inputs = no_inputs, hot_folder: HotFolderObject | None = None, **references: Any
) -> OperationContext:
    """Return what an API function works with: it validates and estimates, and has no keys."""
    found = CallerReferences(caller.tenant, jobs(), objects(), inputs, hot_folder, **references)
    return OperationContext(
        configured=configured_providers.configured(),
        not_ready=configured_providers.not_ready(),
        references=found,
        max_pixels=TIERS[caller.tier].max_pixels,
    )
