"""Clients that know nothing about jobs get an image that takes 90 seconds.

`make test` scales the waits to a fiftieth and less. `make slow` uses the real ones, and a browser.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from PIL import Image

from local.stack import Options, Stack
from tests.browser import clients
from tests.browser.recording_proxy import Exchange, RecordingProxy

PAGE = (Path(__file__).parent / "page.html").read_text()
SIZE = (1200, 628)  # of the template in the examples
MAX_EXCHANGE_SECONDS = 28.5  # the gateway times out at 30
CLIENT_TIMEOUT = 400.0  # seconds
MAX_HOPS = 18


@dataclass(frozen=True)
class Waits:
    """How long a request waits for its job, and how long the provider takes (seconds)."""

    request: float
    provider: float


REAL = Waits(request=25, provider=90)
SCALED = Waits(request=0.5, provider=2)
scaled_and_real = pytest.mark.parametrize(
    "harness", [SCALED, pytest.param(REAL, marks=pytest.mark.slow)], ids=["scaled", "real"], indirect=True
)


@dataclass
class Harness:
    """A stack with slow providers, and a recording proxy in front of it."""

    stack: Stack
    proxy: RecordingProxy
    folder: Path

    def token(self, sub: str) -> str:
        return self.stack.token(sub, "pro")

    def paid_calls(self) -> int:
        return sum(emulator.paid_calls for emulator in self.stack.emulators.values())

    def subfolder(self, name: str) -> Path:
        (path := self.folder / name).mkdir()
        return path


@pytest.fixture(scope="module")
def harness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    waits: Waits = request.param
    folder = tmp_path_factory.mktemp("long")
    variables, parameters = {"WAIT_SECONDS": str(waits.request)}, {"WorkerConcurrency": "10"}
    options = Options(state=folder / "stack", variables=variables, parameters=parameters)
    with ExitStack() as closing:
        stack = closing.enter_context(Stack(options))
        for emulator in stack.emulators.values():
            emulator.script(f"[[delay={waits.provider}]]", times=100)
        proxy = closing.enter_context(RecordingProxy(stack.origin))
        yield Harness(stack, proxy, folder)


def check_chain(exchanges: list[Exchange]) -> None:
    """Redirects, no more than a browser follows, each with the token and within the gateway's limit, end in a 200."""
    statuses = [each.status for each in exchanges]
    assert statuses[-1] == 200
    assert set(statuses[:-1]) == {303}
    assert 1 < len(statuses) <= MAX_HOPS
    assert all(each.authorized for each in exchanges)
    assert exchanges[0].method == "POST"
    assert max(each.seconds for each in exchanges) <= MAX_EXCHANGE_SECONDS


@scaled_and_real
def test_the_reference_examples_work_unchanged(harness: Harness) -> None:
    """Python's requests and Node's fetch follow the redirects, and no exchange reaches the gateway's limit."""
    with ExitStack() as closing:
        running = []
        for start in (clients.python, clients.node):
            proxy = closing.enter_context(RecordingProxy(harness.stack.origin))
            folder = harness.subfolder(start.__name__)
            running.append((start(folder, proxy.url, harness.token(start.__name__)), folder, proxy))
        for example, folder, proxy in running:
            assert example.wait(CLIENT_TIMEOUT) == 0, (folder / "output.txt").read_text()
            with Image.open(folder / clients.IMAGE_FILE) as image:
                assert (image.format, image.size) == ("PNG", SIZE)
            check_chain(proxy.exchanges)


@scaled_and_real
def test_a_killed_clients_result_can_be_fetched(harness: Harness) -> None:
    """A client that is killed during its job finds the job in the list and its result by id, paid once."""
    folder = harness.subfolder("killed")
    before = harness.paid_calls()
    example = clients.python(folder, harness.proxy.url, harness.token("killed"))
    headers = {"Authorization": f"Bearer {harness.token('killed')}"}
    while not (found := requests.get(f"{harness.stack.url}/jobs", headers=headers, timeout=60).json()["jobs"]):
        assert example.poll() is None
    clients.kill(example)
    assert not (folder / clients.IMAGE_FILE).exists()
    (job,) = found
    assert job["status"] in ("queued", "running")
    response = requests.get(harness.stack.origin + job["result_url"], headers=headers, timeout=60)
    assert response.headers["x-job-id"] == job["job_id"]
    assert response.json()["results"][0]["width"] == SIZE[0]
    assert harness.paid_calls() == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("harness", [REAL], indirect=True)
def test_a_browser_follows_the_redirects(harness: Harness) -> None:
    """Chromium's fetch and XHR, same-origin and cross-origin with its preflight: four images on a page."""
    before = harness.paid_calls()
    with RecordingProxy(harness.stack.origin) as other:
        harness.proxy.page = PAGE.replace("%OTHER_ORIGIN%", other.url).replace("%TOKEN%", harness.token("browser"))
        browser = clients.chromium(harness.subfolder("browser"), harness.proxy.url)
        try:
            report = harness.proxy.reports.get(timeout=CLIENT_TIMEOUT)
        finally:
            clients.kill(browser)
        shown = {"status": 200, "redirected": True, "size": list(SIZE)}
        ways = [f"{kind}, {where} origin" for kind in ("fetch", "XHR") for where in ("same", "cross")]
        assert report == dict.fromkeys(ways, shown)
        assert other.statuses("OPTIONS")
        assert harness.proxy.statuses("OPTIONS") == []
        assert {each.origin for each in other.exchanges} == {harness.proxy.url}
        everything = harness.proxy.exchanges + other.exchanges
        assert all(each.authorized for each in everything if each.method != "OPTIONS")
        assert max(each.seconds for each in everything) <= MAX_EXCHANGE_SECONDS
        assert harness.paid_calls() == before + 4
