"""`python -m local` in a copy of the tree: what it prints, a second start, reload, and that it ends completely."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from PIL import Image

from local.child_processes import free_port
from local.serve import banner
from local.stack import Options, Stack
from local.template import ROOT

COPIED = ("functions", "layers", "local", "template.yaml", "Makefile", "scripts", "requirements")
PATIENCE = 120.0  # seconds, for what takes a few


class _Server:
    """A running `python -m local` and what it has printed."""

    def __init__(self, tree: Path, *arguments: str, wrapper: tuple[str, ...] = (), **environment: str) -> None:
        self.tree = tree
        self.output = tree / "output.txt"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [*wrapper, *self.command(*arguments)],
                cwd=tree,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
            )

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "local", *arguments]

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def wait_for(self, words: str) -> str:
        ends = time.monotonic() + PATIENCE
        while words not in self.printed:
            assert time.monotonic() < ends, self.printed
            assert self.process.poll() is None, self.printed
            time.sleep(0.05)
        return self.printed

    def processes(self) -> list[int]:
        """Everything that runs out of the tree."""
        found = []
        for each in Path("/proc").iterdir():
            try:
                if each.name.isdigit() and (each / "cwd").readlink() == self.tree:
                    found.append(int(each.name))
            except OSError:
                continue  # it ended meanwhile
        return found

    def is_gone(self) -> bool:
        ends = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < ends:
            time.sleep(0.05)
        return not self.processes()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


def _copy_tree(target: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what runs."""
    return _copy_tree(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    """One running out of a copy."""
    running = _Server(_copy_tree(tmp_path_factory.mktemp("tree")), "--port", str(free_port()))
    running.wait_for("Ctrl-C ends everything")
    yield running
    running.stop()


def _run(folder: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with nothing of our environment but PATH and HOME."""
    own = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        command, cwd=folder, env={**own, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def _new_token(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return _run(tree, sys.executable, "-m", "local.token", *arguments)


def _claims(token: str) -> dict[str, str]:
    claims: dict[str, str] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _token(server: _Server) -> str:
    return next(line for line in server.printed.splitlines() if line.startswith("eyJ"))


def _url(server: _Server) -> str:
    found = re.search(r"listens at (\S+)", server.printed)
    assert found
    return found.group(1)


def test_the_printed_command_makes_an_image(server: _Server, tmp_path: Path) -> None:
    """In a shell it writes image.png, of exactly the template's size."""
    line = next(line for line in server.printed.splitlines() if line.startswith("curl "))
    done = _run(tmp_path, "bash", "-c", line)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "image.png") as image:
        assert image.format == "PNG"
        assert image.size == (1200, 628)


def test_health_answers_without_a_token(server: _Server) -> None:
    """Other routes respond with 401."""
    assert requests.get(f"{_url(server)}/health", timeout=PATIENCE).json()["status"] == "healthy"
    assert requests.get(f"{_url(server)}/templates", timeout=PATIENCE).status_code == 401


def test_a_second_start_names_the_running_one(server: _Server) -> None:
    """It prints the address and exits with 1."""
    second = _run(server.tree, *_Server.command())
    assert second.returncode == 1
    assert f"already running at {_url(server)} (process {server.process.pid})" in second.stderr


def test_ready_tokens_are_of_the_enterprise_tier(server: _Server) -> None:
    """So are the tokens of `make run`, of `make token` and of the playground."""
    printed = _new_token(server.tree).stdout.strip()
    session = requests.get(f"{_url(server).partition('/api/')[0]}/local/session", timeout=PATIENCE).json()["token"]
    for token in (_token(server), printed, session):
        claims = _claims(token)
        assert (claims["sub"], claims["tier"]) == ("developer", "enterprise")
    assert "tier 'enterprise'" in server.printed


def test_the_ready_tokens_tier_can_be_chosen(tmp_path: Path) -> None:
    """`make run TIER=free` and `make token TIER=free` pass the tier on."""
    for target in ("run", "token"):
        assert '--tier "free"' in _run(ROOT, "make", "-n", target, "TIER=free").stdout
    with Stack(Options(state=tmp_path, tier="free", providers=False)) as stack:
        session = requests.get(f"{stack.origin}/local/session", timeout=PATIENCE).json()
        assert (session["tier"], "tier 'free'" in banner(stack, {})) == ("free", True)
        assert _claims(stack.token())["tier"] == "free"


def test_the_printed_variables_give_access_to_the_bucket(server: _Server) -> None:
    """With them boto3 can put a file into the hot folder and get the result."""
    printed = next(line for line in server.printed.splitlines() if line.startswith("export AWS_"))
    variables = dict(word.split("=", 1) for word in printed.split()[1:])
    bucket = re.search(r"bucket (\S+);", server.printed)
    assert bucket
    drop = """
import boto3, sys, time
s3, bucket = boto3.client("s3"), sys.argv[1]
s3.put_object(Bucket=bucket, Key="inbox/nowhere/note.txt", Body=b"a note")
s3.get_waiter("object_exists").wait(Bucket=bucket, Key="outbox/nowhere/note.txt/error.json")
"""
    dropped = _run(server.tree, sys.executable, "-c", drop, bucket[1], **variables)
    assert dropped.returncode == 0, dropped.stderr


def test_a_port_that_is_no_number_is_an_error(tree: Path) -> None:
    """The message is a sentence without a traceback."""
    done = _run(tree, *_Server.command(), PORT="http")
    assert (done.returncode, "invalid int value: 'http'" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_new_token_has_the_given_caller_and_tier(server: _Server) -> None:
    """The running gateway accepts it."""
    token = _new_token(server.tree, "--sub", "somebody", "--tier", "free").stdout.strip()
    claims = _claims(token)
    assert (claims["sub"], claims["tier"]) == ("somebody", "free")
    answer = requests.get(f"{_url(server)}/templates", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)
    assert answer.status_code == 200


def test_code_reloads_when_it_changes(server: _Server) -> None:
    """Jobs and tokens stay valid, and no connection is refused meanwhile."""
    headers = {"Authorization": f"Bearer {_token(server)}"}
    body = {"prompt": "A red boat", "width": 512, "height": 512}
    made = requests.post(f"{_url(server)}/create", json=body, headers=headers, timeout=PATIENCE)
    assert made.status_code == 200
    settings = server.tree / "layers/common/python/image_studio/runtime/settings.py"
    settings.write_text(settings.read_text().replace('VERSION = "1.0.0"', 'VERSION = "9.9.9"'))
    versions = []
    ends = time.monotonic() + PATIENCE
    while "9.9.9" not in versions and time.monotonic() < ends:
        versions.append(requests.get(f"{_url(server)}/health", timeout=PATIENCE).json()["version"])
    assert versions[-1] == "9.9.9"
    server.wait_for("settings.py changed: reloaded")
    jobs = requests.get(f"{_url(server)}/jobs", headers=headers, timeout=PATIENCE).json()["jobs"]
    assert made.headers["x-job-id"] in str(jobs)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(tree: Path, how: signal.Signals) -> None:
    """After any signal there is no process and no note of a running stack."""
    running = _Server(tree, "--port", str(free_port()))
    running.wait_for("Ctrl-C ends everything")
    requests.get(f"{_url(running)}/health", timeout=PATIENCE)
    assert len(running.processes()) >= 4
    running.process.send_signal(how)
    running.process.wait(PATIENCE)
    assert running.is_gone()
    if how != signal.SIGKILL:
        assert running.process.returncode == 0
        assert not (tree / ".local/run.json").exists()


def test_it_ends_with_its_parent(tree: Path) -> None:
    """With --with-parent it ends when its shell (or make) is killed."""
    arguments = ("--with-parent", "--port", str(free_port()))
    command = shlex.join(_Server.command(*arguments))
    running = _Server.__new__(_Server)
    running.tree, running.output = tree, tree / "output.txt"
    with running.output.open("wb") as file:
        running.process = subprocess.Popen(
            ["sh", "-c", f"{command}; exit $?"], cwd=tree, stdout=file, stderr=subprocess.STDOUT
        )
    running.wait_for("Ctrl-C ends everything")
    running.process.kill()
    running.process.wait(PATIENCE)
    assert running.is_gone()


def test_a_taken_port_is_named(tree: Path) -> None:
    """The message has a command with another port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _run(tree, *_Server.command(), PORT=port)
    assert done.returncode == 1
    assert f"Port {port} can't be used" in done.stderr
    assert "make run PORT=8001" in done.stderr


def test_without_a_running_stack_there_is_no_token(tree: Path) -> None:
    """The message says how to start one."""
    done = _new_token(tree)
    assert done.returncode == 1
    assert "make run" in done.stderr


def test_keys_and_urls_of_the_environment_replace_emulators(tree: Path) -> None:
    """A key selects the real provider, a base URL that URL; the other providers are emulated."""
    running = _Server(
        tree,
        "--port",
        str(free_port()),
        STABILITY_API_KEY="sk-real",
        WAVESPEED_BASE_URL="http://127.0.0.1:9",
    )
    text = running.wait_for("Ctrl-C ends everything")
    running.stop()
    assert "stability: the real provider" in text
    assert "wavespeed: http://127.0.0.1:9, as the environment says" in text
    assert "sk-real" not in text
