"""ADDING.md is true: its steps are carried out on a copy of the tree, and each provider is removed by its rules."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from image_studio import providers
from image_studio.providers import PROVIDERS
from tests.recipes import PACKAGE, blocks, carry_out, copy_tree, python, steps

GUIDE = (Path(providers.__file__).parent / "ADDING.md").read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the layer and of the providers' tests."""
    return copy_tree(tmp_path, "tests/providers")


def test_the_sections_have_five_steps():
    """Each recipe is five numbered steps."""
    for section in ("Add a model", "Add a provider"):
        assert steps(GUIDE, section) == list("12345")


MAKE = """
from local.emulators import start
from image_studio.providers import find, PROVIDERS
from image_studio.providers.adapter import Task
from image_studio.providers.access import Access
from image_studio.providers.wire import Watch, Wire
import time

with start("wavespeed") as emulator:
    spec, model = find("wavespeed", "qwen-image-2512")
    task = Task(operation="create", width=320, height=256, prompt="a fox", seed=5)
    now = time.monotonic()
    made = Wire(sleep=lambda seconds: None).make(
        PROVIDERS["wavespeed"], model, task, Access("key", emulator.url),
        watch=Watch(now + 60, now + 60), on_handle=lambda handle: None,
    )
    assert made.data.startswith(b"\\x89PNG"), made.data[:20]
    assert emulator.calls[0].unknown_fields == []
    print("made", model.price())
"""


def test_a_model_is_one_row_and_one_test_row(tree):
    """The two blocks of "Add a model" are all it takes: the provider's tests pass and the model makes a picture."""
    row, test_row = blocks(GUIDE, "Add a model")
    carry_out(row, tree)
    suite = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "whole_requests or every_cell")
    suite = (*suite, "tests/providers/test_wavespeed.py")
    without = python(tree, *suite)
    assert "test_every_cell_has_its_row_of_expectations" in without.stdout, "a row without its test row is noticed"
    carry_out(test_row, tree)
    with_both = python(tree, *suite)
    assert with_both.returncode == 0, with_both.stdout[-2000:]
    made = python(tree, "-c", MAKE)
    assert made.stdout == "made 2\n", made.stderr[-2000:]


TOY = """
import sys, time
from image_studio.operations.choose_model import Wish, choose
from image_studio.operations.fit_task import fit_task
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.adapter import Task
from image_studio.providers.access import access_from
from image_studio.providers.wire import Watch, Wire

assert "toy" in PROVIDERS
(choice,) = choose(Wish(operation="create", quality="standard", provider="toy"), frozenset({"toy"}))
task, notes = fit_task(Task(operation="create", width=1200, height=600, prompt="a fox", seed=9, steps=3), choice.model)
assert notes == {"ignored": ["steps"]}, notes
access = access_from({"TOY_API_KEY": "toy-key", "TOY_BASE_URL": sys.argv[1]}, choice.provider)
handles, now = [], time.monotonic()
made = Wire(sleep=lambda seconds: None).make(
    PROVIDERS["toy"], choice.model, task, access,
    watch=Watch(now + 60, now + 60), on_handle=handles.append,
)
print(choice.model.name, choice.model.price(), made.data.decode(), handles[0])
"""


class ToyServer(BaseHTTPRequestHandler):
    """The toy's protocol: an order, one poll in progress, then a picture at an address of its own."""

    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012  shared by the requests on purpose

    def answer(self, body: str, mime: str = "application/json") -> None:
        """A reply."""
        self.send_response(200)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def note(self) -> None:
        """Remember the request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((f"{self.command} {self.path}", self.headers.get("Authorization", ""), body))

    def do_POST(self) -> None:
        """An order."""
        self.note()
        self.answer('{"order": "ab12"}')

    def do_GET(self) -> None:
        """A poll, or the picture."""
        self.note()
        if self.path == "/pictures/1":
            self.answer("PICTURE", "image/png")
        elif [line for line, *_ in self.seen].count(f"GET {self.path}") == 1:
            self.answer('{"order": "ab12"}')
        else:
            self.answer(f'{{"picture": "http://{self.headers["Host"]}/pictures/1"}}')

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def toy_url() -> Iterator[str]:
    """The toy provider, running on this machine."""
    server = HTTPServer(("127.0.0.1", 0), ToyServer)
    ToyServer.seen.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_a_provider_by_the_page(tree, toy_url):
    """The blocks of "Add a provider" make a provider that is chosen, asked, polled and downloaded from."""
    for block in blocks(GUIDE, "Add a provider"):
        carry_out(block, tree)
    made = python(tree, "-c", TOY, toy_url)
    assert made.stdout == "toy-painter 1 PICTURE ab12\n", made.stderr[-2000:]
    order, *rest = ToyServer.seen
    assert order == (
        "POST /make/painter/1",
        "Bearer toy-key",
        b'{"prompt": "a fox", "seed": 9, "width": 512, "height": 256}',
    )
    assert [path for path, *_ in rest] == ["GET /orders/ab12", "GET /orders/ab12", "GET /pictures/1"]
    assert rest[-1][1] == "", "the key goes to the API, not to where results lie"


def test_the_pages_provider_passes_the_gates(tree):
    """What the page shows is as clean as what it stands beside."""
    for block in blocks(GUIDE, "Add a provider"):
        carry_out(block, tree)
    for tool in (
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("mypy", "--no-incremental", "--cache-dir=/dev/null"),
    ):
        found = python(tree, "-m", *tool, f"{PACKAGE}/providers/toy.py")
        assert found.returncode == 0, found.stdout + found.stderr


WITHOUT = """
import sys
from image_studio.operations.choose_model import Wish, choose
from image_studio.operations import create, list_providers
from image_studio.providers import PROVIDERS, text
assert sys.argv[1] not in PROVIDERS and len(PROVIDERS) == int(sys.argv[2])
for hint in ("ideogram", "qwen", "stability", "auto"):
    found = choose(Wish(operation="create", quality="standard", hint=hint), frozenset(PROVIDERS))
    assert {choice.provider.name for choice in found} == set(PROVIDERS)
text.writers()
print("fine")
"""


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_provider_is_removed_by_its_files_and_its_row(name, tree):
    """Without its modules and its name in the matrix everything else still imports, chooses and creates."""
    folder = tree / PACKAGE / "providers"
    for path in folder.glob(f"{name}*.py"):
        path.unlink()
    matrix = folder / "__init__.py"
    matrix.write_text(re.sub(rf"^    {name},\n|\b{name}, |, {name}\b", "", matrix.read_text(), flags=re.M))
    left = python(tree, "-c", WITHOUT, name, str(len(PROVIDERS) - 1))
    assert left.stdout == "fine\n", left.stderr[-2000:]
