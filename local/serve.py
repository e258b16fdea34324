"""`make run`: start the stack, print how to use it, reload its code on a change, stop it on Ctrl-C."""

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from watchfiles import Change, watch

from local import sam
from local.child_processes import DidNotStart
from local.issuer import READY_SUB, READY_TIER
from local.stack import STATE, Options, Stack
from local.template import ROOT, TEMPLATE

DEFAULT_PORT = 8000
WATCHED = ("functions", "layers", "local", "template.yaml")
SUFFIXES = (".py", ".json", ".yaml")
PARENT_SECONDS = 0.5
LOCK_FILE = "lock"
NOTE_FILE = "run.json"

BUILT = (
    "The built functions run under Lambda's Runtime Interface Emulator, one event each at a time. Ctrl-C ends it all."
)
IMAGE = (
    """curl -sSL {url}/create -H "Authorization: Bearer {token}" -H "Content-Type: application/json" """
    """-d '{{"prompt": "A lighthouse at dawn, above the fog", "template_id": "linkedin_post"}}' """
    """| python3 -c 'import base64, json, sys; answer = json.load(sys.stdin); """
    """sys.exit(answer["detail"]) if "detail" in answer else """
    """open("image.png", "wb").write(base64.b64decode(answer["results"][0]["image_base64"]))'"""
)


@dataclass(frozen=True)
class RunNote:
    """Where a running stack listens."""

    pid: int
    url: str
    issuer: str
    tier_claim: str


class AlreadyRunning(RuntimeError):
    """Another process holds the lock; `note` says where it listens, once it is written."""

    def __init__(self, note: RunNote | None) -> None:
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


def write_note(state: Path, note: RunNote) -> None:
    """Write the note atomically."""
    new = state / f"{NOTE_FILE}.{os.getpid()}"
    new.write_text(json.dumps(asdict(note)))
    new.replace(state / NOTE_FILE)


def read_note(state: Path) -> RunNote | None:
    """Return the note, or None where nothing runs or nothing listens yet."""
    try:
        note = RunNote(**json.loads((state / NOTE_FILE).read_text()))
        os.kill(note.pid, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, TypeError):
        return None
    return note


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C, SIGTERM or the end of whoever started us; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Image Studio on localhost.")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or DEFAULT_PORT)
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    parser.add_argument("--tier", default=READY_TIER, help="of the token that is printed, and of the playground's")
    parser.add_argument("--built", type=Path, help="run what was built into this folder, under Lambda's own emulator")
    parser.add_argument(
        "--concurrency", type=int, default=0, help="invocations at once, of all functions: 10 on a fresh account of AWS"
    )
    chosen = parser.parse_args(arguments)
    if chosen.built and chosen.concurrency:
        parser.error("--concurrency limits functions from the sources only")
    over = over_on_signals()
    if chosen.with_parent:
        threading.Thread(target=_end_with_parent, args=(os.getppid(), over), daemon=True).start()
    try:
        with hold_lock(STATE):
            return _run(
                Options(
                    port=chosen.port,
                    state=STATE,
                    environment=os.environ,
                    access_log=True,
                    tier=chosen.tier,
                    concurrency=chosen.concurrency,
                ),
                over,
                chosen.built,
            )
    except AlreadyRunning as other:
        where = f" at {other.note.url} (process {other.note.pid})" if other.note else ""
        print(f"Image Studio is already running{where}. End it there with Ctrl-C.", file=sys.stderr)
        return 1


def over_on_signals() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and SIGHUP set.

    A handler must not set it itself: it runs in the main thread, which may hold the event's lock, in a wait or in the
    handler of another signal.
    """
    over = threading.Event()
    reader, writer = os.pipe()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.write(writer, b"."))

    def wait() -> None:
        os.read(reader, 1)
        over.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return over


def _run(options: Options, over: threading.Event, built: Path | None) -> int:
    if built:
        options = replace(options, template=built.resolve() / TEMPLATE.name, emulated=True)
    try:
        stack = Stack(options)
    except OSError as problem:
        print(
            f"Port {options.port} can't be used ({problem.strerror}). Choose another: make run PORT=8001",
            file=sys.stderr,
        )
        return 1
    except DidNotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    with stack:
        tier_claim = stack.issuer.tier_claim
        write_note(STATE, RunNote(os.getpid(), stack.url, stack.issuer.url, tier_claim))
        with ExitStack() as closing:
            print(banner(stack, sam.write_variables(stack, closing)), flush=True)
            if built:
                over.wait()
            else:
                _reload_on_change(stack, over)
    return 0


def banner(stack: Stack, variables: Path) -> str:
    """Return what a person needs: the URL, a token, one command that makes an image, and where things are."""
    token = stack.token()
    return "\n".join(
        [
            "",
            f"Image Studio listens at {stack.url}",
            f"In the browser: {stack.origin}/",
            f"The API's page, with samples in curl, Python and JavaScript: {stack.url}/docs",
            "",
            f"A token for caller '{READY_SUB}', tier '{stack.options.tier}' (another: make -s token SUB=me TIER=free):",
            token,
            "",
            "Make an image and write it to image.png:",
            IMAGE.format(url=stack.url, token=token),
            "",
            *(f"{name}: {how}" for name, how in stack.providers_in_use().items()),
            "",
            f"The local AWS has the bucket {stack.resources['Bucket']['Ref']}; variables for your own tools:",
            f"export {' '.join(f'{name}={value}' for name, value in stack.aws.tools.items())}",
            "",
            *sam.lines(variables),
            "",
            f"What the functions log: {_short(stack.log)}",
            BUILT if stack.options.emulated else "Code reloads when it changes. Ctrl-C ends everything.",
            "",
        ]
    )


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _reload_on_change(stack: Stack, over: threading.Event) -> None:
    paths = [ROOT / name for name in WATCHED]
    for changes in watch(*paths, watch_filter=_is_code, stop_event=over, debounce=300, rust_timeout=500):
        names = sorted({os.path.relpath(path, ROOT) for _, path in changes})
        started = time.monotonic()
        try:
            stack.reload()
        except Exception as problem:  # noqa: BLE001  # whatever is wrong with the new code, the next change may fix it
            print(f"{names[0]} changed, but the stack can't start: {problem}", file=sys.stderr, flush=True)
            continue
        print(f"{', '.join(names[:3])} changed: reloaded in {time.monotonic() - started:.1f} s", flush=True)


def _is_code(change: Change, path: str) -> bool:
    return path.endswith(SUFFIXES) and "__pycache__" not in path and f"{os.sep}emulators{os.sep}" not in path


def _end_with_parent(parent: int, over: threading.Event) -> None:
    while os.getppid() == parent:
        if over.wait(PARENT_SECONDS):
            return
    over.set()
