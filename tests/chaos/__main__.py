"""`make chaos`: a thousand jobs, fifty kills, and not one second paid call."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.harness import ChaosRun, ChaosStack, Plan


def main() -> int:
    """Run, print the tally; 1 where something was paid twice, lost, stuck or not settled."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--timeout", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=1)
    plan = Plan(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory() as folder, ChaosStack(Path(folder), plan.workers, seed=plan.seed) as chaos:
        tally = ChaosRun(plan, chaos).run()
    sys.stdout.write("\n".join([*tally.lines(), ""]))
    return int(bool(tally.harm) or tally.kills < plan.kills)


if __name__ == "__main__":
    sys.exit(main())
