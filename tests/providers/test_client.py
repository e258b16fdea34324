"""The provider client: what is sent once, what is retried, and that every wait has an end."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from image_studio.errors import (
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.providers import PROVIDERS, transport
from image_studio.providers.adapter import (
    HttpRequest,
    NotThere,
    Pending,
    ProviderCredentials,
    ProviderImage,
    ResultUrl,
    Task,
)
from image_studio.providers.client import PaidCall, ProviderClient, StillRunning
from image_studio.providers.download import REUSE_SECONDS
from image_studio.providers.transport import HttpTransport
from tests.providers.certificates import certificate_for
from tests.providers.peer import PNG, Peer, read_request

TASK = Task(operation="create", width=256, height=256, prompt="a red bicycle")
SPEC = PROVIDERS["stability"].SPEC
IMAGE, LOST = ProviderImage(b"x"), UnknownCharge("lost")
Script = Callable[[socket.socket, bytes], None]


@pytest.fixture
def peer() -> Iterator[Callable[[Script], Peer]]:
    started: list[Peer] = []

    def start(script: Script) -> Peer:
        started.append(Peer(script))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def server(peer: Callable[[Script], Peer]) -> Peer:
    return peer(ok)


def toy(*outcomes: object, **spec: object) -> SimpleNamespace:
    """An adapter that reads each response as the next outcome; an exception is raised."""
    left = list(outcomes)

    def read(*_args: object) -> object:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return SimpleNamespace(
        SPEC=replace(SPEC, **{"name": "toy", "title": "Toy", **spec}),
        build_request=lambda model, task: HttpRequest(method="POST", path="/make", json={"prompt": task.prompt}),
        build_poll=lambda model, handle: HttpRequest(method="GET", path=f"/poll/{handle}"),
        read_response=read,
        read_error=lambda reply: UnknownCharge(f"status {reply.status}"),
    )


def ok(client: socket.socket, _request: bytes) -> None:
    client.sendall(PNG)


def make(client: ProviderClient, adapter: object, url: str, jumps, **options: object) -> ProviderImage:
    """One image; `deadline`, `within`, `handle`, `age`, `wait` and `handles` as options."""
    now = jumps.clock()
    call = PaidCall(
        adapter=adapter,  # type: ignore[arg-type]
        model=SPEC.models[0],
        credentials=ProviderCredentials(options.get("key", "key"), url),
        deadline=now + options.get("deadline", 120.0),
        ordered=now - options.get("age", 0.0),
        wait_until=now + options.get("within", 200.0),
        on_handle=options.get("handles", []).append,
        renew_credentials=options.get("renew", lambda: None),
    )
    if "handle" in options:
        return client.resume(call, options["handle"], options.get("wait", 0.0))
    return client.submit(call, TASK, options.get("on_submit", lambda: None))


def paths(server: Peer) -> list[str]:
    return [" ".join(request.decode().split(" ")[:2]) for request in server.requests]


@pytest.fixture
def client(jumps) -> ProviderClient:
    return ProviderClient(HttpTransport(), clock=jumps.clock, sleep=jumps.sleep)


def test_paying_is_announced_once_directly_before(client, jumps, server):
    """When the body is built and the slot is there; a free repetition is the same paid call."""
    seen: list[int] = []
    busy = toy(ProviderBusy("busy", retry_after=1.0), IMAGE)
    make(client, busy, server.url, jumps, on_submit=lambda: seen.append(len(server.requests)))
    assert (seen, len(server.requests)) == ([0], 2)


def test_a_handle_is_recorded_before_it_is_polled_and_once(client, jumps, server):
    """Each new handle is recorded at once, the same one isn't again. Resumed, it is polled without a submit or wait."""
    handles: list[str] = []
    adapter = toy(Pending("a", 1.0), Pending("a", 1.0), Pending("b", 0.0), ProviderImage(b"x", 7))
    assert make(client, adapter, server.url, jumps, handles=handles) == ProviderImage(b"x", 7)
    assert handles == ["a", "b"]
    assert paths(server) == ["POST /make", "GET /poll/a", "GET /poll/a", "GET /poll/b"]
    assert jumps.waits == [1.0, 1.0]
    assert make(client, toy(IMAGE), server.url, jumps, handle="b", handles=handles) == IMAGE
    assert (paths(server)[4:], jumps.waits, handles) == (["GET /poll/b"], [1.0, 1.0], ["a", "b"])


