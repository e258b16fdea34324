"""The steps of a job, each one conditional write, so that duplicates, crashes and races change nothing twice.

    queued --claim--> running --finish--> succeeded | failed
       ^                 |
       '----give_back----'    (a long poll) or requeue (a lease that ran out)

`attempt` is the fencing token: a worker that lost its lease can't write any more. `lease_until` says when the reaper
may look: a queued job that nobody took, a running one whose worker died, a finished one with credits on hold.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage import credits, keys
from image_studio.storage.items import Item, pack, unpack
from image_studio.storage.job import Job, Status, job_from
from image_studio.storage.transact import transact, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: What every step that belongs to one run asks for.
MINE = "#status = :running AND attempt = :mine"


class JobSteps:
    """The job records of one table, as a run and the reaper change them."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._now = clock

    # -- a run

    def claim(self, tenant: str, job_id: str, lease: int) -> Job | None:
        """Take the job for `lease` seconds, or None where somebody has it, or it has ended or expired."""
        now = int(self._now())
        values = {
            ":running": "running",
            ":queued": "queued",
            ":until": now + lease,
            ":now": now,
            ":one": 1,
            ":ms": self.milliseconds(),
        }
        change = (
            "SET #status = :running, lease_until = :until, attempt = attempt + :one, runs = runs + :one,"
            " started_at = if_not_exists(started_at, :ms)"
        )
        free = "(#status = :queued AND attribute_not_exists(awaits)) OR (#status = :running AND lease_until < :now)"
        return self._step(keys.job_key(tenant, job_id), change, f"expires > :now AND ({free})", values)

    def renew(self, job: Job, lease: int) -> bool:
        """Hold the job for `lease` more seconds; False where it is no longer ours."""
        return self._ours(job, "SET lease_until = :until", {":until": int(self._now()) + lease})

    def note(self, job: Job, variation: int, entry: str) -> bool:
        """Record a variation's journal entry; False where the job is no longer ours."""
        names = {"#number": str(variation)}
        return self._ours(job, "SET variations.#number = :entry", {":entry": entry}, names)

    def remember(self, job: Job, name: str, value: str) -> bool:
        """Record a decision; False where the job is no longer ours."""
        return self._ours(job, "SET notes.#name = :value", {":value": value}, {"#name": name})

    def give_back(self, job: Job, wait: int, *, failed: bool = False) -> bool:
        """Queue the job again, to be looked after in `wait` seconds; only a failed run counts as one."""
        change = "SET #status = :queued, lease_until = :until, runs = runs - :uncounted"
        values = {":queued": "queued", ":until": int(self._now()) + wait, ":uncounted": 0 if failed else 1}
        return self._ours(job, change, values)

    # -- the reaper

    def touch(self, job: Job, wait: int) -> bool:
        """Look at a queued job again in `wait` seconds; False where it is no longer as it was."""
        return self._still(job, "SET lease_until = :until", {":until": int(self._now()) + wait})

    def requeue(self, job: Job, wait: int) -> bool:
        """Queue a job whose worker died, to be looked after in `wait` seconds; False where it is alive after all."""
        change = "SET #status = :queued, lease_until = :until"
        return self._still(job, change, {":queued": "queued", ":until": int(self._now()) + wait})

    def release_hold(self, job: Job) -> bool:
        """Give back the credits of calls whose charge stayed unknown; the caller isn't charged for them."""
        change = {
            **self._change(job.key, "SET held = :none REMOVE lease, lease_until", {":held": job.held, ":none": 0}),
            "ConditionExpression": "held = :held",
        }
        return self._together({"Update": change}, _released(self._table, job))

    def take_turn(self, seconds: int) -> bool:
        """Whether nobody swept within `seconds`; if so, it counts as swept now."""
        now = int(self._now())
        change = self._change(_REAPER, "SET swept_at = :now", {":now": now, ":before": now - seconds})
        turn = "attribute_not_exists(swept_at) OR swept_at <= :before"
        return update(self._db, {**change, "ConditionExpression": turn}) is not None

    # -- an upload that a job waits for

    def arrived(self, job: Job, *, cost: int, allowance: credits.Allowance, wait: int) -> bool:
        """The upload is there and its job may run, for `cost` credits; False where it isn't waiting any more.

        A cost above what was reserved is reserved in the same step. Raises NotEnoughCredits.
        """
        more = max(0, cost - job.reserved)
        if more > allowance.credits:
            self._refuse(job, more, allowance, credits.read(self._db, self._table, job.tenant, job.month))
        values = {
            ":queued": "queued",
            ":until": int(self._now()) + wait,
            ":reserved": job.reserved,
            ":cost": job.reserved + more,
        }
        change = {
            **self._change(job.key, "SET lease_until = :until, reserved = :cost REMOVE awaits", values, _STATUS),
            "ConditionExpression": "#status = :queued AND attribute_exists(awaits) AND reserved = :reserved",
        }
        steps: dict[str, Item] = {"job": {"Update": change}}
        if more:
            steps["credits"] = {"Update": credits.reserve(self._table, _month(job), more, 0, allowance)}
        refused = transact(self._db, steps)
        if "credits" in refused and "job" not in refused:
            self._refuse(job, more, allowance, credits.balance_of(refused["credits"]))
        return not refused

    def _refuse(self, job: Job, more: int, allowance: credits.Allowance, balance: credits.Balance) -> None:
        raise credits.refusal(balance, more, 0, allowance) or TemporarilyUnavailable()

    # -- the end

    def finish(
        self,
        job: Job,
        *,
        answer: str | None = None,
        error: Mapping[str, Any] | None = None,
        spent: "credits.Spent",
        hold: int = 0,
        waiting: bool = False,
    ) -> bool:
        """End the job and settle its credits in one step; False where it is no longer as `job` has it.

        Credits of calls whose charge is unknown stay reserved for `hold` seconds. `waiting` asks that its upload
        hasn't arrived meanwhile.
        """
        outcome = {
            "status": str(Status.FAILED if answer is None else Status.SUCCEEDED),
            "finished_at": self.milliseconds(),
            "charged": spent.charged,
            "held": spent.held,
            "answer": answer,
            "error": json.dumps(error) if error is not None else None,
            "lease_until": int(self._now()) + hold if spent.held else None,
        }
        change = _setting(outcome) + ("" if spent.held else " REMOVE lease, lease_until")
        values = {f":{name}": value for name, value in outcome.items()}
        condition = "#status = :was AND attempt = :mine" + (" AND attribute_exists(awaits)" if waiting else "")
        ending = {
            **self._change(job.key, change, {**values, ":was": str(job.status), ":mine": job.attempt}, _names(outcome)),
            "ConditionExpression": condition,
        }
        settling = credits.settle(self._table, _month(job), job.reserved, job.total, spent)
        return self._together({"Update": ending}, {"Update": settling})

    def delete(self, job: Job) -> bool:
        """Forget an ended job, and release what it still holds; False where it changed meanwhile."""
        condition = "#status = :was AND held = :held"
        gone = {
            "TableName": self._table,
            "Key": job.key,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": _STATUS,
            "ExpressionAttributeValues": pack({":was": str(job.status), ":held": job.held}),
        }
        return self._together({"Delete": gone}, _released(self._table, job) if job.held else None)

    # -- how steps are written

    def milliseconds(self) -> int:
        """Now, in epoch milliseconds."""
        return int(self._now() * 1000)

    def _ours(self, job: Job, change: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> bool:
        mine = {**values, ":mine": job.attempt, ":running": "running"}
        return self._step(job.key, change, MINE, mine, names) is not None

    def _still(self, job: Job, change: str, values: Mapping[str, Any]) -> bool:
        """Change a job that nobody touched since it was read."""
        seen = {":was": str(job.status), ":mine": job.attempt, ":seen": job.lease_until}
        condition = "#status = :was AND attempt = :mine AND lease_until = :seen"
        return self._step(job.key, change, condition, {**values, **seen}) is not None

    def _step(
        self,
        key: Item,
        change: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Job | None:
        wanted = self._change(key, change, values, {**_STATUS, **(names or {})})
        item = update(self._db, {**wanted, "ConditionExpression": condition})
        return job_from(unpack(item)) if item else None

    def _change(
        self, key: Item, change: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> Item:
        return {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": change,
            "ExpressionAttributeValues": pack(values),
            **({"ExpressionAttributeNames": dict(names)} if names else {}),
        }

    def _together(self, *steps: Item | None) -> bool:
        return not transact(self._db, {str(number): step for number, step in enumerate(steps) if step})


_STATUS = {"#status": "status"}  # a reserved word
_REAPER = pack({"pk": "STUDIO", "sk": "REAPER"})


def _released(table: str, job: Job) -> Item:
    return {"Update": credits.release(table, _month(job), job.held)}


def _month(job: Job) -> Item:
    return credits.record_key(job.tenant, job.month)


def _setting(values: Mapping[str, Any]) -> str:
    """`SET` for what isn't None, every name through a placeholder: several are reserved words."""
    return "SET " + ", ".join(f"#{name} = :{name}" for name, value in values.items() if value is not None)


def _names(values: Mapping[str, Any]) -> dict[str, str]:
    return {f"#{name}": name for name, value in values.items() if value is not None}
