"""`make docs` writes the tables of docs/scale.md again from docs/scale.json and template.yaml.

A model on paper: steady load, every request a create of one image that waits for its answer. Little's law gives the
concurrency, list prices the cost. Tests hold the page to it, and the counts in it to what the code really does.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.runtime.rate_limits import SHORT_REQUESTS
from image_studio.storage.keys import LEASES
from local.template import ROOT, Template
from scripts.transcripts import with_tables

FILE = ROOT / "docs/scale.json"
PAGE = ROOT / "docs/scale.md"
DAYS_PER_MONTH = 30
MINUTES_PER_HOUR = 60


@dataclass(frozen=True)
class Setting:
    """What the template says: memory (GB) of the functions, seconds a request waits, days results are kept."""

    create_gb: float
    jobs_gb: float
    worker_gb: float
    wait: float
    worker_concurrency: int
    webhook_concurrency: int
    throttle_rate: int
    result_days: int


def setting() -> Setting:
    """The template's defaults."""
    template = Template()
    memory = {
        each.name: each.properties.get("MemorySize", template.document["Globals"]["Function"]["MemorySize"]) / 1024
        for each in template.resources("AWS::Serverless::Function")
    }
    default = {name: each.get("Default") for name, each in template.document["Parameters"].items()}
    return Setting(
        create_gb=memory["CreateFunction"],
        jobs_gb=memory["JobsFunction"],
        worker_gb=memory["WorkerFunction"],
        wait=float(default["WaitSeconds"]),
        worker_concurrency=int(default["WorkerConcurrency"]),
        webhook_concurrency=int(default["WebhookConcurrency"]),
        throttle_rate=int(default["ThrottleRate"]),
        result_days=int(default["ResultDays"]),
    )


@dataclass(frozen=True)
class Image:
    """What one image takes: seconds, GB-seconds, requests and units of each service."""

    api_seconds: float
    worker_seconds: float
    gb_seconds: float
    invocations: float
    reads: float  # DynamoDB read units
    writes: float  # DynamoDB write units
    puts: float
    gets: float
    messages: float  # SQS requests: send, receive, delete


