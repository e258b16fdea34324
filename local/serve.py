"""`make run`: start the stack, say how to use it, start its code anew on a change, end it all on Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from watchfiles import Change, watch

from local.children import DidNotStart
from local.issuer import READY_SUB, READY_TIER
from local.running import AlreadyRunning, Note, hold_lock, write_note
from local.stack import STATE, Options, Stack
from local.template import ROOT, TEMPLATE

DEFAULT_PORT = 8000
WATCHED = ("functions", "layers", "local", "template.yaml")
SUFFIXES = (".py", ".json", ".yaml")
PARENT_SECONDS = 0.5

BUILT = (
    "The built functions run under Lambda's Runtime Interface Emulator, one event each at a time. Ctrl-C ends it all."
)
IMAGE = (
    """curl -sSL {url}/create -H "Authorization: Bearer {token}" -H "Content-Type: application/json" """
    """-d '{{"prompt": "Modern office workspace", "template_id": "linkedin_post"}}' """
    """| python3 -c 'import base64, json, sys; answer = json.load(sys.stdin); """
    """sys.exit(answer["detail"]) if "detail" in answer else """
    """open("image.png", "wb").write(base64.b64decode(answer["results"][0]["image_base64"]))'"""
)


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C, SIGTERM or the end of whoever started us; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Image Studio on localhost.")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or DEFAULT_PORT)
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    parser.add_argument("--tier", default=READY_TIER, help="of the token that is printed, and of the playground's")
    parser.add_argument("--built", type=Path, help="run what was built into this folder, under Lambda's own emulator")
    chosen = parser.parse_args(arguments)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    if chosen.with_parent:
        threading.Thread(target=_end_with_parent, args=(os.getppid(), over), daemon=True).start()
    try:
        with hold_lock(STATE):
            return _run(
                Options(port=chosen.port, state=STATE, environment=os.environ, access_log=True, tier=chosen.tier),
                over,
                chosen.built,
            )
    except AlreadyRunning as other:
        where = f" at {other.note.url} (process {other.note.pid})" if other.note else ""
        print(f"Image Studio is already running{where}. End it there with Ctrl-C.", file=sys.stderr)
        return 1


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
        write_note(STATE, Note(os.getpid(), stack.url, stack.issuer.url, tier_claim))
        print(banner(stack, os.environ), flush=True)
        if built:
            over.wait()
        else:
            _reload_on_change(stack, over)
    return 0


def banner(stack: Stack, environment: Mapping[str, str]) -> str:
    """What a person needs: the URL, a token, one line that makes an image, and where things are."""
    token = stack.token()
    return "\n".join(
        [
            "",
            f"Image Studio listens at {stack.url}",
            f"In the browser: {stack.origin}/",
            "",
            f"A token for caller '{READY_SUB}', tier '{stack.options.tier}' (another: make -s token SUB=me TIER=free):",
            token,
            "",
            "An image, written to image.png:",
            IMAGE.format(url=stack.url, token=token),
            "",
            *(f"{name}: {how}" for name, how in stack.providers_in_use().items()),
            "",
            f"AWS is at hand, too: bucket {stack.resources['Bucket']['Ref']}, with these for your own tools:",
            f"export {' '.join(f'{name}={value}' for name, value in stack.aws.tools.items())}",
            "",
            f"What the functions log: {_short(stack.log)}",
            BUILT if stack.options.emulated else "Code is read anew when it changes. Ctrl-C ends everything.",
            "",
        ]
    )


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _reload_on_change(stack: Stack, over: threading.Event) -> None:
    paths = [ROOT / name for name in WATCHED]
    for changes in watch(*paths, watch_filter=_concerns, stop_event=over, debounce=300, rust_timeout=500):
        names = sorted({os.path.relpath(path, ROOT) for _, path in changes})
        started = time.monotonic()
        try:
            stack.reload()
        except Exception as problem:  # noqa: BLE001  # whatever is wrong with the new code, the next change may mend it
            print(f"{names[0]} changed, but the stack can't start: {problem}", file=sys.stderr, flush=True)
            continue
        print(f"{', '.join(names[:3])} changed: read anew in {time.monotonic() - started:.1f} s", flush=True)


def _concerns(change: Change, path: str) -> bool:
    return path.endswith(SUFFIXES) and "__pycache__" not in path and f"{os.sep}emulators{os.sep}" not in path


def _end_with_parent(parent: int, over: threading.Event) -> None:
    while os.getppid() == parent:
        if over.wait(PARENT_SECONDS):
            return
    over.set()
