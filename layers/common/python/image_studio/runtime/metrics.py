"""Metrics in CloudWatch's embedded metric format: lines of the log, written by powertools.

Dimension values are words of our own lists (operation, provider, tier), so that a request can't create new metrics.
"""

import os
from collections.abc import Mapping, Sequence

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from image_studio.errors import UnknownChoice
from image_studio.operations.journal import Entry, Stage
from image_studio.providers import find_model
from image_studio.providers.spec import CREDIT_USD
from image_studio.runtime.observability import SERVICE
from image_studio.storage.credits import Charge

NAMESPACE = "ImageStudio"


def emit(values: Mapping[str, float], unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Write the metrics by the dimensions, and by service alone: an alarm can't add up those of all operations."""
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE
    metrics = EphemeralMetrics(namespace=namespace, service=SERVICE)
    for name, value in values.items():
        metrics.add_metric(name, unit, value)
    for name, word in dimensions.items():
        metrics.add_dimension(name, word)
    if dimensions:
        metrics.add_dimensions(service=SERVICE)
    metrics.flush_metrics()


def job_ended(charge: Charge, entries: Sequence[Entry]) -> None:
    """Write what a job cost: credits charged and held by operation, and the providers' prices by provider (USD)."""
    emit({"CreditsCharged": charge.charged, "CreditsHeld": charge.held}, group=charge.group)
    for provider, usd in sorted(upstream_usd(entries).items()):
        emit({"UpstreamUSD": round(usd, 6)}, MetricUnit.NoUnit, provider=provider)


def swept(overdue: int, stuck: int) -> None:
    """Write what the reaper found: jobs whose lease ran out, and those of them that should have ended long ago."""
    emit({"OverdueJobs": overdue, "StuckJobs": stuck})


def upstream_usd(entries: Sequence[Entry]) -> dict[str, float]:
    """Return what each provider takes for a job's variations. A call whose charge is unknown counts as charged."""
    paid: dict[str, float] = {}
    for entry in entries:
        if entry.stage is not Stage.FRESH and entry.credits:
            paid[entry.provider] = paid.get(entry.provider, 0.0) + _usd(entry)
    return paid


def _usd(entry: Entry) -> float:
    """Return the model's price; if that depends on the size, the one that makes the entry's credits."""
    try:
        _, model = find_model(entry.provider, entry.model)
    except UnknownChoice:  # the job began before a deployment that dropped the model
        return entry.credits * CREDIT_USD
    sizes = model.sizes if isinstance(model.sizes, tuple) else ()
    priced = next((size.usd for size in sizes if size.usd is not None and model.price(size) == entry.credits), None)
    if priced is not None:
        return priced
    return model.usd if model.price() == entry.credits else entry.credits * CREDIT_USD
