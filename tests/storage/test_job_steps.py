"""Each step of a job is one conditional write: what comes twice, late or from the dead changes nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from image_studio.errors import NotEnoughCredits
from image_studio.runtime import aws_clients
from image_studio.storage import credits
from image_studio.storage.credits import Allowance, Spent
from image_studio.storage.job import Job, Status
from image_studio.storage.jobs import JobStore
from tests.storage.table import ROOMY, TENANT, WEEK, Clock, job
from tests.tables import TABLE

LEASE = 60


def balance(of: Job) -> credits.Balance:
    """The month of a job's caller."""
    return credits.read(aws_clients.dynamodb(), TABLE, of.tenant, of.month)


def put(jobs: JobStore, clock: Clock, **given: object) -> Job:
    """A recorded job."""
    made = job(clock, **given)
    jobs.put(made, allowance=ROOMY)
    return made


def read(jobs: JobStore, of: Job) -> Job:
    """The job as its record has it now."""
    found = jobs.get(of.tenant, of.id)
    assert found is not None
    return found


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
    taken = jobs.claim(TENANT, made.id, LEASE)
    assert taken is not None
    assert (taken.attempt, taken.runs) == (2, 2)


def test_a_zombie_writes_nothing(jobs: JobStore, clock: Clock) -> None:
    """A worker that lost its lease can't renew, note, remember, give back or finish."""
    made = put(jobs, clock)
    zombie = jobs.claim(TENANT, made.id, LEASE)
    assert zombie is not None
    clock.now += LEASE + 1
    assert jobs.claim(TENANT, made.id, LEASE)
    before = read(jobs, made)
    assert not jobs.renew(zombie, LEASE)
    assert not jobs.note(zombie, 1, "{}")
    assert not jobs.remember(zombie, "seed", "1")
    assert not jobs.give_back(zombie, 10)
    assert not jobs.finish(zombie, answer="{}", spent=Spent(charged=5))
    assert read(jobs, made) == before
    assert balance(made).used == 0


def test_a_requeued_run_is_fenced_before_the_next_claim(jobs: JobStore, clock: Clock) -> None:
    """Between the reaper and the next worker, the old one can't write either."""
    made = put(jobs, clock)
    zombie = jobs.claim(TENANT, made.id, LEASE)
    assert zombie is not None
    clock.now += LEASE + 1
    assert jobs.requeue(read(jobs, made), 30)
    assert not jobs.note(zombie, 1, "{}")
    assert not jobs.renew(zombie, LEASE)


def test_a_renewed_lease_is_not_requeued(jobs: JobStore, clock: Clock) -> None:
    """A worker that lives after all keeps its job: the reaper's look is older than the renewal."""
    made = put(jobs, clock)
    mine = jobs.claim(TENANT, made.id, LEASE)
    assert mine is not None
    clock.now += LEASE + 1
    seen = read(jobs, made)
    assert jobs.renew(mine, LEASE)
    assert not jobs.requeue(seen, 30)
    assert not jobs.touch(seen, 30)


def test_giving_back_counts_failed_runs_only(jobs: JobStore, clock: Clock) -> None:
    """A long poll may come back as often as it likes; a run that died counts."""
    made = put(jobs, clock)
    for failed, runs in ((False, 0), (False, 0), (True, 1), (False, 1)):
        mine = jobs.claim(TENANT, made.id, LEASE)
        assert mine is not None
        assert jobs.give_back(mine, 10, failed=failed)
        assert read(jobs, made).runs == runs


def test_a_job_that_awaits_its_upload_is_not_claimed(jobs: JobStore, clock: Clock) -> None:
    """Whatever message comes early."""
    made = put(jobs, clock, awaits="upload")
    assert jobs.claim(TENANT, made.id, LEASE) is None
    assert jobs.arrived(made, cost=5, allowance=ROOMY, wait=30)
    assert jobs.claim(TENANT, made.id, LEASE)