def test_a_located_result_is_recorded_as_a_handle_and_resumed(client, jumps, server):
    """A result's URL is recorded, too: a later run downloads it without a submit or a poll."""
    handles: list[str] = []
    found = ResultUrl(f"{server.url}/1.png", 5)
    assert make(client, toy(found), server.url, jumps, handles=handles) == ProviderImage(b"PNG", 5)
    assert handles == [f"url:{server.url}/1.png"]
    assert make(client, toy(), server.url, jumps, handle=handles[0]).data == b"PNG"
    assert paths(server) == ["POST /make", "GET /1.png", "GET /1.png"]


def test_a_wait_beyond_the_hold_is_handed_back(client, jumps, server):
    """The caller learns when to come back; a wait that ends in time is waited here."""
    with pytest.raises(StillRunning) as running:
        make(client, toy(Pending("a", 10.0)), server.url, jumps, within=9.0)
    assert (running.value.wait, jumps.waits) == (10.0, [])
    assert make(client, toy(Pending("a", 10.0), IMAGE), server.url, jumps, within=10.5) == IMAGE


FAULTS = [LOST, ProviderKeyRefused("no"), ProviderUnavailable("no credit"), ProviderOutage("no"), ProviderBusy("no")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_handle_is_followed_until_its_result_has_expired(fault, client, jumps, server):
    """No number of faults and no model's deadline ends what was paid for: the pauses grow, and the image still comes.

    At the end of the result's life it is an unknown charge, and a resumed call polls once however late it is.
    """
    spec = {"result_seconds": 86_400.0, "poll_seconds": 1.0, "busy_seconds": 5.0}
    forever = {"within": 1e6, "deadline": 1.0}
    adapter = toy(Pending("a", 1.0), *[fault] * 60, IMAGE, **spec)
    assert make(client, adapter, server.url, jumps, **forever) == IMAGE
    assert jumps.waits == sorted(jumps.waits), "each pause is at least as long as the one before"
    assert 120.0 < jumps.waits[-1] <= 300.0
    with pytest.raises(UnknownCharge):
        make(client, toy(Pending("a", 1.0), *[fault] * 999, **spec), server.url, jumps, **forever)
    assert 86_100.0 < sum(jumps.waits[61:]) <= 86_400.0
    assert make(client, toy(IMAGE, **spec), server.url, jumps, handle="a", age=90_000.0) == IMAGE


def test_a_slow_task_is_followed_with_growing_pauses(client, jumps, server):
    """Polls come as often as the provider allows, less often as the call gets older, until it says that it is over."""
    adapter = toy(*[Pending("a", 1.0)] * 200, IMAGE, result_seconds=86_400.0)
    assert make(client, adapter, server.url, jumps, within=1e6, deadline=1.0) == IMAGE
    assert (jumps.waits[:15], jumps.waits[-1]) == ([1.0] * 15, 300.0)
    with pytest.raises(ResultUnusable):
        make(client, toy(Pending("a", 1.0), ResultUnusable("failed")), server.url, jumps)
    with pytest.raises(UnknownCharge, match="did not finish in time"):
        make(client, toy(*[Pending("a", 9.0)] * 99, result_seconds=60.0), server.url, jumps)


def test_a_poll_waits_as_long_as_the_provider_says(client, jumps, server):
    """Retry-After of a poll's 429 is honored, up to what is worth waiting for, and never below the provider's pause."""
    busy = [ProviderBusy("busy", retry_after=seconds) for seconds in (33.0, 999.0, 0.2)]
    make(client, toy(Pending("a", 1.0), *busy, IMAGE, poll_seconds=10.0), server.url, jumps, within=2000.0)
    assert jumps.waits == [1.0, 33.0, 65.0, 10.0]


def test_no_poll_comes_sooner_than_the_provider_allows(client, jumps, server):
    """Not after a fault, not with a new key, and not after a resume, which waits what was left of the pause."""
    rows = [Pending("a", 10.0), LOST, ProviderOutage("no"), ProviderKeyRefused("no"), ProviderBusy("no"), IMAGE]
    make(client, toy(*rows, poll_seconds=10.0, busy_seconds=2.0), server.url, jumps, within=2000.0)
    assert min(jumps.waits) == 10.0
    make(client, toy(IMAGE), server.url, jumps, handle="a", wait=7.5)
    assert jumps.waits[-1] == 7.5
    with pytest.raises(StillRunning) as running:
        make(client, toy(IMAGE), server.url, jumps, handle="a", wait=7.5, within=7.0)
    assert running.value.wait == 7.5


@pytest.mark.parametrize(
    ("error", "says"), [(NotCharged("no"), "^no The image was ordered"), (NotThere("no such model"), "has no result")]
)
def test_what_ends_a_poll_counts_as_charged(error, says, client, jumps, server):
    """Whatever it means by itself, the order before it may have been charged."""
    with pytest.raises(UnknownCharge, match=says) as ended:
        make(client, toy(Pending("a", 0.1), error), server.url, jumps)
    assert "model" not in ended.value.detail


def test_a_key_that_was_replaced_after_the_order_is_renewed(client, jumps, server):
    """The next poll goes out with the new key."""
    fresh = ProviderCredentials("sk-second", server.url)
    rows = [Pending("a", 0.1), ProviderKeyRefused("no"), IMAGE]
    assert make(client, toy(*rows), server.url, jumps, renew=lambda: fresh) == IMAGE
    assert [b"sk-second" in request for request in server.requests] == [False, False, True]


def test_a_key_that_was_replaced_is_renewed_once_for_a_submit(client, jumps, server):
    """It is one paid call. A renewed key that is refused too is final, and an unchanged one isn't sent again."""
    submits: list[int] = []
    options = {"renew": lambda: ProviderCredentials("sk-second", server.url), "on_submit": lambda: submits.append(1)}
    assert make(client, toy(ProviderKeyRefused("no"), IMAGE), server.url, jumps, **options) == IMAGE
    assert [b"sk-second" in request for request in server.requests] == [False, True]
    assert submits == [1]
    keys = iter(range(9))
    for renewed, sent in ((lambda: f"sk-{next(keys)}", 4), (lambda: "key", 5)):
        renew = lambda renewed=renewed: ProviderCredentials(renewed(), server.url)  # noqa: E731  short
        with pytest.raises(ProviderKeyRefused):
            make(client, toy(*[ProviderKeyRefused("no")] * 9), server.url, jumps, renew=renew)
        assert len(server.requests) == sent


@pytest.mark.parametrize(
    ("seconds", "options", "waits"),
    [
        (65.0, {"deadline": 1000.0, "within": 2000.0}, [65.0]),
        (65.1, {"deadline": 1000.0, "within": 2000.0}, []),  # longer than a bit over a minute is given up at once
        (50.0, {"deadline": 60.0}, []),  # a paid call with too little time left would be lost
        (30.0, {"within": 29.0}, []),  # the wait can't be handed over to another process
    ],
)
def test_the_longest_wait_for_a_free_repetition(seconds, options, waits, client, jumps, server):  # noqa: PLR0917
    """A wait that doesn't fit is not made, and the refusal is final."""
    adapter = toy(ProviderBusy("busy", retry_after=seconds), IMAGE)
    if waits:
        assert make(client, adapter, server.url, jumps, **options) == IMAGE
    else:
        with pytest.raises(ProviderBusy):
            make(client, adapter, server.url, jumps, **options)
    assert (jumps.waits, len(server.requests)) == (waits, 1 + len(waits))


def test_submits_are_bounded(client, jumps, server):
    """Four submits, all of them surely free, are the most."""
    with pytest.raises(ProviderOutage):
        make(client, toy(*[ProviderOutage("down")] * 9), server.url, jumps)
    assert len(server.requests) == 4
    assert jumps.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("key", ["sk-ü", "sk\nInjected: 1", "sk\x00"])
def test_a_key_that_is_none_never_leaves(key, client, jumps, server):
    """A key with characters that no header takes is refused here, and not repeated in the error."""
    with pytest.raises(ProviderKeyRefused) as refused:
        make(client, toy(), server.url, jumps, key=key)
    assert key not in str(refused.value)
    assert server.requests == []


def test_a_key_in_a_providers_words_is_masked(client, jumps, peer):
    """A provider that repeats our key in its error doesn't get it into ours."""
    adapter = toy()
    adapter.read_error = lambda reply: NotCharged("Incorrect API key provided: sk-canary-12.")
    server = peer(lambda client, _: client.sendall(b"HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(NotCharged) as failed:
        make(client, adapter, server.url, jumps, key="sk-canary-12")
    assert failed.value.detail == str(failed.value) == "Incorrect API key provided: ***."


def test_a_body_that_the_provider_would_refuse_is_not_sent(client, jumps, server):
    """A request at the provider's size limit is sent, a larger one is refused here, surely free."""
    body = len(b'{"prompt": "a red bicycle"}')
    assert make(client, toy(IMAGE, request_bytes=body), server.url, jumps) == IMAGE
    with pytest.raises(NotCharged, match=r"^Toy takes at most 0 MB per request\.$"):
        make(client, toy(request_bytes=body - 1, name="toy2"), server.url, jumps)
    adapter = toy(request_bytes=2 * 1024 * 1024, name="toy3")
    adapter.build_request = lambda model, task: HttpRequest(method="POST", path="/", json={"p": "x" * 3_000_000})
    with pytest.raises(NotCharged, match=r"^Toy takes at most 2 MB per request\.$"):
        make(client, adapter, server.url, jumps)
    assert len(server.requests) == 1


def test_what_goes_out(client, jumps, peer, monkeypatch):
    """Key in its header, nothing compressed, no cookie that an earlier answer set, over a connection kept alive.

    An idle connection older than its time is replaced, so that a dead one can't swallow a paid call.
    """
    cookie = PNG.replace(b"Content-Type", b"Set-Cookie: a=1; Path=/\r\nContent-Type")
    server = peer(lambda client, _: client.sendall(cookie))
    for seconds, connections in ((0, 1), (REUSE_SECONDS - 1, 1), (REUSE_SECONDS, 2)):
        moved = time.time() + seconds
        monkeypatch.setattr(transport.time, "time", lambda moved=moved: moved)
        make(client, toy(IMAGE), server.url, jumps)
        assert server.connections == connections
    for request in server.requests:
        head = request.split(b"\r\n\r\n")[0].lower()
        assert b"authorization: bearer key" in head
        assert b"accept-encoding: identity" in head
        assert b"cookie" not in head


def test_a_body_may_take_the_calls_time_to_send(client, jumps, monkeypatch):
    """The short time to connect isn't the time to send, on a new connection or a reused one."""
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.1)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # what isn't read makes the sender wait

    def serve() -> None:
        client, _address = listener.accept()
        for _ in range(2):
            time.sleep(0.25)
            read_request(client)
            client.sendall(PNG)
        client.close()

    threading.Thread(target=serve, daemon=True).start()
    adapter = toy(IMAGE, IMAGE)
    large = HttpRequest(method="POST", path="/make", json={"prompt": "x" * 7_000_000})
    adapter.build_request = lambda model, task: large
    for _ in range(2):
        assert make(client, adapter, f"http://127.0.0.1:{listener.getsockname()[1]}", jumps) == IMAGE
    listener.close()


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (ResultUrl("https://evil.example/1.png"), ResultUnusable),
        (ResultUrl("data:image/png;base64," + "A" * 1_000_000), ResultUnusable),
        (Pending("a" * 1_025, 1.0), UnknownCharge),
    ],
)
def test_what_nobody_may_call_is_not_recorded(outcome, error, client, jumps, server):
    """A hostile URL, or a handle too long for a record, is refused before it is recorded; at the limit it is taken."""
    handles: list[str] = []
    with pytest.raises(error):
        make(client, toy(outcome), server.url, jumps, handles=handles)
    assert handles == []
    make(client, toy(Pending("a" * 1_024, 1.0), IMAGE), server.url, jumps, handles=handles)
    assert handles == ["a" * 1_024]


