"""`python -m local` in a copy of the tree: what it prints, a second start, reload, and that it ends completely."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from PIL import Image

from local.child_processes import free_port
from local.serve import IMAGE
from local.template import ROOT
from tests.waiting import until

COPIED = ("functions", "layers", "local", "template.yaml")
TIMEOUT = 120.0  # seconds, for what takes a few


class _Server:
    def __init__(self, tree: Path, *arguments: str, in_shell: bool = False, **environment: str) -> None:
        self.tree = tree
        self.output = tree / "output.txt"
        command = self.command(*arguments)
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                ["sh", "-c", f"{shlex.join(command)}; exit $?"] if in_shell else command,
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
        until(lambda: words in self.printed or self.process.poll() is not None)
        assert words in self.printed, self.printed
        return self.printed

    def processes(self) -> list[int]:
        found = []
        for each in Path("/proc").iterdir():
            try:
                if each.name.isdigit() and (each / "cwd").readlink() == self.tree:
                    found.append(int(each.name))
            except OSError:
                continue  # it ended meanwhile
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; no process is left, and after a signal that it can catch no note of a running stack."""
        assert len(self.processes()) >= 3
        self.process.send_signal(how)
        self.process.wait(TIMEOUT)
        assert until(lambda: not self.processes())
        if how != signal.SIGKILL:
            assert self.process.returncode == 0
            assert not (self.tree / ".local/run.json").exists()


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
    return _copy_tree(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    running = _Server(_copy_tree(tmp_path_factory.mktemp("tree")), "--port", str(free_port()))
    running.wait_for("Ctrl-C ends everything")
    yield running
    running.stop(signal.SIGINT)


def _run(folder: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with nothing of our environment but PATH and HOME."""
    own = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        command, cwd=folder, env={**own, **environment}, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def _new_token(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return _run(tree, sys.executable, "-m", "local.token", *arguments)


def _claims(token: str) -> dict[str, str]:
    claims: dict[str, str] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _token(server: _Server) -> str:
    return next(line for line in server.printed.splitlines() if line.startswith("eyJ"))


def _url(server: _Server) -> str:
    return str(re.findall(r"listens at (\S+)", server.printed)[0])


def _session(server: _Server) -> dict[str, str]:
    address = f"{_url(server).partition('/api/')[0]}/local/session"
    session: dict[str, str] = requests.get(address, timeout=TIMEOUT).json()
    return session


def test_make_run_prints_the_readmes_request() -> None:
    (body,) = re.findall(r"-d ('.+')", (ROOT / "README.md").read_text().partition("## Your first request")[2])[:1]
    assert body in IMAGE.format(url="", token="")


def test_the_printed_command_makes_an_image(server: _Server, tmp_path: Path) -> None:
    """In a shell it writes image.png, of exactly the template's size."""
    line = next(line for line in server.printed.splitlines() if line.startswith("curl "))
    done = _run(tmp_path, "bash", "-c", line)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "image.png") as image:
        assert (image.format, image.size) == ("PNG", (1200, 628))


def test_the_playground_and_the_api_page_lead_to_each_other(server: _Server) -> None:
    """Both addresses are printed, and each page has a link to the other."""
    docs = re.search(r"The API's page.*: (\S+)", server.printed)
    assert docs
    assert docs[1] == f"{_url(server)}/docs"
    page = requests.get(docs[1], timeout=TIMEOUT)
    assert 'href="/"' in page.text
    assert "<summary>curl</summary>" in page.text
    assert f'href="{urlsplit(docs[1]).path}"' in (ROOT / "web/index.html").read_text()


def test_a_second_start_names_the_running_one(server: _Server) -> None:
    """It prints the address and exits with 1."""
    second = _run(server.tree, *_Server.command())
    assert second.returncode == 1
    assert f"already running at {_url(server)} (process {server.process.pid})" in second.stderr


def test_tokens_have_the_chosen_caller_and_tier(server: _Server) -> None:
    """Ready tokens (`make run`, `make token`, the playground) are of the enterprise tier; the gateway accepts any."""
    printed = _new_token(server.tree).stdout.strip()
    for token in (_token(server), printed, _session(server)["token"]):
        claims = _claims(token)
        assert (claims["sub"], claims["tier"]) == ("developer", "enterprise")
    assert "tier 'enterprise'" in server.printed
    token = _new_token(server.tree, "--sub", "somebody", "--tier", "free").stdout.strip()
    claims = _claims(token)
    assert (claims["sub"], claims["tier"]) == ("somebody", "free")
    answer = requests.get(f"{_url(server)}/templates", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)
    assert answer.status_code == 200


def test_the_printed_variables_give_access_to_the_bucket(server: _Server) -> None:
    """With them boto3 can put a file into the hot folder and get the result."""
    printed = next(line for line in server.printed.splitlines() if line.startswith("export AWS_"))
    variables = dict(word.split("=", 1) for word in printed.split()[1:])
    [bucket] = re.findall(r"bucket (\S+);", server.printed)
    drop = """
import boto3, sys, time
s3, bucket = boto3.client("s3"), sys.argv[1]
s3.put_object(Bucket=bucket, Key="inbox/nowhere/note.txt", Body=b"a note")
s3.get_waiter("object_exists").wait(Bucket=bucket, Key="outbox/nowhere/note.txt/error.json")
"""
    dropped = _run(server.tree, sys.executable, "-c", drop, bucket, **variables)
    assert dropped.returncode == 0, dropped.stderr


def test_code_reloads_when_it_changes(server: _Server) -> None:
    """Jobs and tokens stay valid, and no connection is refused meanwhile."""
    headers = {"Authorization": f"Bearer {_token(server)}"}
    body = {"prompt": "A red boat", "width": 512, "height": 512}
    made = requests.post(f"{_url(server)}/create", json=body, headers=headers, timeout=TIMEOUT)
    assert made.status_code == 200
    settings = server.tree / "layers/common/python/image_studio/runtime/settings.py"
    settings.write_text(settings.read_text().replace('VERSION = "1.0.0"', 'VERSION = "9.9.9"'))
    assert until(lambda: requests.get(f"{_url(server)}/health", timeout=TIMEOUT).json()["version"] == "9.9.9")
    server.wait_for("settings.py changed: reloaded")
    jobs = requests.get(f"{_url(server)}/jobs", headers=headers, timeout=TIMEOUT).json()["jobs"]
    assert made.headers["x-job-id"] in str(jobs)


def test_nothing_is_left_behind_when_it_is_killed(tree: Path) -> None:
    """After SIGKILL there is no process."""
    running = _Server(tree, "--port", str(free_port()))
    running.wait_for("Ctrl-C ends everything")
    running.stop(signal.SIGKILL)


def test_it_ends_with_its_parent(tree: Path) -> None:
    """With --with-parent it ends when its shell (or make) is killed."""
    running = _Server(tree, "--with-parent", "--port", str(free_port()), in_shell=True)
    running.wait_for("Ctrl-C ends everything")
    running.stop(signal.SIGKILL)


def test_what_cannot_be_done_is_a_sentence(tree: Path) -> None:
    """A port that is no number, too large or taken (with a command for another), and no stack to make a token for."""
    word = _run(tree, *_Server.command(), PORT="http")
    assert (word.returncode, "invalid int value: 'http'" in word.stderr, "Traceback" in word.stderr) == (2, True, False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for given, why in ((port, "Address already in use"), ("99999", "it is not between 0 and 65535")):
            done = _run(tree, *_Server.command(), PORT=given)
            sentence = f"Port {given} can't be used ({why}). Choose another: make run PORT=8001\n"
            assert (done.returncode, done.stderr) == (1, sentence)
    no_stack = _new_token(tree)
    assert (no_stack.returncode, "make run" in no_stack.stderr) == (1, True)


def test_arguments_and_environment_are_taken(tree: Path) -> None:
    """A key selects the real provider, a base URL that URL, the other providers are emulated; TIER is passed on."""
    for target in ("run", "token"):
        assert '--tier "free"' in _run(ROOT, "make", "-n", target, "TIER=free").stdout
    variables = {"STABILITY_API_KEY": "sk-real", "WAVESPEED_BASE_URL": "http://127.0.0.1:9"}
    running = _Server(tree, "--tier", "free", "--port", str(free_port()), **variables)
    text = running.wait_for("Ctrl-C ends everything")
    assert (_claims(_token(running))["tier"], _session(running)["tier"]) == ("free", "free")
    running.stop()
    assert "tier 'free'" in text
    assert "stability: the real provider" in text
    assert "wavespeed: http://127.0.0.1:9, as the environment says" in text
    assert "sk-real" not in text


def test_signals_at_once_never_hang() -> None:
    """A second signal may come while the first one is being handled, or in the middle of a wait."""
    script = (
        "import os, signal, threading\n"
        "from local.serve import over_on_signals\n"
        "over = over_on_signals()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "with over._cond:\n"  # as in the middle of a wait
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "over.wait()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