def image(data: Mapping[str, Any], own: Setting) -> Image:
    """One image's needs; a wait longer than WaitSeconds goes on in the jobs function, by redirect."""
    work, calls = data["work"], data["calls"]
    worker = work["provider_seconds"] + work["worker_overhead_seconds"]
    whole = worker + work["api_overhead_seconds"]
    first = min(whole, own.wait)
    hops = max(0, -(-(whole - first) // own.wait))
    units = max(1, calls["kb_per_record"])  # of 1 KB, as writes are counted
    writes = (calls["dynamodb_writes"] + calls["writes_per_wait"]) * units + calls["dynamodb_transactions"] * calls[
        "items_per_transaction"
    ] * 2
    reads = calls["dynamodb_reads"] + calls["reads_per_waited_second"] * worker
    return Image(
        api_seconds=whole,
        worker_seconds=worker,
        gb_seconds=first * own.create_gb + (whole - first) * own.jobs_gb + worker * own.worker_gb,
        invocations=2 + hops,
        reads=reads,
        writes=writes,
        puts=calls["s3_puts"],
        gets=calls["s3_gets"],
        messages=3 * calls["sqs_messages"],
    )


def cost(data: Mapping[str, Any], own: Setting) -> dict[str, float]:
    """US dollars of a thousand images, by service."""
    one, price, work = image(data, own), data["prices_usd"], data["work"]
    stored = work["picture_mb"] / 1024 * price["s3_gb_month"] * own.result_days / DAYS_PER_MONTH
    return {
        "the provider": 1000 * work["provider_usd"],
        "egress (the image, as base64)": 1000 * work["picture_mb"] * 4 / 3 / 1024 * price["egress_gb"],
        "Lambda": 1000 * (one.gb_seconds * price["lambda_gb_second"])
        + one.invocations * price["lambda_million_requests"] / 1000,
        "S3": one.puts * price["s3_thousand_puts"] + one.gets * price["s3_thousand_gets"] + 1000 * stored,
        "DynamoDB": (one.writes * price["dynamodb_million_writes"] + one.reads * price["dynamodb_million_reads"])
        / 1000,
        "logs": 1000 * work["log_kb"] / 1024**2 * price["logs_gb"],
        "gateway": (one.invocations - 1) * price["gateway_million_requests"] / 1000,
        "SQS": one.messages * price["sqs_million_requests"] / 1000,
    }


@dataclass(frozen=True)
class Load:
    """A rate of images, and what it asks of each service at once or per second."""

    per_minute: int
    waiting: float  # API environments
    working: float  # worker environments
    requests: float  # per second at the gateway
    writes: float  # DynamoDB write units per second
    lease_writes: float  # of them in the index of open leases
    puts: float  # per second

    @property
    def environments(self) -> float:
        """Of all functions together."""
        return self.waiting + self.working


def load(data: Mapping[str, Any], own: Setting, per_minute: int) -> Load:
    """Little's law: how many are there is how many come times how long they stay."""
    one, rate = image(data, own), per_minute / 60
    return Load(
        per_minute=per_minute,
        waiting=rate * one.api_seconds,
        working=rate * one.worker_seconds,
        requests=rate * (one.invocations - 1),
        writes=rate * one.writes,
        lease_writes=rate * 4 * data["calls"]["kb_per_record"],  # put, claim, renewed or given back, finished
        puts=rate * one.puts,
    )


def breaks(data: Mapping[str, Any], own: Setting) -> dict[str, float]:
    """Images a minute at which each limit is reached, as it is by default."""
    limits, one = data["limits"], load(data, own, 60)
    # In a new account, requests that wait share what these leave: see `rate_limits.shared_waits`.
    beside_waits = own.worker_concurrency + own.webhook_concurrency + SHORT_REQUESTS
    beside_waits = min(limits["lambda_concurrency_new_account"] - 1, beside_waits)
    return {
        "worker": 60 * own.worker_concurrency / one.working,
        "newaccount": 60 * beside_waits / (one.working + data["work"]["api_overhead_seconds"]),
        "provider": 60 * limits["stability_requests_per_second"],
        "throttle": 60 * own.throttle_rate / one.requests,
        "lambda": 60 * limits["lambda_concurrency"] / one.environments,
        "eventsource": 60 * limits["sqs_event_source_concurrency"] / one.working,
        "lease": 60 * len(LEASES) * limits["dynamodb_partition_writes_per_second"] / one.lease_writes,
        "s3": 60 * limits["s3_puts_per_second_and_prefix"] / one.puts,
        "table": 60 * limits["dynamodb_table_writes_per_second"] / one.writes,
        "gateway": 60 * limits["gateway_requests_per_second"] / one.requests,
    }


#: Limit -> (what it is, the knob that moves it).
KNOBS = {
    "worker": (
        "`WorkerConcurrency` (default)",
        "raise the parameter: it is your ceiling of spending, not a limit of AWS",
    ),
    "newaccount": (
        "Lambda's concurrency in a new account",
        "ask for more (Service Quotas)",
    ),
    "provider": (
        "one provider's rate (Stability, 150 requests in 10 s)",
        "more providers with keys: `auto` goes on to the next; a larger plan",
    ),
    "throttle": ("`ThrottleRate` (default)", "raise the parameter"),
    "lambda": (
        "Lambda's usual concurrency",
        "ask for more; waiting takes half of it, which `WaitSeconds` = 1 or `Prefer: respond-async` gives back",
    ),
    "eventsource": ("concurrency of one SQS event source", "a second queue and worker function, by provider"),
    "lease": (
        f"the {len(LEASES)} partitions of the index of open leases",
        "more of them (`LEASES` in `storage/keys.py`)",
    ),
    "s3": (
        "S3 puts under one prefix",
        "none needed: keys begin with the caller's hash, by which S3 splits prefixes as load grows",
    ),
    "table": ("the table's writes, on demand", "ask for more"),
    "gateway": ("requests of an account's gateway", "ask for more"),
}


def _cost_table(data: Mapping[str, Any], own: Setting) -> Iterator[str]:
    parts = cost(data, own)
    yield "| what | USD of 1,000 images |"
    yield "|---|---|"
    for name, usd in sorted(parts.items(), key=lambda item: -item[1]):
        yield f"| {name} | {usd:.3f} |"
    yield f"| **all but the provider** | **{sum(parts.values()) - parts['the provider']:.2f}** |"


def _load_table(data: Mapping[str, Any], own: Setting) -> Iterator[str]:
    loads = [load(data, own, each) for each in data["images_per_minute"]]
    aws = sum(cost(data, own).values()) - cost(data, own)["the provider"]
    rows = {
        "requests that wait (Lambda environments)": [f"{each.waiting:,.0f}" for each in loads],
        "workers (Lambda environments)": [f"{each.working:,.0f}" for each in loads],
        "requests a second at the gateway": [f"{each.requests:,.1f}" for each in loads],
        "messages a second": [f"{each.per_minute / 60:,.1f}" for each in loads],
        "DynamoDB write units a second": [f"{each.writes:,.0f}" for each in loads],
        "of them in the index of open leases": [f"{each.lease_writes:,.0f}" for each in loads],
        "S3 puts a second": [f"{each.puts:,.1f}" for each in loads],
        "USD an hour, AWS": [f"{aws * each.per_minute * MINUTES_PER_HOUR / 1000:,.2f}" for each in loads],
        "USD an hour, provider": [
            f"{data['work']['provider_usd'] * each.per_minute * MINUTES_PER_HOUR:,.2f}" for each in loads
        ],
    }
    yield "| | " + " | ".join(f"{each.per_minute:,} a minute" for each in loads) + " |"
    yield "|---|" + "---|" * len(loads)
    for name, values in rows.items():
        yield f"| {name} | {' | '.join(values)} |"


def _break_table(data: Mapping[str, Any], own: Setting) -> Iterator[str]:
    yield "| breaks at (images a minute) | what | the knob |"
    yield "|---|---|---|"
    for name, rate in sorted(breaks(data, own).items(), key=lambda item: item[1]):
        yield f"| {rate:,.0f} | {KNOBS[name][0]} | {KNOBS[name][1]} |"


TABLES = {"cost": _cost_table, "load": _load_table, "breaks": _break_table}


def inputs() -> dict[str, Any]:
    """docs/scale.json."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def written(text: str) -> str:
    """The page with every table computed again."""
    data, own = inputs(), setting()
    return with_tables(text, lambda name: "\n".join(TABLES[name](data, own)))


def main() -> int:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
