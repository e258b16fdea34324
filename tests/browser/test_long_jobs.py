"""A picture that takes a minute and a half, for clients that know nothing of waiting.

In `make test` the waits are a fiftieth; `make slow` takes the real ones, and a browser.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from PIL import Image

from local.stack import Options, Stack
from tests.browser import clients
from tests.browser.passage import Exchange, Passage

PAGE = (Path(__file__).parent / "page.html").read_text()
SIZE = (1200, 628)  # of the template that the examples name
LONGEST_EXCHANGE = 28.5  # seconds; the gateway gives up at 30
ENOUGH = 400.0  # seconds after which a client isn't waited for any more
MOST_REDIRECTS = 18


@dataclass(frozen=True)
class Scale:
    """How long a request may wait, and how long the provider takes (seconds)."""

    wait: float
    work: float


REAL = Scale(wait=25, work=90)
SMALL = Scale(wait=0.5, work=3)


@dataclass
class Scene:
    """A stack whose provider is slow, and a passage to it."""

    stack: Stack
    passage: Passage
    folder: Path

    def token(self, sub: str) -> str:
        """A caller's token."""
        return self.stack.token(sub, "pro")

    def paid_calls(self) -> int:
        """How many generations all providers took on."""
        return sum(emulator.paid_calls for emulator in self.stack.emulators.values())

    def corner(self, name: str) -> Path:
        """A folder of one's own."""
        made = self.folder / name
        made.mkdir()
        return made


@pytest.fixture
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """The stack and its slow provider, at the scale that the test asks for."""
    scale: Scale = request.param
    options = Options(
        state=tmp_path / "stack",
        variables={"WAIT_SECONDS": str(scale.wait)},
        parameters={"WorkerConcurrency": "10"},
    )
    with ExitStack() as closing:
        stack = closing.enter_context(Stack(options))
        for emulator in stack.emulators.values():
            emulator.script(f"[[delay={scale.work}]]", times=100)
        passage = closing.enter_context(Passage(stack.origin))
        yield Scene(stack, passage, tmp_path)


def check_picture(data: bytes) -> None:
    """It is a picture of the size that was asked for."""
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", SIZE)


def check_chain(exchanges: list[Exchange]) -> None:
    """Redirects, as many as a browser follows, each with the token; then the answer."""
    statuses = [each.status for each in exchanges]
    assert statuses[-1] == 200
    assert set(statuses[:-1]) == {303}
    assert 1 < len(statuses) <= MOST_REDIRECTS
    assert all(each.authorized for each in exchanges)
    assert exchanges[0].method == "POST"


def run_examples(scene: Scene) -> None:
    """The reference's examples get their picture, one after another so that each chain can be told apart."""
    for start in (clients.python, clients.node):
        del scene.passage.exchanges[:]
        corner = scene.corner(start.__name__)
        example = start(corner, scene.passage.url, scene.token(start.__name__))
        assert example.wait(ENOUGH) == 0, (corner / "output.txt").read_text()
        check_picture((corner / clients.PICTURE).read_bytes())
        check_chain(scene.passage.exchanges)


def run_killed_client(scene: Scene) -> None:
    """A client that is killed in the middle finds its job in the list, and the picture by its id."""
    corner = scene.corner("killed")
    before = scene.paid_calls()
    example = clients.python(corner, scene.passage.url, scene.token("killed"))
    headers = {"Authorization": f"Bearer {scene.token('killed')}"}
    while not (found := requests.get(f"{scene.stack.url}/jobs", headers=headers, timeout=60).json()["jobs"]):
        assert example.poll() is None
    clients.kill(example)
    assert not (corner / clients.PICTURE).exists()
    (job,) = found
    assert job["status"] in ("queued", "running")
    answer = requests.get(scene.stack.origin + job["result_url"], headers=headers, timeout=60)
    assert answer.headers["x-job-id"] == job["job_id"]
    assert answer.json()["results"][0]["width"] == SIZE[0]
    assert scene.paid_calls() == before + 1


@pytest.mark.parametrize("scene", [SMALL], indirect=True)
def test_the_references_examples_wait_unchanged(scene: Scene) -> None:
    """Python's requests and node's fetch follow the redirects to the picture."""
    run_examples(scene)


@pytest.mark.parametrize("scene", [SMALL], indirect=True)
def test_a_killed_client_finds_its_picture(scene: Scene) -> None:
    """It was paid for once, and isn't lost."""
    run_killed_client(scene)


@pytest.mark.slow
@pytest.mark.parametrize("scene", [REAL], indirect=True)
def test_ninety_seconds_for_real(scene: Scene) -> None:
    """The examples and the killed client, and no exchange that the gateway would have ended."""
    run_examples(scene)
    longest = max(each.seconds for each in scene.passage.exchanges)
    run_killed_client(scene)
    assert longest <= LONGEST_EXCHANGE


@pytest.mark.slow
@pytest.mark.parametrize("scene", [REAL], indirect=True)
def test_ninety_seconds_in_a_browser(scene: Scene) -> None:
    """Chromium's fetch and XHR, same-origin and cross-origin with its preflight: four pictures on a page."""
    with Passage(scene.stack.origin) as elsewhere:
        scene.passage.page = PAGE.replace("%ELSEWHERE%", elsewhere.url).replace("%TOKEN%", scene.token("browser"))
        browser = clients.chromium(scene.corner("browser"), scene.passage.url)
        try:
            report = scene.passage.reported(ENOUGH)
        finally:
            clients.kill(browser)
        shown = {"status": 200, "redirected": True, "size": list(SIZE)}
        ways = [f"{kind}, {where} origin" for kind in ("fetch", "XHR") for where in ("same", "cross")]
        assert report == dict.fromkeys(ways, shown)
        assert elsewhere.statuses("OPTIONS")
        assert scene.passage.statuses("OPTIONS") == []
        assert {each.origin for each in elsewhere.exchanges} == {scene.passage.url}
        everything = scene.passage.exchanges + elsewhere.exchanges
        assert all(each.authorized for each in everything if each.method != "OPTIONS")
        assert max(each.seconds for each in everything) <= LONGEST_EXCHANGE
        assert scene.paid_calls() == 4
