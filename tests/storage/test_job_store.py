"""Making jobs, joining them by Idempotency-Key, and finding them again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from image_studio.errors import IdempotencyMismatch, NotEnoughCredits, TooManyRequests
from image_studio.runtime import aws_clients
from image_studio.storage import credits, keys
from image_studio.storage.credits import Allowance, Spent
from image_studio.storage.jobs import KEY_SECONDS, MAX_QUERIES, JobStore, KeyTaken
from tests.storage.table import ROOMY, TENANT, WEEK, Clock, job
from tests.tables import TABLE


def outcome(call: Callable[[], Any]) -> str:
    """What a put came to: its error's name, the job it joined, or nothing."""
    try:
        call()
    except KeyTaken as taken:
        return taken.job_id
    except (IdempotencyMismatch, NotEnoughCredits, TooManyRequests) as error:
        return type(error).__name__
    return "made"


def test_a_key_makes_one_job(jobs: JobStore, clock: Clock) -> None:
    """Of 40 submits at once one makes the job and pays, all others join it."""
    many = [job(clock) for _ in range(40)]
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda each: outcome(lambda: jobs.put(each, idempotency_key="k", allowance=ROOMY)), many))
    assert said.count("made") == 1
    winner = many[said.index("made")]
    assert set(said) - {"made"} == {winner.id}
    found = credits.read(aws_clients.dynamodb(), TABLE, TENANT, winner.month)
    assert (found.committed, found.flying) == (5, 1)
    assert jobs.taken(TENANT, "k", "hash") == winner.id


def test_a_key_is_for_one_request(jobs: JobStore, clock: Clock) -> None:
    """The same key with another request is refused, and makes nothing."""
    jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)
    other = job(clock, request_hash="other")
    assert outcome(lambda: jobs.put(other, idempotency_key="k", allowance=ROOMY)) == "IdempotencyMismatch"
    assert jobs.get(TENANT, other.id) is None
    with pytest.raises(IdempotencyMismatch):
        jobs.taken(TENANT, "k", "other")


def test_a_key_is_its_callers(jobs: JobStore, clock: Clock) -> None:
    """Another caller's same key is another key."""
    jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)
    assert outcome(lambda: jobs.put(job(clock, tenant="other"), idempotency_key="k", allowance=ROOMY)) == "made"


def test_a_key_is_kept_a_day(jobs: JobStore, clock: Clock) -> None:
    """At 24 hours it is free again, though its record isn't deleted yet; a second before it isn't."""
    first = job(clock)
    jobs.put(first, idempotency_key="k", allowance=ROOMY)
    clock.now += KEY_SECONDS - 1
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)) == first.id
    clock.now += 1
    assert jobs.taken(TENANT, "k", "hash") is None
    assert outcome(lambda: jobs.put(job(clock, request_hash="new"), idempotency_key="k", allowance=ROOMY)) == "made"


def test_what_is_already_there_stays(jobs: JobStore, clock: Clock) -> None:
    """The same job again, as a repeated event or a lost answer has it, reserves nothing more."""
    made = job(clock)
    for key in (None, None, "k"):
        jobs.put(made, idempotency_key=key, allowance=ROOMY)
    assert credits.read(aws_clients.dynamodb(), TABLE, TENANT, made.month).committed == 5


def test_credits_end_exactly_at_the_limit(jobs: JobStore, clock: Clock) -> None:
    """20 jobs of 5 credits at once against 50: ten are made."""
    tight = Allowance(credits=50, in_flight=100)
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: outcome(lambda: jobs.put(job(clock), allowance=tight)), range(20)))
    assert (said.count("made"), said.count("NotEnoughCredits")) == (10, 10)


def test_a_refused_job_leaves_its_key_free(jobs: JobStore, clock: Clock) -> None:
    """Whoever had too few credits may send the same again."""
    poor = Allowance(credits=4, in_flight=10)
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=poor)) == "NotEnoughCredits"
    assert outcome(lambda: jobs.put(job(clock), idempotency_key="k", allowance=ROOMY)) == "made"


def test_pages_have_everything_once_newest_first(jobs: JobStore, clock: Clock) -> None:
    """Page by page, to the last one, which says that it is the last."""
    made = []
    for _ in range(7):
        clock.now += 1
        made.append(job(clock).id)
        jobs.put(job(clock, id=made[-1]), allowance=ROOMY)
    seen: list[str] = []
    before, sizes = None, []
    for _ in range(10):
        page, before = jobs.newest(TENANT, 3, before)
        seen += [each.id for each in page]
        sizes.append(len(page))
        if before is None:
            break
    assert (seen, sizes) == (made[::-1], [3, 3, 1])
    page, before = jobs.newest(TENANT, 7)
    assert (len(page), before) == (7, None)


