"""The security board: what is claimed, what the tests counted for it, and whether that is enough.

A test counts through the `count` fixture; nothing here types a number that was not counted, but what it must reach.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.template import ROOT

Note = Mapping[str, Any]  # what one test counted
Notes = Sequence[Note]

DOCUMENT = ROOT / "layers" / "common" / "python" / "image_studio" / "runtime" / "openapi.json"
RUNS = [f"run-{number:02}" for number in range(40)]  # of Hypothesis
OPERATION = {  # by what their tests' names have
    "create": "image-studio/create]",
    "edit": "edit/process",
    "upscale": "upscale]",
    "control": "control/process",
    "social": "optimize",
    "jobs": "image-studio/jobs",
    "uploads": "uploads",
    "personas": "personas",
}
IN_SUITE = ("-m", "not slow and not live and not long", "-n", "2", "--dist", "loadgroup")


@dataclass(frozen=True, slots=True)
class Row:
    """One claim: pytest's arguments by piece, the sentence of what was counted, and whether that is what it must be."""

    name: str
    claim: str
    pieces: Mapping[str, Sequence[str]]
    summary: Callable[[Notes], str]
    enough: Callable[[Notes], bool]


@dataclass(slots=True)
class Measured:
    notes: list[Note] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    pieces: set[str] = field(default_factory=set)


def total(notes: Notes, name: str) -> int:
    return sum(note.get(name, 0) for note in notes)


def most(notes: Notes, name: str) -> Any:
    return max((note[name] for note in notes if name in note), default=0)


def statuses(notes: Notes) -> Counter[str]:
    return sum((Counter({str(k): v for k, v in note.get("statuses", {}).items()}) for note in notes), Counter())


