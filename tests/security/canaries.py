"""Words that must never stand in a log line, and the search for them in whatever the suite's functions wrote."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

#: What a secret or a picture looks like in text, whoever's it is.
CANARIES = re.compile(
    r"CANARY"  # what tests plant
    r"|eyJ[\w-]{8,}\.eyJ"  # a token
    r"|iVBORw0KGgo|/9j/4[A-Q]|UklGR"  # base64 of a PNG, a JPEG, a WebP
    r"|[\w-]+-key-of-the-tests|\blocal-(stability|wavespeed|huggingface|gemini)-key"  # a provider's key
    r"|X-Amz-(Signature|Credential|Security-Token)|[?&]Signature="  # a presigned query
    r"|Bearer [\w-]"
)
#: How the lines of our own logger and our metrics are known among what a test prints.
OURS = '"service":"image-studio"'


def caught(lines: Iterable[str]) -> Iterator[str]:
    """The log lines with a canary in them, cut short."""
    for line in lines:
        found = CANARIES.search(line) if OURS in line else None
        if found:
            yield f"{found[0]!r} in {line[:200]}"


def search_report(report: Any) -> None:
    """Fail a test whose functions logged what they must not."""
    if report.when != "teardown" or report.outcome != "passed":
        return
    found = [each for _, text in report.sections for each in caught(text.splitlines())]
    if found:
        report.outcome = "failed"
        report.longrepr = "A log line holds what must not be logged: " + "; ".join(found[:3])
