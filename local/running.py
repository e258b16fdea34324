"""Which stack runs out of this folder: a lock that dies with its holder, and a note of where it listens."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK_FILE = "lock"
NOTE_FILE = "run.json"


@dataclass(frozen=True)
class Note:
    """Where a running stack listens."""

    pid: int
    url: str
    issuer: str
    tier_claim: str


class AlreadyRunning(RuntimeError):
    """Another process holds the lock; `note` says where it listens, once it does."""

    def __init__(self, note: Note | None) -> None:
        self.note = note
        super().__init__("already running")


@contextmanager
def hold_lock(state: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises AlreadyRunning."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(read_note(state)) from None
        try:
            yield
        finally:
            (state / NOTE_FILE).unlink(missing_ok=True)


def write_note(state: Path, note: Note) -> None:
    """Leave the note; all of it or nothing can be read."""
    new = state / f"{NOTE_FILE}.{os.getpid()}"
    new.write_text(json.dumps(asdict(note)))
    new.replace(state / NOTE_FILE)


def read_note(state: Path) -> Note | None:
    """The note, or None where nothing runs or nothing listens yet."""
    try:
        note = Note(**json.loads((state / NOTE_FILE).read_text()))
        os.kill(note.pid, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, TypeError):
        return None
    return note
