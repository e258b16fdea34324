"""`make containers`: every built function in a real container, by `sam local invoke`, and a pass through `start-api`.

What this shows beyond the emulator: memory is enforced, the task folder is read-only, the code finds layer and SDK
where Lambda has them. Needs a container engine, and says loudly when none answers. sam exits with 0 whatever a
function does, so its output is what's judged.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import requests

from local.child_processes import free_port, wait_for_port
from local.permissions import ADMINISTRATOR
from local.rie import machine
from local.sam import write_variables
from local.stack import PREFIX, Options, Stack
from local.template import ROOT
from scripts import transcripts
from scripts.build import SAM, Unfit, build, tool_environment

BUILT = ROOT / ".aws-sam/local"
LOCAL_IMAGE = "localhost/lambda-python:3.13"  # where there is no registry to pull AWS's image from
DEFAULT_ENGINE = "unix:///var/run/docker.sock"
INVOKE_SECONDS = 120
START_SECONDS = 60
SHOWN = 160  # characters of an answer in the transcript
#: An event of each function.
EVENTS = {
    "CreateFunction": "create/get-templates-search.json",
    "EditFunction": "edit/get-edit-models.json",
    "UpscaleFunction": "upscale/post-upscale.json",
    "ControlFunction": "control/get-control-operations.json",
    "SocialFunction": "social/post-social-optimize.json",
    "JobsFunction": "jobs/get-usage.json",
    "LibraryFunction": "library/get-api-content-assets.json",
    "WorkerFunction": "worker/sweep.json",
}
#: What start-api answers. It checks no token and passes no claims, so everything else is the documented 401.
ASKED = {
    "GET /health": 200,
    "GET /openapi.json": 200,
    "GET /docs": 200,
    "GET /templates": 401,
    "POST /create": 401,
    "POST /social/optimize": 401,
    "GET /jobs": 401,
}


class Wrong(RuntimeError):
    """A function didn't do in a container what it must."""


class _Socket(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        """Connect to the file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask_engine(path: str) -> int:
    """The status that the container engine answers with; 0 where none answers."""
    address = os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
    kind, _, place = address.partition("://")
    connection = _Socket(place) if kind == "unix" else http.client.HTTPConnection(place, timeout=5)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return 0


class Containers:
    """sam's commands, pointed at the engine, the built template and the local AWS."""

    def __init__(self, variables: Path) -> None:
        self.transcript: list[str] = []
        own = ["--template", str(BUILT / "template.yaml"), "--env-vars", str(variables), "--skip-pull-image"]
        own += ["--parameter-overrides", f"Arch={machine()}"]
        if ask_engine(f"/images/{LOCAL_IMAGE}/json") == 200:
            own += ["--invoke-image", LOCAL_IMAGE]
        self._own = own
        # sam asks AWS who it is before it starts a container: one try, at an address where nobody is
        quiet = {"AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_SECRET_ACCESS_KEY": "local"}
        self._environment = {**tool_environment(), **quiet}

    def _sam(self, *command: str, caller: str) -> tuple[list[str], dict[str, str]]:
        return [str(SAM), "local", *command, *self._own], {**self._environment, "AWS_ACCESS_KEY_ID": caller}

    def invoke(self, function: str, event: str) -> None:
        """One `sam local invoke`, its answer read from its output and judged. Raises Wrong."""
        command, environment = self._sam("invoke", function, "--event", str(ROOT / "events" / event), caller=function)
        started = time.monotonic()
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=INVOKE_SECONDS, check=False
        )
        line = next((each for each in reversed(done.stdout.splitlines()) if each.startswith(("{", "null"))), None)
        if line is None:
            raise Wrong(f"{function} answered nothing (sam's exit code {done.returncode}): {done.stderr[-2000:]}")
        report = re.search(r"(?<!Init )(?<!Billed )Duration: \S+ ms", done.stderr)
        answer = json.loads(line)
        shown = f"{answer['statusCode']} {answer.get('body')}" if "statusCode" in (answer or {}) else line
        self._note(f"sam local invoke {function} --event events/{event}", shown, time.monotonic() - started)
        if report:
            self.transcript.append(f"REPORT {report[0]}")
        judge(function, answer)

    def start_api(self) -> None:
        """Start the API in containers and ask it. Raises Wrong."""
        port = free_port()
        command, environment = self._sam("start-api", "--port", str(port), caller=ADMINISTRATOR)
        self.transcript.append("$ sam local start-api")
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
            try:
                wait_for_port(port, START_SECONDS)
                self._ask_all(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()
                process.wait(30)

    def _ask_all(self, origin: str) -> None:
        for asked, wanted in ASKED.items():
            method, _, path = asked.partition(" ")
            started = time.monotonic()
            body: dict[str, str] | None = {} if method == "POST" else None
            answer = requests.request(method, f"{origin}{PREFIX}{path}", json=body, timeout=INVOKE_SECONDS)
            command = f"curl -X {method} $ORIGIN{PREFIX}{path}"
            self._note(command, f"{answer.status_code} {answer.text}", time.monotonic() - started)
            if answer.status_code != wanted or (wanted == 401 and set(answer.json()) != {"detail", "code"}):
                raise Wrong(f"start-api: {asked} answered {answer.status_code} {answer.text[:300]}")

    def _note(self, command: str, answer: str, seconds: float) -> None:
        shown = " ".join(answer.split())
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]} ... ({len(answer):,} characters)"
        lines = [f"$ {command}", shown, f"({seconds:.1f} s)"]
        print("\n".join(lines), flush=True)
        self.transcript += lines


def judge(function: str, answer: Any) -> None:
    """Raise Wrong unless the answer is a good one."""
    if function == "WorkerFunction":
        good = answer is None  # a sweep returns nothing; a function that fails answers an error
    else:
        good = isinstance(answer, dict) and answer.get("statusCode") == 200
    if not good:
        raise Wrong(f"{function} answered {str(answer)[:500]}")


def run() -> list[str]:
    """Everything; the transcript. Raises Wrong, Unfit."""
    build(machine(), BUILT, cache=ROOT / ".aws-sam/cache")
    with ExitStack() as closing_all:
        folder = closing_all.enter_context(tempfile.TemporaryDirectory())
        stack = closing_all.enter_context(Stack(Options(state=Path(folder) / "state")))
        containers = Containers(write_variables(stack, closing_all))
        for function, event in EVENTS.items():
            containers.invoke(function, event)
        containers.start_api()
        refused = stack.aws.refusals()
        if refused:
            raise Wrong(f"beyond the functions' rights: {refused}")
    return containers.transcript


def main() -> int:
    """Run, and with `--write` keep the transcript in docs/verification.md; the exit code."""
    if ask_engine("/_ping") != 200:
        print("=" * 100, "SKIPPED: no container engine answers (DOCKER_HOST or /var/run/docker.sock).", sep="\n")
        print("No function was run in a container. Start Docker, and repeat.", "=" * 100, sep="\n", flush=True)
        return 0
    try:
        transcript = run()
    except (Wrong, Unfit) as problem:
        print(problem, file=sys.stderr)
        return 1
    if "--write" in sys.argv:
        transcripts.keep("containers", transcripts.console(transcript))
    print(f"{len(EVENTS)} functions and {len(ASKED)} requests, each in a container: all as they must be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