def test_expired_jobs_make_no_empty_pages(jobs: JobStore, clock: Clock) -> None:
    """Records that aren't deleted yet are stepped over, in a bounded number of queries."""
    oldest = job(clock, expires=int(clock.now) + 2 * WEEK)
    jobs.put(oldest, allowance=ROOMY)
    for _ in range(MAX_QUERIES + 1):
        clock.now += 1
        jobs.put(job(clock, expires=int(clock.now) + 10), allowance=ROOMY)
    clock.now += 100
    page, before = jobs.newest(TENANT, 2)
    assert ([each.id for each in page], before) == ([oldest.id], None)


def test_the_reaper_sees_every_partition(jobs: JobStore, clock: Clock) -> None:
    """All open jobs whose lease ran out, and no others; ended ones only while they hold credits."""
    made = [job(clock) for _ in range(40)]
    for each in made:
        jobs.put(each, allowance=ROOMY)
    assert len({keys.lease_partition(each.id) for each in made}) > 1
    assert list(jobs.overdue(100)) == []
    clock.now += 31
    claimed = jobs.claim(TENANT, made[0].id, 60)
    ended = jobs.claim(TENANT, made[1].id, 60)
    assert claimed is not None
    assert ended is not None
    assert jobs.finish(ended, answer="{}", spent=Spent(charged=5))
    assert {each.id for each in jobs.overdue(100)} == {each.id for each in made[2:]}


def test_no_expression_names_a_reserved_word(jobs: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB refuses its reserved words where they aren't behind a placeholder; moto lets conditions through."""
    written: list[str] = []
    reserved = {word.upper() for word in ReservedKeywords.get_reserved_keywords()} - {"SET", "ADD", "AND", "OR", "NOT"}
    client = aws_clients.dynamodb()
    client.meta.events.register("before-parameter-build.dynamodb", lambda params, **_: written.extend(texts(params)))
    run_through(jobs, clock)
    words = {word for text in written for word in words_of(text)}
    assert {"lease_until", "committed", "attempt", "awaits", "expires", "created"} <= words
    assert {word for word in words if word.upper() in reserved} <= {"REMOVE"}


def texts(params: Any) -> list[str]:
    """Every expression inside a request."""
    if isinstance(params, dict):
        mine = [value for name, value in params.items() if name.endswith("Expression")]
        return mine + [text for value in params.values() for text in texts(value)]
    return [text for each in params for text in texts(each)] if isinstance(params, list) else []


def words_of(text: str) -> list[str]:
    """The bare words of an expression: no placeholders, no functions' dots."""
    return [
        word
        for word in text.replace("(", " ").replace(")", " ").replace(",", " ").replace(".", " ").split()
        if word[0].isalpha()
    ]


def run_through(jobs: JobStore, clock: Clock) -> None:
    """Every step that there is, once."""
    made = job(clock)
    jobs.put(made, idempotency_key="k", allowance=ROOMY)
    mine = jobs.claim(TENANT, made.id, 60)
    assert mine is not None
    assert jobs.note(mine, 1, "{}")
    assert jobs.remember(mine, "seed", "1")
    assert jobs.renew(mine, 60)
    assert jobs.give_back(mine, 1)
    again = jobs.get(TENANT, made.id)
    assert again is not None
    assert jobs.touch(again, 5)
    mine = jobs.claim(TENANT, made.id, 60)
    assert mine is not None
    assert jobs.requeue(mine, 5)
    mine = jobs.claim(TENANT, made.id, 60)
    assert mine is not None
    assert jobs.finish(mine, error={"status": 500}, answer=None, spent=Spent(held=1), hold=1)
    ended = jobs.get(TENANT, made.id)
    assert ended is not None
    assert jobs.release_hold(ended)
    waiting = job(clock, awaits="x")
    jobs.put(waiting, allowance=ROOMY)
    assert jobs.arrived(waiting, cost=6, allowance=ROOMY, wait=5)
    fresh = jobs.get(TENANT, made.id)
    assert fresh is not None
    assert jobs.delete(fresh)
    jobs.newest(TENANT, 5, "x")
    list(jobs.overdue(5))
