"""`python -m local.token --sub me --tier pro`: print a fresh token for the running stack."""

import argparse
import sys

from local.issuer import Issuer, load_key
from local.running import read_note
from local.stack import STATE


def main() -> int:
    """Print a token; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.token", description="A token for the running stack.")
    parser.add_argument("--sub", default="developer", help="who calls (default: developer)")
    parser.add_argument("--tier", default="pro", help="free, basic, pro or enterprise (default: pro)")
    chosen = parser.parse_args()
    note = read_note(STATE)
    if note is None:
        print("Nothing is running here. Start it with: make run", file=sys.stderr)
        return 1
    print(Issuer(note.issuer, load_key(STATE), note.tier_claim).mint(chosen.sub, chosen.tier))
    return 0


if __name__ == "__main__":
    sys.exit(main())