def _words(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{status} {number:,} times" for status, number in sorted(counted.items()))


def _server_errors(notes: Notes) -> int:
    return sum(number for status, number in statuses(notes).items() if status >= "500")


def _allowed(notes: Notes) -> str:
    windows: dict[str, list[str]] = defaultdict(list)
    for note in notes:
        windows[note["window"]].append(f"{note['tier']} {note['allowed']:,} of {note['limit']:,}")
    return "; ".join(f"{window}: {', '.join(each)}" for window, each in windows.items())


def _spent(notes: Notes) -> str:
    runs = ", ".join(str(note["used"]) for note in notes)
    return (
        f"{len(notes)} runs of up to {most(notes, 'requests')} requests by {most(notes, 'threads')} threads: at most "
        f"{most(notes, 'worst')} of {most(notes, 'limit')} credits reserved or used at any moment; used {runs}; "
        f"answers {_words(statuses(notes))}"
    )


def _images(notes: Notes) -> str:
    return (
        f"{total(notes, 'images'):,} at the gate ({total(notes, 'opened'):,} are images after all), slowest "
        f"{most(notes, 'slowest'):.2f} s, peak {most(notes, 'peak_mb')} MB; {sum(statuses(notes).values()):,} through "
        f"{len({note['route'] for note in notes if 'route' in note})} routes: {_words(statuses(notes))}"
    )


def _tokens(notes: Notes) -> str:
    return (
        f"{len(notes)} attacks x {most(notes, 'routes')} routes: {_words(statuses(notes))}; "
        f"{total(notes, 'ran')} operations ran"
    )


def _documents(notes: Notes) -> str:
    cases: Counter[str] = Counter()
    for note in notes:
        cases[note["operation"]] += note["cases"]
    return (
        f"{sum(cases.values()):,} cases, at least {min(cases.values(), default=0):,} of each of {len(cases)} "
        f"operations: {_words(statuses(notes))}"
    )


def _cases_enough(notes: Notes) -> bool:
    document = json.loads(DOCUMENT.read_text())
    cases: Counter[str] = Counter()
    for note in notes:
        cases[note["operation"]] += note["cases"]
    operations = sum(len(methods) for methods in document["paths"].values())
    return len(cases) == operations and min(cases.values()) >= 1_000 and not _server_errors(notes)


def _fuzzed(notes: Notes) -> str:
    memory = f", peak {most(notes, 'peak_mb')} MB" if most(notes, "peak_mb") else ""
    return f"{total(notes, 'executions'):,} executions, {total(notes, 'crashes')} unexpected exceptions{memory}"


ROWS = (
    Row(
        "limits",
        "100 threads, clock held: as many requests as the tier's limit, exactly",
        {"all": ["tests/security/test_limits.py", "-k", "exactly"]},
        _allowed,
        lambda notes: len(notes) == 8 and all(note["allowed"] == note["limit"] for note in notes),
    ),
    Row(
        "credits",
        "retries, concurrency, shared keys, failing providers: never above the credits",
        {"all": ["tests/security/test_credits.py", "-k", "adversary"]},
        _spent,
        lambda notes: len(notes) >= 3 and all(note["worst"] <= note["limit"] for note in notes),
    ),
    Row(
        "images",
        "2,000 or more malformed images: no 500, each under 2 s, under 512 MB",
        {"all": ["tests/security/test_images.py", "tests/imaging/test_decode.py"]},
        _images,
        lambda notes: (
            total(notes, "images") >= 2_000
            and sum(statuses(notes).values()) >= 2_000
            and not _server_errors(notes)
            and most(notes, "slowest") < 2
            and 0 < most(notes, "peak_mb") < 512
        ),
    ),
    Row(
        "hypothesis",
        "the image and data-URL gate, 1,000,000 made-up inputs: an image or a sentence",
        {run: ["tests/security/test_fuzz.py", "-k", f"hypothesis_executions and {run}"] for run in RUNS},
        _fuzzed,
        lambda notes: total(notes, "executions") >= 10**6 and not total(notes, "crashes"),
    ),
    Row(
        "atheris",
        "the same gate, 1,000,000 inputs guided by coverage of ours and Pillow's code",
        {"all": ["tests/security/test_fuzz.py", "-k", "atheris_executions"]},
        _fuzzed,
        lambda notes: (
            total(notes, "executions") >= 10**6 and not total(notes, "crashes") and 0 < most(notes, "peak_mb") < 512
        ),
    ),
    Row(
        "tokens",
        "15 or more token attacks x every route: 401, 403 or 404, no operation ran",
        {"all": ["tests/security/test_tokens.py"]},
        _tokens,
        lambda notes: len(notes) >= 15 and statuses(notes).keys() <= {"401", "403", "404"} and not total(notes, "ran"),
    ),
    Row(
        "addresses",
        "60 or more hostile URLs of results and of inputs: no connection to an address that isn't allowed",
        {"all": ["tests/providers/test_download.py", "tests/providers/test_download_input.py"]},
        lambda notes: (
            f"{total(notes, 'urls')} URLs, {total(notes, 'hosts')} allowed names at addresses that aren't public, "
            f"{total(notes, 'turns')} that turn or lead elsewhere: {total(notes, 'outside')} connections outside"
        ),
        lambda notes: total(notes, "urls") >= 60 and not total(notes, "outside"),
    ),
    Row(
        "openapi",
        "1,000 or more requests of each operation made from the OpenAPI document: answers as documented, no 5xx",
        {
            name: ["tests/security/test_schema.py", "-k", f"many_answers and {which}"]
            for name, which in {
                **OPERATION,
                "others": f"not ({' or '.join(OPERATION.values())})",
            }.items()
        },
        _documents,
        _cases_enough,
    ),
    Row(
        "ids",
        "every id-bearing route with another caller's id: the same answer as an unknown id, one read of one's own",
        {"all": ["tests/security/test_tenants.py"]},
        lambda notes: (
            f"{total(notes, 'asked')} requests with ids of another caller: {total(notes, 'same')} answered like an "
            f"unknown id ({_words(statuses(notes))}); at most {most(notes, 'reads')} read for each, "
            f"{total(notes, 'foreign')} outside the caller's own partition"
        ),
        lambda notes: (
            total(notes, "asked") == total(notes, "same") > 0
            and most(notes, "reads") == 1
            and not total(notes, "foreign")
        ),
    ),
    Row(
        "logs",
        "keys, tokens, images and presigned queries in the whole suite's logs: none",
        {"all": ["tests", *IN_SUITE]},  # what `make test` runs, and keeps the count of
        lambda notes: f"{total(notes, 'searched'):,} log lines searched, {total(notes, 'caught')} canaries found",
        lambda notes: total(notes, "searched") > 0 and not total(notes, "caught"),
    ),
)


def lines(measured: Mapping[str, Measured], *, whole: bool) -> Iterable[str]:
    """The board, a line for each row that something was counted for; `whole`: less than the claim is a failure."""
    for row in ROWS:
        found = measured.get(row.name)
        if found is None or not found.notes:
            if whole:
                yield f"---- {row.name:<10} {row.claim}: not measured"
            continue
        yield f"{outcome(row, found, whole=whole):<4} {row.name:<10} {row.claim}: {row.summary(found.notes)}"


def outcome(row: Row, found: Measured, *, whole: bool) -> str:
    """`ok`, `FAIL`, or `part` where less was run than the claim asks for."""
    if found.failed:
        return "FAIL"
    if found.pieces >= row.pieces.keys() and whole:
        return "ok" if row.enough(found.notes) else "FAIL"
    return "ok" if row.enough(found.notes) else "part"


def collected(reports: Iterable[Any]) -> dict[str, Measured]:
    found: dict[str, Measured] = defaultdict(Measured)
    for report in reports:
        for name, value in report.user_properties if report.when == "teardown" else ():  # the last that a test has
            if name == "counted":
                found[value[0]].notes.append(value[1])
    return dict(found)
