"""Job records: made once, joined by Idempotency-Key, found again, and changed by one conditional write per step."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from image_studio.errors import IdempotencyMismatch, NotEnoughCredits, TooManyRequests
from image_studio.runtime import aws_clients
from image_studio.storage import credits, keys
from image_studio.storage.credits import Allowance, Charge
from image_studio.storage.job import Job, Status
from image_studio.storage.jobs import KEY_SECONDS, MAX_QUERIES, JobStore, KeyTaken
from tests.storage.table import ROOMY, TENANT, WEEK, Clock, job
from tests.tables import TABLE

LEASE = 60


def outcome(call: Callable[[], Any]) -> str:
    """What a put came to: its error's name, the job it joined, or nothing."""
    try:
        call()
    except KeyTaken as taken:
        return taken.job_id
    except (IdempotencyMismatch, NotEnoughCredits, TooManyRequests) as error:
        return type(error).__name__
    return "made"


def balance(of: Job) -> credits.Balance:
    return credits.read(aws_clients.dynamodb(), TABLE, of.tenant, of.month)


def put(jobs: JobStore, clock: Clock, **given: object) -> Job:
    made = job(clock, **given)
    jobs.put(made, allowance=ROOMY)
    return made


def read(jobs: JobStore, of: Job) -> Job:
    found = jobs.get(of.tenant, of.id)
    assert found is not None
    return found


def claim(jobs: JobStore, of: Job) -> Job:
    mine = jobs.claim(TENANT, of.id, LEASE)
    assert mine is not None
    return mine


def test_a_key_makes_one_job(jobs: JobStore, clock: Clock) -> None:
    """Of 40 submits at once one makes the job and pays, all others join it."""
    many = [job(clock) for _ in range(40)]
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda each: outcome(lambda: jobs.put(each, idempotency_key="k", allowance=ROOMY)), many))
    assert said.count("made") == 1
    winner = many[said.index("made")]
    assert set(said) - {"made"} == {winner.id}
    assert (balance(winner).committed, balance(winner).in_flight) == (5, 1)
    assert jobs.job_of_key(TENANT, "k", "hash") == winner.id


def test_a_key_is_for_one_request_of_one_caller(jobs: JobStore, clock: Clock) -> None:
    """The same key with another request is refused, and makes nothing. Another caller's same key is another key."""
    jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)
    other = job(clock, request_hash="other")
    assert outcome(lambda: jobs.put(other, idempotency_key="k", allowance=ROOMY)) == "IdempotencyMismatch"
    assert jobs.get(TENANT, other.id) is None
    with pytest.raises(IdempotencyMismatch):
        jobs.job_of_key(TENANT, "k", "other")
    assert outcome(lambda: jobs.put(job(clock, tenant="other"), idempotency_key="k", allowance=ROOMY)) == "made"


def test_a_key_is_kept_a_day(jobs: JobStore, clock: Clock) -> None:
    """At 24 hours it is free again, though its record isn't deleted yet; a second before it isn't."""
    first = job(clock)
    jobs.put(first, idempotency_key="k", allowance=ROOMY)
    clock.now += KEY_SECONDS - 1
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)) == first.id
    clock.now += 1
    assert jobs.job_of_key(TENANT, "k", "hash") is None
    assert outcome(lambda: jobs.put(job(clock, request_hash="new"), idempotency_key="k", allowance=ROOMY)) == "made"


def test_what_is_already_there_stays(jobs: JobStore, clock: Clock) -> None:
    """The same job again, as a repeated event or a lost response has it, reserves nothing more."""
    made = job(clock)
    for key in (None, None, "k"):
        jobs.put(made, idempotency_key=key, allowance=ROOMY)
    assert balance(made).committed == 5


def test_credits_end_exactly_at_the_limit(jobs: JobStore, clock: Clock) -> None:
    """20 jobs of 5 credits at once against 50: ten are made. A refused job leaves its key free."""
    poor = Allowance(credits=4, in_flight=10)
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=poor)) == "NotEnoughCredits"
    tight = Allowance(credits=50, in_flight=100)
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: outcome(lambda: jobs.put(job(clock), allowance=tight)), range(20)))
    assert (said.count("made"), said.count("NotEnoughCredits")) == (10, 10)
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)) == "made"


