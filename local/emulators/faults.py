"""Markers: how a prompt, a header or a script makes an emulator slow or faulty.

`[[delay=40]]`, `[[polls=3]]`, `[[fault=NAME]]`, each with options after `;`:
times=N (the first N calls only), stage=submit|work|poll|result|text, seed=N, provider=NAME, after=SECONDS.
README.md lists the names.
"""

import re
import threading
from collections import Counter
from dataclasses import dataclass, field, replace

MARKER = re.compile(r"\[\[\s*((?:delay|fault|polls)\s*=[^\[\]]{1,200})\]\]", re.IGNORECASE)
MAX_HOLD_SECONDS = 120.0
#: Refusals that come after the provider did the work, so it may have charged.
AFTER_THE_WORK = {"504"}
#: Faults that end the work; all others apply to the submit unless a stage is given.
ENDS_THE_WORK = {"failed", "moderated", "filtered", "empty", "cancelled", "tasktimeout", "deleted", "5004"}


@dataclass(frozen=True)
class Marker:
    """One marker's options."""

    options: dict[str, str]

    @property
    def fault(self) -> str:
        """The fault's name, or an empty string."""
        return self.options.get("fault", "")

    @property
    def stage(self) -> str:
        """The stage at which it applies: the submit for most faults; the work for its endings, delays and polls."""
        default = "work" if not self.fault or self.fault in ENDS_THE_WORK else "submit"
        return self.options.get("stage") or default

    @property
    def delay(self) -> float:
        """Seconds to wait, at most MAX_HOLD_SECONDS."""
        return min(self.number("delay"), MAX_HOLD_SECONDS)

    def number(self, name: str, default: float = 0.0) -> float:
        """Return an option as a number of at least 0; the default for what is no number."""
        try:
            return max(0.0, float(self.options.get(name, default)))
        except ValueError:
            return default

    def matches(self, provider: str, stage: str, seed: int | None) -> bool:
        """Whether it is for this provider, stage and seed."""
        return (
            self.stage == stage
            and self.options.get("provider", provider) == provider
            and self.options.get("seed", str(seed)) == str(seed)
        )


def markers_in(text: str) -> tuple[Marker, ...]:
    """Return all markers of a text, in order."""
    return tuple(_parsed(match.group(1)) for match in MARKER.finditer(text))


def without_markers(text: str) -> str:
    """Return the text without markers, spaces tidied where they stood."""
    return re.sub(r"\s{2,}", " ", MARKER.sub(" ", text)).strip() if MARKER.search(text) else text


def _parsed(body: str) -> Marker:
    pairs = (part.partition("=") for part in body.split(";"))
    return Marker({name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()})


class MarkerCounts:
    """How often each marker of each prompt was applied, so that `times=N` can end it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: Counter[tuple[str, ...]] = Counter()

    def clear(self) -> None:
        """Start again at 0."""
        with self._lock:
            self._used.clear()

    def use(self, marker: Marker, *scope: str) -> bool:
        """Count one use; False once `times` are used up."""
        if "times" not in marker.options:
            return True
        key = (str(sorted(marker.options.items())), *scope)
        with self._lock:
            self._used[key] += 1
            return self._used[key] <= marker.number("times")


@dataclass(frozen=True)
class FaultPlan:
    """The markers of one generation, applied stage by stage."""

    provider: str
    markers: tuple[Marker, ...] = ()
    #: Applied at once whatever their stage: those of a script that aims at one path.
    now: tuple[Marker, ...] = ()
    scope: str = ""
    seed: int | None = None
    counts: MarkerCounts = field(default_factory=MarkerCounts)

    def apply(self, *stages: str, scope: str = "") -> tuple[float, Marker | None]:
        """Return the seconds to wait at these stages and the fault that follows, if any; counts as one use."""
        due = list(self.now)
        for stage in stages:
            due += [each for each in self.markers if self._applies(each, stage, scope)]
        return sum(marker.delay for marker in due), next((each for each in due if each.fault), None)

    def _applies(self, marker: Marker, stage: str, scope: str) -> bool:
        return marker.matches(self.provider, stage, self.seed) and self.counts.use(marker, stage, self.scope, scope)

    def later(self, now: tuple[Marker, ...] = ()) -> "FaultPlan":
        """Return the plan for a later call of the generation, which a script may plan as well."""
        return replace(self, now=now)

    @property
    def polls(self) -> int:
        """How many polls come before the task is done."""
        asked = (each.number("polls") for each in (*self.markers, *self.now) if "polls" in each.options)
        return int(next(asked, 0))
