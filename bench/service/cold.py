"""Cold start: from the start of a process to its first answer, ours beside the naive app's, turn about.

Three answers: POST /estimate-cost, GET /templates, and, against a local AWS, POST /create up to its 202. Both sides
find their code compiled, as `make build` leaves it. Prints medians, their ratio, and whether it reaches the target.
Last, what the first and the second POST /create cost in a process that was initialized as under SnapStart.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.stack import Options, Stack

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LAYER = ROOT / "layers/common/python"
SIDES = {"naive": str(HERE / "naive.py"), "ours": str(ROOT / "functions/create/app.py"), "bare": "bare"}
ROUNDS = int(os.environ.get("ROUNDS", "15"))
#: What is asked -> (event, the least ratio; None: only printed).
ASKED = {
    "POST /estimate-cost": ("post-estimate-cost", None),
    "GET /templates": ("get-templates", 3.5),
    "POST /create, AWS in use": ("post-create", None),
}
AFTER_RESTORE = 2.0  # the first paid POST after init under SnapStart, at most so many times the CPU of the second


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a function's process gets."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(LAYER),
        "NAIVE_CATALOG": str(LAYER / "image_studio/catalog/data"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
        **extra,
    }


def run(side: str, event: Path, variables: Mapping[str, str], *more: str) -> tuple[float, Any]:
    """Milliseconds from the process's start to its answer, and the answer."""
    command = [sys.executable, str(HERE / "first_answer.py"), SIDES[side], str(event), *more]
    started = time.perf_counter()
    with subprocess.Popen(command, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        taken = 0.0
        for line in process.stdout:
            lines.append(line)
            taken = (time.perf_counter() - started) * 1000
        problem = process.stderr.read().decode()
    assert process.returncode == 0, problem
    return taken, json.loads(lines[-1])


def compare(event: Path, variables: Mapping[str, str]) -> dict[str, float]:
    """Medians by side (ms), measured in turns after one warm-up each."""
    samples: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(ROUNDS + 1):
        for side in SIDES:
            taken, answer = run(side, event, variables)
            assert answer["status"] in (200, 202), (side, answer)
            if turn:
                samples[side].append(taken)
    return {side: statistics.median(each) for side, each in samples.items()}


def report(name: str, medians: Mapping[str, float], least: float | None) -> bool:
    """Print a row; whether the target was reached."""
    ratio = medians["naive"] / medians["ours"]
    above = (medians["naive"] - medians["bare"]) / max(0.1, medians["ours"] - medians["bare"])
    verdict = "" if least is None else f"  target {least}x: {'reached' if ratio >= least else 'MISSED'}"
    row = "  ".join(f"{side} {value:6.0f} ms" for side, value in medians.items())
    print(f"{name:26s} {row}  {ratio:.1f}x ({above:.1f}x over a bare interpreter){verdict}", flush=True)
    return least is None or ratio >= least


def same_calls(event: Path, variables: Mapping[str, str]) -> None:
    """Print which AWS calls each side makes; they have to be the same."""
    made = {side: run(side, event, variables, "count")[1] for side in ("naive", "ours")}
    same = sorted(made["naive"]) == sorted(made["ours"])
    print(f"AWS calls of ours: {', '.join(made['ours'])}")
    assert same, f"the naive app makes others: {made['naive']}"


def restored(event: Path, variables: Mapping[str, str]) -> bool:
    """Print what the first and the second POST /create cost after an init as under SnapStart."""
    kept = {**variables, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    pairs = [run("ours", event, kept, "twice")[1] for _ in range(ROUNDS)]
    first, second = (statistics.median(each) for each in zip(*pairs, strict=True))
    reached = first <= AFTER_RESTORE * second
    verdict = "reached" if reached else "MISSED"
    print(f"POST /create after init    first {first:6.1f} ms of CPU  second {second:6.1f} ms  ", end="")
    print(f"{first / second:.1f}x  target {AFTER_RESTORE}x: {verdict}", flush=True)
    return reached


def main() -> int:
    """Measure; 0 when every target was reached."""
    for source in (HERE, LAYER, ROOT / "functions"):
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(source)], check=True)
    sys.path[:0] = [str(ROOT), str(LAYER)]
    from local.stack import Stack  # noqa: PLC0415  found through the path above

    reached = []
    with tempfile.TemporaryDirectory() as folder:
        events = _events(Path(folder))
        with Stack(Options(state=Path(folder) / "state")) as stack:
            variables = environment(_aws(stack))
            same_calls(events["post-create"], variables)
            for name, (event, least) in ASKED.items():
                reached.append(report(name, compare(events[event], variables), least))
            reached.append(restored(events["post-create"], variables))
    return 0 if all(reached) else 1


def _aws(stack: Stack) -> dict[str, str]:
    names = {"TABLE_NAME": "Table", "BUCKET_NAME": "Bucket", "QUEUE_URL": "JobQueue"}
    found = {name: stack.resources[resource]["Ref"] for name, resource in names.items()}
    return {**found, **stack.aws.environment}


def _events(folder: Path) -> dict[str, Path]:
    """The events, with callers who may do much and don't wait."""
    made = {}
    for name, _ in ASKED.values():
        event = json.loads((ROOT / f"events/create/{name}.json").read_text())
        event["requestContext"]["authorizer"]["jwt"]["claims"]["tier"] = "enterprise"
        event["headers"]["prefer"] = "respond-async"
        made[name] = folder / f"{name}.json"
        made[name].write_text(json.dumps(event))
    return made


if __name__ == "__main__":
    sys.exit(main())
