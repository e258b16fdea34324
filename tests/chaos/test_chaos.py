"""A bounded `make chaos`: kills and duplicates cost no second paid call, lose nothing, and nothing stays behind."""

from pathlib import Path

from tests.chaos.havoc import Havoc, Plan, Works


def test_kills_and_duplicates_do_no_harm(tmp_path: Path) -> None:
    """100 jobs, 10 kill -9 of workers at work, each message two or three times."""
    plan = Plan(jobs=100, kills=10, workers=3, patience=600)
    with Works(tmp_path, plan.workers) as works:
        toll = Havoc(plan, works).run()
    assert (toll.jobs, toll.kills) == (100, 10)
    assert (toll.paid_again, toll.lost, toll.stuck, toll.unsettled) == (0, 0, 0, 0)
    assert toll.delivered >= 2 * toll.sent
    assert toll.statuses["succeeded"] + toll.statuses["failed"] == 100
    assert toll.statuses["failed"] <= toll.kills