def test_pages_have_everything_once_newest_first(jobs: JobStore, clock: Clock) -> None:
    """Page by page, to the last one, which says that it is the last."""
    made = []
    for _ in range(7):
        clock.now += 1
        made.append(put(jobs, clock).id)
    pages, before = [], None
    for _ in range(3):
        page, before = jobs.newest(TENANT, 3, before)
        pages.append([each.id for each in page])
    assert pages == [made[:3:-1], made[3:0:-1], made[:1]]
    assert before is None
    page, before = jobs.newest(TENANT, 7)
    assert (len(page), before) == (7, None)


def test_expired_jobs_make_no_empty_pages(jobs: JobStore, clock: Clock) -> None:
    """Records that aren't deleted yet are stepped over, in a bounded number of queries."""
    oldest = put(jobs, clock, expires=int(clock.now) + 2 * WEEK)
    for _ in range(MAX_QUERIES + 1):
        clock.now += 1
        put(jobs, clock, expires=int(clock.now) + 10)
    clock.now += 100
    page, before = jobs.newest(TENANT, 2)
    assert ([each.id for each in page], before) == ([oldest.id], None)


def test_the_reaper_sees_every_partition(jobs: JobStore, clock: Clock) -> None:
    """All open jobs whose lease ran out, and no others; ended ones only while they hold credits."""
    made = [put(jobs, clock) for _ in range(12)]
    assert len({keys.lease_partition(each.id) for each in made}) > 1
    clock.now += 30
    assert list(jobs.overdue(100)) == []
    clock.now += 1
    claim(jobs, made[0])
    assert jobs.finish(claim(jobs, made[1]), response="{}", charge=Charge(charged=5))
    assert {each.id for each in jobs.overdue(100)} == {each.id for each in made[2:]}
    assert len(list(jobs.overdue(1))) == len({keys.lease_partition(each.id) for each in made[2:]})


# -- steps


def test_one_of_many_claims_wins(jobs: JobStore, clock: Clock) -> None:
    """However many workers get the message, one gets the job."""
    made = put(jobs, clock)
    with ThreadPoolExecutor(16) as pool:
        claims = list(pool.map(lambda _: jobs.claim(TENANT, made.id, LEASE), range(16)))
    won = [each for each in claims if each]
    assert len(won) == 1
    assert (won[0].status, won[0].attempt, won[0].runs) == (Status.RUNNING, 1, 1)


def test_a_lease_is_taken_over_only_when_it_ran_out(jobs: JobStore, clock: Clock) -> None:
    """At its last second the job is still its worker's; a second later it is anybody's."""
    made = put(jobs, clock)
    assert jobs.claim(TENANT, made.id, LEASE)
    clock.now += LEASE
    assert jobs.claim(TENANT, made.id, LEASE) is None
    clock.now += 1
    taken = claim(jobs, made)
    assert (taken.attempt, taken.runs) == (2, 2)


def test_a_zombie_writes_nothing(jobs: JobStore, clock: Clock) -> None:
    """A worker that lost its lease can't write, neither after the reaper nor after the next worker's claim."""
    made = put(jobs, clock)
    zombie = claim(jobs, made)
    clock.now += LEASE + 1
    for take in (lambda: jobs.requeue(read(jobs, made), 30), lambda: jobs.claim(TENANT, made.id, LEASE)):
        assert take()
        before = read(jobs, made)
        assert not jobs.renew(zombie, LEASE)
        assert not jobs.note(zombie, 1, "{}")
        assert not jobs.remember(zombie, "seed", "1")
        assert not jobs.give_back(zombie, 10)
        assert not jobs.finish(zombie, response="{}", charge=Charge(charged=5))
        assert read(jobs, made) == before
    assert balance(made).used == 0


def test_a_renewed_lease_is_not_requeued(jobs: JobStore, clock: Clock) -> None:
    """A worker that lives after all keeps its job: the reaper's look is older than the renewal."""
    made = put(jobs, clock)
    mine = claim(jobs, made)
    clock.now += LEASE + 1
    seen = read(jobs, made)
    assert jobs.renew(mine, LEASE)
    assert not jobs.requeue(seen, 30)
    assert not jobs.touch(seen, 30)


def test_giving_back_counts_failed_runs_only(jobs: JobStore, clock: Clock) -> None:
    """A long poll may come back as often as it likes; a run that died counts."""
    made = put(jobs, clock)
    for failed, runs in ((False, 0), (False, 0), (True, 1), (False, 1)):
        mine = claim(jobs, made)
        assert jobs.give_back(mine, 10, failed=failed)
        assert read(jobs, made).runs == runs


