"""Words that must never stand in a log line, and the search for them in whatever the suite's functions wrote."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

#: What a secret or an image looks like in text, whoever's it is.
CANARIES = re.compile(
    r"CANARY"  # what tests plant
    r"|eyJ[\w-]{8,}\.eyJ"  # a token
    r"|iVBORw0KGgo|/9j/4[A-Q]|UklGR"  # base64 of a PNG, a JPEG, a WebP
    r"|\bsk-[\w-]{6}|[\w-]+-key-of-the-tests|\blocal-(stability|wavespeed|huggingface|gemini)-key"  # a provider's key
    r"|X-Amz-(Signature|Credential|Security-Token)|[?&]Signature="  # a presigned query
    r"|Bearer [\w-]"
)
#: How the lines of our own logger and our metrics are known among what a test prints.
OURS = '"service":"image-studio"'

_of_stacks: list[str] = []  # lines of stacks that ended since the last report


def caught(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = CANARIES.search(line) if OURS in line else None
        if found:
            yield f"{found[0]!r} in {line[:200]}"


def keep_log(path: Path) -> None:
    """Take over what a stack's functions logged, before the stack is gone."""
    _of_stacks.extend(line for line in path.read_text(errors="replace").splitlines() if OURS in line)


def search_report(report: Any) -> None:
    """Fail a test whose functions, in this process or in stacks that ended with it, logged what they must not."""
    if report.when != "teardown":
        return
    lines = [line for _, text in report.sections for line in text.splitlines() if OURS in line] + _of_stacks
    _of_stacks.clear()
    found = list(caught(lines))
    if lines:
        report.user_properties.append(("counted", ("logs", {"searched": len(lines), "caught": len(found)})))
    if found and report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = "A log line holds what must not be logged: " + "; ".join(found[:3])