def test_an_upload_arrives_once(jobs: JobStore, clock: Clock) -> None:
    """The second event of it finds nobody waiting, and reserves nothing."""
    made = put(jobs, clock, awaits="upload", reserved=0)
    assert jobs.arrived(made, cost=7, allowance=ROOMY, wait=30)
    assert not jobs.arrived(made, cost=7, allowance=ROOMY, wait=30)
    assert read(jobs, made).reserved == 7
    assert balance(made).committed == 7


def test_what_the_image_costs_must_be_there(jobs: JobStore, clock: Clock) -> None:
    """Known only when it arrives, the price is held against the month; at the limit it still fits."""
    made = put(jobs, clock, awaits="upload", reserved=3)
    tight = Allowance(credits=9, in_flight=10)
    for cost in (10, 1_000):
        with pytest.raises(NotEnoughCredits):
            jobs.arrived(made, cost=cost, allowance=tight, wait=30)
    assert read(jobs, made).awaits == "upload"
    assert jobs.arrived(made, cost=9, allowance=tight, wait=30)


def test_waiting_ends_only_while_it_waits(jobs: JobStore, clock: Clock) -> None:
    """The reaper's "it never came" loses against the upload that came just before."""
    made = put(jobs, clock, awaits="upload")
    assert jobs.arrived(made, cost=5, allowance=ROOMY, wait=30)
    assert not jobs.finish(made, error={"status": 400}, spent=Spent(), waiting=True)
    assert read(jobs, made).status is Status.QUEUED


def test_the_end_settles_once(jobs: JobStore, clock: Clock) -> None:
    """Charged, held and given back add up to what was reserved, in one step, however often it is tried."""
    made = put(jobs, clock, reserved=10)
    mine = jobs.claim(TENANT, made.id, LEASE)
    assert mine is not None
    spent = Spent(charged=4, held=3, studio="create", by_provider={"stability": 4})
    assert jobs.finish(mine, answer="{}", spent=spent, hold=100)
    assert not jobs.finish(mine, answer="{}", spent=spent, hold=100)
    found = balance(made)
    assert (found.used, found.committed, found.flying) == (4, 7, 0)
    assert (found.by_studio, found.by_provider) == ({"create": 4}, {"stability": 4})
    assert (read(jobs, made).charged, read(jobs, made).held) == (4, 3)


def test_a_hold_ends_once(jobs: JobStore, clock: Clock) -> None:
    """After its time the reaper finds it, and gives it back one time."""
    made = put(jobs, clock)
    mine = jobs.claim(TENANT, made.id, LEASE)
    assert mine is not None
    assert jobs.finish(mine, error={"status": 500}, spent=Spent(held=5), hold=100)
    assert not list(jobs.overdue(10))
    clock.now += 101
    (found,) = jobs.overdue(10)
    assert jobs.release_hold(found)
    assert not jobs.release_hold(found)
    assert balance(made).committed == 0
    assert not list(jobs.overdue(10))


def test_deleting_releases_what_is_held(jobs: JobStore, clock: Clock) -> None:
    """A removed job holds nothing against its caller."""
    made = put(jobs, clock)
    mine = jobs.claim(TENANT, made.id, LEASE)
    assert mine is not None
    assert jobs.finish(mine, error={"status": 500}, spent=Spent(held=5), hold=100)
    ended = read(jobs, made)
    assert jobs.delete(ended)
    assert not jobs.delete(ended)
    assert balance(made).committed == 0
    assert jobs.get(TENANT, made.id) is None


def test_an_expired_job_is_gone_before_it_is_deleted(jobs: JobStore, clock: Clock) -> None:
    """DynamoDB may take days: until then nobody finds it, lists it or runs it, but the reaper."""
    made = put(jobs, clock)
    clock.now += WEEK
    assert jobs.get(TENANT, made.id) is None
    assert jobs.newest(TENANT, 10) == ([], None)
    assert jobs.claim(TENANT, made.id, LEASE) is None
    assert [each.id for each in jobs.overdue(10)] == [made.id]
