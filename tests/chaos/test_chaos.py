"""A bounded `make chaos`: no second paid call, nothing lost, nothing left behind, every end announced at least once."""

from pathlib import Path

from tests.chaos.harness import ChaosRun, ChaosStack, Plan


def test_kills_and_duplicates_do_no_harm(tmp_path: Path) -> None:
    """16 jobs, 3 kill -9 of workers at work, each message two or three times, half of the webhook calls refused."""
    plan = Plan(jobs=16, kills=3, workers=3, timeout=600)
    with ChaosStack(tmp_path, plan.workers) as chaos:
        tally = ChaosRun(plan, chaos).run()
    assert (tally.jobs, tally.kills) == (16, 3)
    assert (tally.paid_again, tally.lost, tally.stuck, tally.unsettled) == (0, 0, 0, 0)
    assert (tally.unannounced, tally.forged) == (0, 0)
    assert tally.called >= tally.jobs
    assert tally.delivered >= 1.5 * tally.sent
    assert tally.statuses["succeeded"] + tally.statuses["failed"] == 16
    assert tally.statuses["failed"] <= tally.kills
