"""Markers: how a prompt, a header or a script tells an emulator to be slow or to fail.

`[[delay=40]]`, `[[polls=3]]`, `[[fault=NAME]]`, each with options after `;`:
times=N (the first N calls only), stage=submit|work|poll|result|text, seed=N, provider=NAME, after=SECONDS.
README.md lists the names.
"""

import re
import threading
from collections import Counter
from dataclasses import dataclass, field, replace

MARKER = re.compile(r"\[\[\s*((?:delay|fault|polls)\s*=[^\[\]]{1,200})\]\]", re.IGNORECASE)
LONGEST_HOLD_SECONDS = 120.0
#: The fault happens after the provider did the work, so it may have charged.
AFTER_THE_WORK = {"504"}
#: How the work itself ends badly; everything else strikes the submit unless a stage is given.
ENDS_THE_WORK = {"failed", "moderated", "filtered", "empty", "cancelled", "tasktimeout", "deleted", "5004"}


@dataclass(frozen=True)
class Marker:
    """One marker: its options, and what makes it apply."""

    options: dict[str, str]

    @property
    def fault(self) -> str:
        """The fault's name, or nothing."""
        return self.options.get("fault", "")

    @property
    def stage(self) -> str:
        """Where it strikes; most faults strike the submit; endings, delays and polls strike the work."""
        default = "work" if not self.fault or self.fault in ENDS_THE_WORK else "submit"
        return self.options.get("stage") or default

    @property
    def delay(self) -> float:
        """Seconds to wait, never more than the longest hold."""
        return min(self.number("delay"), LONGEST_HOLD_SECONDS)

    def number(self, name: str, default: float = 0.0) -> float:
        """An option as a number not below 0; what isn't a number is the default."""
        try:
            return max(0.0, float(self.options.get(name, default)))
        except ValueError:
            return default

    def concerns(self, provider: str, stage: str, seed: int | None) -> bool:
        """Whether it is meant for this provider, stage and seed."""
        return (
            self.stage == stage
            and self.options.get("provider", provider) == provider
            and self.options.get("seed", str(seed)) == str(seed)
        )


def markers_in(text: str) -> tuple[Marker, ...]:
    """All markers of a text, in order."""
    return tuple(_parsed(match.group(1)) for match in MARKER.finditer(text))


def without_markers(text: str) -> str:
    """The text as a person meant it: markers gone, spaces tidied where they stood."""
    return re.sub(r"\s{2,}", " ", MARKER.sub(" ", text)).strip() if MARKER.search(text) else text


def _parsed(body: str) -> Marker:
    pairs = (part.partition("=") for part in body.split(";"))
    return Marker({name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()})


class Tally:
    """How often each marker of each prompt has struck, so that `times=N` can end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: Counter[tuple[str, ...]] = Counter()

    def clear(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._used.clear()

    def strikes(self, marker: Marker, *scope: str) -> bool:
        """Count one use; false once `times` are used up."""
        limit = marker.options.get("times")
        if limit is None:
            return True
        key = (str(sorted(marker.options.items())), *scope)
        with self._lock:
            self._used[key] += 1
            return self._used[key] <= marker.number("times")


@dataclass(frozen=True)
class Plan:
    """What the markers of one generation ask for, stage by stage."""

    provider: str
    markers: tuple[Marker, ...] = ()
    #: Struck at once whatever their stage: a script that aims at one path.
    now: tuple[Marker, ...] = ()
    scope: str = ""
    seed: int | None = None
    tally: Tally = field(default_factory=Tally)

    def strike(self, *stages: str, scope: str = "") -> tuple[float, Marker | None]:
        """Seconds to wait at these stages, and the fault that follows, if any; counts as one use."""
        due = list(self.now)
        for stage in stages:
            due += [m for m in self.markers if self._applies(m, stage, scope)]
        return sum(marker.delay for marker in due), next((m for m in due if m.fault), None)

    def _applies(self, marker: Marker, stage: str, scope: str) -> bool:
        return marker.concerns(self.provider, stage, self.seed) and self.tally.strikes(marker, stage, self.scope, scope)

    def at(self, now: tuple[Marker, ...]) -> "Plan":
        """The same plan for a later call: what was aimed at the first one is over."""
        return replace(self, now=now)

    @property
    def polls(self) -> int | None:
        """How many polls before it is done, if a marker says so."""
        asked = [m.number("polls") for m in (*self.markers, *self.now) if "polls" in m.options]
        return int(asked[0]) if asked else None