def test_an_upload_arrives_once(jobs: JobStore, clock: Clock) -> None:
    """Before it the job isn't claimed. The second event of it finds nobody waiting, and reserves nothing.

    The reaper's "it never came" loses against the upload that came just before.
    """
    made = put(jobs, clock, awaits="upload", reserved=0)
    assert jobs.claim(TENANT, made.id, LEASE) is None
    assert jobs.arrived(made, cost=7, allowance=ROOMY, wait=30)
    assert not jobs.arrived(made, cost=7, allowance=ROOMY, wait=30)
    assert not jobs.finish(made, error={"status": 400}, charge=Charge(), waiting=True)
    found = read(jobs, made)
    assert (found.status, found.reserved, found.lease_until) == (Status.QUEUED, 7, clock.now + 30)
    assert balance(made).committed == 7
    claim(jobs, made)


def test_what_the_image_costs_must_be_there(jobs: JobStore, clock: Clock) -> None:
    """Known only when it arrives, the price is held against the month; at the limit it still fits."""
    made = put(jobs, clock, awaits="upload", reserved=3)
    tight = Allowance(credits=9, in_flight=10)
    for cost in (10, 1_000):
        with pytest.raises(NotEnoughCredits):
            jobs.arrived(made, cost=cost, allowance=tight, wait=30)
    assert read(jobs, made).awaits == "upload"
    assert jobs.arrived(made, cost=9, allowance=tight, wait=30)


def test_the_end_settles_once(jobs: JobStore, clock: Clock) -> None:
    """Charged, held and given back add up to what was reserved, in one step, however often it is tried."""
    made = put(jobs, clock, reserved=10)
    mine = claim(jobs, made)
    charge = Charge(charged=4, held=3, group="create", by_provider={"stability": 4})
    assert jobs.finish(mine, response="{}", charge=charge, hold=100)
    assert not jobs.finish(mine, response="{}", charge=charge, hold=100)
    found = balance(made)
    assert (found.used, found.committed, found.in_flight) == (4, 7, 0)
    assert (found.by_studio, found.by_provider) == ({"create": 4}, {"stability": 4})
    assert (read(jobs, made).charged, read(jobs, made).held) == (4, 3)


def test_a_hold_ends_once(jobs: JobStore, clock: Clock) -> None:
    """After its time the reaper finds it, and gives it back one time; so does the job's deletion."""
    made, deleted = put(jobs, clock), put(jobs, clock)
    for each in (made, deleted):
        assert jobs.finish(claim(jobs, each), error={"status": 500}, charge=Charge(held=5), hold=100)
    ended = read(jobs, deleted)
    assert jobs.delete(ended)
    assert not jobs.delete(ended)
    assert jobs.get(TENANT, deleted.id) is None
    assert balance(made).committed == 5
    clock.now += 100
    assert not list(jobs.overdue(10))
    clock.now += 1
    (found,) = jobs.overdue(10)
    assert jobs.release_hold(found)
    assert not jobs.release_hold(found)
    assert balance(made).committed == 0
    assert not list(jobs.overdue(10))


def test_an_expired_job_is_gone_before_it_is_deleted(jobs: JobStore, clock: Clock) -> None:
    """DynamoDB may take days: until then nobody finds it, lists it or runs it, but the reaper."""
    made = put(jobs, clock)
    clock.now += WEEK
    assert jobs.get(TENANT, made.id) is None
    assert jobs.newest(TENANT, 10) == ([], None)
    assert jobs.claim(TENANT, made.id, LEASE) is None
    assert [each.id for each in jobs.overdue(10)] == [made.id]


def test_a_month_ends_where_the_next_begins(jobs: JobStore, clock: Clock) -> None:
    """A job is settled in the month that it started in; the next month's credits are whole again."""
    tight = Allowance(credits=5, in_flight=10)
    jobs.put(december := job(clock, month="2026-12"), allowance=tight)
    assert outcome(lambda: jobs.put(job(clock, month="2026-12"), allowance=tight)) == "NotEnoughCredits"
    clock.now = credits.month_end("2026-12")
    assert credits.month_of(clock.now - 1) == "2026-12"
    assert credits.month_of(clock.now) == "2027-01"
    assert outcome(lambda: jobs.put(job(clock), allowance=tight)) == "made"
    mine = claim(jobs, december)
    assert jobs.finish(mine, response="{}", charge=Charge(charged=5))
    assert (balance(december).used, balance(december).committed) == (5, 5)
    assert balance(job(clock)).used == 0
