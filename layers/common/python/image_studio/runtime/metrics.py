"""Metrics as lines of the log, in CloudWatch's embedded metric format: no client, no call, nothing to import.

Dimensions are words of our own lists (studio, provider, tier), so that what a caller sends can't make new metrics.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from image_studio.errors import UnknownChoice
from image_studio.operations.journal import Entry, Stage
from image_studio.providers import find_model
from image_studio.providers.spec import CREDIT_USD
from image_studio.runtime.observability import SERVICE, say
from image_studio.storage.credits import Spent

Unit = str


def emit(values: Mapping[str, tuple[float, Unit]], **dimensions: str) -> None:
    """Write the metrics (name -> value, CloudWatch unit) by the dimensions, and once more for the whole service.

    An alarm watches one metric: it can't add up those of all studios or providers.
    """
    labels = {"service": SERVICE, **dimensions}
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    directive: dict[str, Any] = {
        "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "ImageStudio",
        "Dimensions": [list(labels), *([["service"]] if dimensions else [])],
        "Metrics": metrics,
    }
    say(
        {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            **labels,
            **{name: value for name, (value, _) in values.items()},
        }
    )


def job_ended(spent: Spent, entries: Sequence[Entry]) -> None:
    """Tell what a job cost: credits charged and held by studio, and what the providers take by provider (USD)."""
    emit({"CreditsCharged": (spent.charged, "Count"), "CreditsHeld": (spent.held, "Count")}, studio=spent.studio)
    for provider, usd in sorted(upstream_usd(entries).items()):
        emit({"UpstreamUSD": (round(usd, 6), "None")}, provider=provider)


def swept(overdue: int, stuck: int) -> None:
    """Tell what the reaper found: jobs whose lease ran out, and those of them that should have ended long ago."""
    emit({"OverdueJobs": (overdue, "Count"), "StuckJobs": (stuck, "Count")})


def upstream_usd(entries: Sequence[Entry]) -> dict[str, float]:
    """What each provider takes for a job's variations; a call whose charge is unknown counts as charged."""
    paid: dict[str, float] = {}
    for entry in entries:
        if entry.stage is not Stage.FRESH and entry.credits:
            paid[entry.provider] = paid.get(entry.provider, 0.0) + _usd(entry)
    return paid


def _usd(entry: Entry) -> float:
    """The model's price; where that depends on the size, the one that makes the entry's credits."""
    try:
        _, model = find_model(entry.provider, entry.model)
    except UnknownChoice:  # the job began before a deployment that dropped the model
        return entry.credits * CREDIT_USD
    sizes = model.sizes if isinstance(model.sizes, tuple) else ()
    priced = next((size for size in sizes if size.usd is not None and model.price(size) == entry.credits), None)
    if priced is not None and priced.usd is not None:
        return priced.usd
    return model.usd if model.price() == entry.credits else entry.credits * CREDIT_USD
