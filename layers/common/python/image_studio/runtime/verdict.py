"""How a job ended: what it cost, and its error as callers read it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from image_studio.errors import JobFailed, ProviderFailed, StudioError
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.operation import Operation
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job


def spent_on(job: Job, entries: Iterable[Entry]) -> Spent:
    """What the job cost: delivered variations, never above what was reserved; unknown ones are held."""
    by_provider: Counter[str] = Counter()
    left = job.reserved
    unknown = 0
    for entry in entries:
        if entry.stage is Stage.DONE:
            paid = min(entry.credits, left)
            by_provider[entry.provider] += paid
            left -= paid
        elif entry.stage is not Stage.FRESH:
            unknown += entry.credits
    return Spent(
        charged=by_provider.total(),
        held=min(unknown, left),
        studio=job.operation.partition(".")[0],
        by_provider=by_provider,
    )


def told(error: StudioError, row: Operation) -> dict[str, Any]:
    """The error as callers read it; a 500 opens with the operation's own words."""
    prefix = "" if error.status < 500 or error.detail.startswith(row.failure) else f"{row.failure}: "
    code = error.code if isinstance(error, ProviderFailed | JobFailed) or error.status < 500 else "internal_error"
    return {"status": error.status, "code": code, "detail": prefix + error.detail}


def prefixed(error: StudioError, row: Operation) -> StudioError:
    """An error outside a job, as a job would tell it."""
    return error if error.status < 500 else JobFailed(**told(error, row))