def test_the_largest_result_fits_as_base64_too(client, jumps, peer, monkeypatch):
    """A provider may send it in JSON, a third longer than its bytes."""
    monkeypatch.setattr(transport, "MAX_RESULT_BYTES", 3_000_000)
    monkeypatch.setattr(transport, "JSON_BYTES", 1_000)
    for size, error in ((4_001_000, None), (4_001_001, ResultUnusable)):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        server = peer(lambda client, _, sent=head + b"x" * size: client.sendall(sent))
        if error is None:
            assert make(client, toy(IMAGE), server.url, jumps) == IMAGE
        else:
            with pytest.raises(error, match="larger than"):
                make(client, toy(IMAGE), server.url, jumps)


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\n", PNG[:-3].replace(b": 3", b": 3000")], ids=["headers", "body"])
def test_a_dripping_peer_is_left_in_time(drip, client, jumps, peer):
    """Headers or a body that come byte by byte don't hold a call beyond its deadline."""
    ended, drops = threading.Event(), [0]

    def script(client: socket.socket, _request: bytes) -> None:
        client.sendall(drip)
        while drops[0] < 400 and not ended.wait(0.02):
            drops[0] += 1
            client.sendall(b"X-Slow: 1\r\n" if drip.endswith(b"OK\r\n") else b".")

    with pytest.raises(UnknownCharge):
        make(client, toy(), peer(script).url, jumps, deadline=0.4)
    ended.set()
    assert drops[0] < 400, "it hung up before the peer was done"


