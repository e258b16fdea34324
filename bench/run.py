"""`make bench`: everything that is measured, beside its peers, each part a program of its own.

Run it with the bench environment: .venv-bench/bin/python bench/run.py [PART ...]
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
#: Part -> its program, in the order of a full run.
PARTS = {
    "crops": "imaging/crops.py",
    "race": "imaging/race.py",
    "compress": "imaging/compress.py",
    "cold": "service/cold.py",
    "envelope": "service/envelope.py",
    "overhead": "service/overhead.py",
    "provenance": "service/provenance.py",
}
#: What runs the parts of a folder: the peers of imaging are in .venv-bench, those of the service in .venv.
PYTHONS = {"imaging": sys.executable, "service": ".venv/bin/python"}
#: Asked for by name only.
EXTRAS = {"gallery": "imaging/gallery.py"}
SHARP = "sharp@0.35.5"


def main() -> None:
    """Run the named parts, or all."""
    asked = sys.argv[1:] or list(PARTS)
    programs = PARTS | EXTRAS
    unknown = [part for part in asked if part not in programs]
    if unknown:
        sys.exit(f"Unknown: {', '.join(unknown)}. Parts: {', '.join(programs)}.")
    if any(PARTS.get(part, "").startswith("imaging/") for part in asked):
        prepare_sharp()
    path = os.pathsep.join([str(HERE / "imaging"), "layers/common/python", str(HERE.parent)])
    missed = []
    for part in asked:
        print(f"\n=== {part} ===", flush=True)
        python = PYTHONS[programs[part].partition("/")[0]]
        done = subprocess.run([python, HERE / programs[part]], check=False, env={**os.environ, "PYTHONPATH": path})
        missed += [part] * bool(done.returncode)
    if missed:
        sys.exit(f"\nNot as they should be: {', '.join(missed)}")


def prepare_sharp() -> None:
    """Install sharp with npm into the cache, once."""
    folder = Path(".cache/bench/sharp")
    if not (folder / "node_modules/sharp").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", folder, SHARP], check=True)


if __name__ == "__main__":
    main()
