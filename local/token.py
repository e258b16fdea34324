"""`python -m local.token --sub me --tier free`: print a new token for the running stack."""

import argparse
import sys

from local.issuer import READY_SUB, READY_TIER, Issuer, load_key
from local.serve import read_note
from local.stack import STATE


def main() -> int:
    """Print a token; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.token", description="A token for the running stack.")
    parser.add_argument("--sub", default=READY_SUB, help="who calls (default: %(default)s)")
    parser.add_argument("--tier", default=READY_TIER, help="free, basic, pro or enterprise (default: %(default)s)")
    chosen = parser.parse_args()
    note = read_note(STATE)
    if note is None:
        print("Nothing is running here. Start it with: make run", file=sys.stderr)
        return 1
    print(Issuer(note.issuer, load_key(STATE), note.tier_claim).mint(chosen.sub, chosen.tier))
    return 0


if __name__ == "__main__":
    sys.exit(main())