def test_calls_in_flight_are_bounded(jumps, peer):
    """Never more calls at a time than the provider's data allows; who can't wait is refused, uncharged."""
    inside, most, lock, release = [0], [0], threading.Lock(), threading.Event()

    def script(client: socket.socket, _request: bytes) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        release.wait(60)
        with lock:
            inside[0] -= 1
        client.sendall(PNG)

    server, client = peer(script), ProviderClient(HttpTransport())
    adapter = toy(*[IMAGE] * 5, in_flight=2)
    threads = [threading.Thread(target=make, args=(client, adapter, server.url, jumps)) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: inside[0] == 2)
    with pytest.raises(StillRunning) as running:
        make(client, adapter, server.url, jumps, within=0.05, handle="a")
    assert running.value.wait == 1.0
    paying: list[bool] = []
    for options in ({"within": 0.05}, {"deadline": 0.05}):
        with pytest.raises(ProviderBusy):
            make(client, adapter, server.url, jumps, on_submit=lambda: paying.append(True), **options)
    assert not paying, "who waits for a slot hasn't begun to pay"
    release.set()
    for thread in threads:
        thread.join(60)
    assert (most[0], len(server.requests)) == (2, 4)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread, at most a minute."""
    ends = time.monotonic() + 60
    while not holds() and time.monotonic() < ends:
        time.sleep(0.01)
    assert holds()


def test_a_peer_of_another_name_was_never_talked_to(tmp_path, client, jumps):
    """A certificate that doesn't fit is no lost answer: nothing was sent, so nothing was paid."""
    certificate, key = certificate_for("someone.else.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(4):
            client, _address = listener.accept()
            try:
                context.wrap_socket(client, server_side=True)
            except OSError:
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ProviderOutage, match="can't be reached"):
        make(client, toy(), url, jumps)
    listener.close()


def test_an_exchange_is_sent_once(peer):
    """`exchange` returns the response, or raises what the adapter reads."""
    server, client = peer(ok), ProviderClient(HttpTransport())
    request, credentials = HttpRequest(method="GET", path="/text"), ProviderCredentials("key", server.url)
    assert client.exchange(toy(), request, credentials, 2.0).body == b"PNG"
    server.script = lambda client, _: client.sendall(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UnknownCharge, match="status 500"):
        client.exchange(toy(), request, credentials, 2.0)
    assert len(server.requests) == 2


# -- time that is over


@pytest.mark.parametrize("deadline", [0.0, -1.0])
def test_a_submit_whose_time_is_over_is_not_sent(deadline, client, jumps, server):
    """Nothing was sent, so nothing was charged, and another provider may be called."""
    with pytest.raises(NotCharged, match="was not called: no time was left for the call"):
        make(client, toy(IMAGE), server.url, jumps, deadline=deadline)
    assert server.requests == []
