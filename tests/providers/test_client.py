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
    ResultUnusable,
    UnknownCharge,
)
from image_studio.providers import PROVIDERS, transport
from image_studio.providers.adapter import (
    HttpRequest,
    HttpResponse,
    Pending,
    ProviderCredentials,
    ProviderImage,
    ResultUrl,
    Task,
    read_credentials,
)
from image_studio.providers.client import MAX_FAULTS, PaidCall, ProviderClient, StillRunning
from image_studio.providers.transport import HttpTransport
from tests.providers.certificates import certificate_for
from tests.providers.peer import PNG, Peer, read_request

TASK = Task(operation="create", width=256, height=256, prompt="a red bicycle")


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[socket.socket, bytes], None]], Peer]]:
    """Starts raw servers and ends them."""
    started: list[Peer] = []

    def start(script: Callable[[socket.socket, bytes], None]) -> Peer:
        started.append(Peer(script))
        return started[-1]

    yield start
    for each in started:
        each.close()


def toy(outcomes: list[object], **spec: object) -> SimpleNamespace:
    """An adapter that reads each reply as the next outcome; an exception is raised."""
    left = list(outcomes)

    def read(*_args: object) -> object:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    base = PROVIDERS["stability"].SPEC
    return SimpleNamespace(
        SPEC=replace(base, **{"name": "toy", "title": "Toy", **spec}),
        build_request=lambda model, task: HttpRequest(method="POST", path="/make", json={"prompt": task.prompt}),
        build_poll=lambda model, handle: HttpRequest(method="GET", path=f"/poll/{handle}"),
        read_response=read,
        read_error=lambda reply: UnknownCharge(f"status {reply.status}"),
    )


MODEL = PROVIDERS["stability"].SPEC.models[0]


def ok(client: socket.socket, _request: bytes) -> None:
    """A small image."""
    client.sendall(PNG)


def make(client: ProviderClient, adapter: object, url: str, jumps, **options: object) -> ProviderImage:
    """One image; `deadline`, `hold`, `handle` and `handles` as options."""
    now = jumps.clock()
    call = PaidCall(
        adapter=adapter,  # type: ignore[arg-type]
        model=MODEL,
        credentials=options.get("credentials") or ProviderCredentials("key", url),
        deadline=now + options.get("deadline", 120.0),
        hold_until=now + options.get("hold", 200.0),
        on_handle=options.get("handles", []).append,
        renew_credentials=options.get("renew", lambda: None),
    )
    if "handle" in options:
        return client.resume(call, options["handle"])
    return client.submit(call, TASK, options.get("on_submit", lambda: None))


@pytest.fixture
def client(jumps) -> ProviderClient:
    """A client whose waits are jumped over."""
    return ProviderClient(HttpTransport(), clock=jumps.clock, sleep=jumps.sleep)


def test_paying_is_told_once_directly_before(client, jumps, peer):
    """When the body is built and the place is there; a free repetition is the same paid call, a resumed one none."""
    told: list[int] = []
    server = peer(ok)
    busy = toy([ProviderBusy("busy", retry_after=1.0), ProviderImage(b"x")])
    make(client, busy, server.url, jumps, on_submit=lambda: told.append(len(server.requests)))
    assert (told, len(server.requests)) == ([0], 2)


def test_a_handle_is_told_before_it_is_polled_and_once(client, jumps, peer):
    """Each new handle is journalled at once; the same one isn't told again."""
    server = peer(ok)
    handles: list[str] = []
    adapter = toy([Pending("a", 1.0), Pending("a", 1.0), Pending("b", 0.0), ProviderImage(b"x", 7)])
    assert make(client, adapter, server.url, jumps, handles=handles) == ProviderImage(b"x", 7)
    assert handles == ["a", "b"]
    assert [request.split(b" ")[1] for request in server.requests] == [b"/make", b"/poll/a", b"/poll/a", b"/poll/b"]


def test_a_handle_is_resumed_without_a_submit(client, jumps, peer):
    """With a handle nothing is submitted: it is polled at once."""
    server = peer(ok)
    assert make(client, toy([ProviderImage(b"x")]), server.url, jumps, handle="a").data == b"x"
    assert [request.split(b" ")[0] for request in server.requests] == [b"GET"]
    assert jumps.waits == []


def test_a_located_result_is_told_as_a_handle_and_resumed(client, jumps, peer):
    """A result's address is journalled, too: a later run downloads it without a submit or a poll."""
    server = peer(ok)
    handles: list[str] = []
    found = ResultUrl(f"{server.url}/1.png", 5)
    assert make(client, toy([found]), server.url, jumps, handles=handles) == ProviderImage(b"PNG", 5)
    assert handles == [f"url:{server.url}/1.png"]
    assert make(client, toy([]), server.url, jumps, handle=handles[0]).data == b"PNG"
    assert [request.split(b" ")[0] for request in server.requests] == [b"POST", b"GET", b"GET"]


def test_a_long_wait_is_handed_back(client, jumps, peer):
    """Where the wait goes beyond what this process may hold, the caller is told when to come back."""
    with pytest.raises(StillRunning) as running:
        make(client, toy([Pending("a", 10.0)]), peer(ok).url, jumps, hold=9.0)
    assert running.value.wait == 10.0
    assert jumps.waits == []


def test_a_wait_as_long_as_the_hold_is_waited(client, jumps, peer):
    """A wait that ends within the hold is waited here."""
    assert make(client, toy([Pending("a", 10.0), ProviderImage(b"x")]), peer(ok).url, jumps, hold=10.5).data == b"x"


def test_faults_are_counted_in_a_row(client, jumps, peer):
    """A success between faults starts the count anew; five in a row are the end."""
    lost = UnknownCharge("lost")
    rows = [
        Pending("a", 0.5),
        *[lost] * (MAX_FAULTS - 1),
        Pending("a", 0.5),
        *[lost] * (MAX_FAULTS - 1),
        ProviderImage(b"x"),
    ]
    assert make(client, toy(rows), peer(ok).url, jumps, deadline=1000.0, hold=2000.0).data == b"x"
    with pytest.raises(UnknownCharge):
        make(client, toy([Pending("a", 0.5), *[lost] * MAX_FAULTS]), peer(ok).url, jumps, deadline=1000.0, hold=2000.0)


def test_a_poll_waits_as_long_as_it_is_told(client, jumps, peer):
    """Retry-After of a poll's 429 is honored, up to what is worth waiting for."""
    rows = [Pending("a", 1.0), ProviderBusy("busy", retry_after=33.0), ProviderBusy("busy", retry_after=999.0)]
    make(client, toy([*rows, ProviderImage(b"x")]), peer(ok).url, jumps, deadline=1000.0, hold=2000.0)
    assert jumps.waits == [1.0, 33.0, 65.0]


@pytest.mark.parametrize("verdict", [ProviderKeyRefused("no"), NotCharged("no"), ProviderOutage("no")])
def test_errors_after_the_order_count_as_charged(verdict, client, jumps, peer):
    """Whatever a poll ends with, the order before it may have been charged."""
    with pytest.raises(UnknownCharge, match="was ordered"):
        make(client, toy([Pending("a", 0.1), *[verdict] * MAX_FAULTS]), peer(ok).url, jumps)


def test_a_key_that_was_rotated_after_the_order_is_renewed(client, jumps, peer):
    """The next poll goes out with the new key; when that is refused too, it ends as charged and shows no key."""
    server = peer(ok)
    fresh = ProviderCredentials("sk-second", server.url)
    rows = [Pending("a", 0.1), ProviderKeyRefused("no"), ProviderImage(b"x")]
    assert make(client, toy(rows), server.url, jumps, renew=lambda: fresh).data == b"x"
    assert [b"sk-second" in request for request in server.requests] == [False, False, True]
    rows = [Pending("a", 0.1), *[ProviderKeyRefused("sk-second is no key")] * 2, ProviderImage(b"x")]
    with pytest.raises(UnknownCharge) as failed:
        make(
            client,
            toy(rows),
            server.url,
            jumps,
            credentials=ProviderCredentials("sk-first", server.url),
            renew=lambda: fresh,
        )
    assert failed.value.detail.startswith("*** is no key")


def test_a_submit_is_not_repeated_when_the_rest_would_be_cut_short(client, jumps, peer):
    """A free refusal late in the deadline is final: a paid call with too little time left would be lost."""
    server = peer(ok)
    with pytest.raises(ProviderBusy):
        make(
            client, toy([ProviderBusy("busy", retry_after=50.0), ProviderImage(b"x")]), server.url, jumps, deadline=60.0
        )
    assert (len(server.requests), jumps.waits) == (1, [])


def test_a_submit_is_not_repeated_beyond_the_hold(client, jumps, peer):
    """A wait for a free repetition can't be handed over to another process, so it must fit into this one."""
    with pytest.raises(ProviderBusy):
        make(client, toy([ProviderBusy("busy", retry_after=30.0), ProviderImage(b"x")]), peer(ok).url, jumps, hold=29.0)


@pytest.mark.parametrize(("told", "waits"), [(65.0, [65.0]), (65.1, [])])
def test_the_longest_wait_for_a_free_repetition(told, waits, client, jumps, peer):
    """A provider that wants to be left alone for longer than a bit over a minute is given up at once."""
    adapter = toy([ProviderBusy("busy", retry_after=told), ProviderImage(b"x")])
    try:
        make(client, adapter, peer(ok).url, jumps, deadline=1000.0, hold=2000.0)
    except ProviderBusy:
        assert waits == []
    assert jumps.waits == waits


def test_submits_are_bounded(client, jumps, peer):
    """Four submits, all of them surely free, are the most."""
    server = peer(ok)
    with pytest.raises(ProviderOutage):
        make(client, toy([ProviderOutage("down")] * 9), server.url, jumps)
    assert len(server.requests) == 4


@pytest.mark.parametrize("key", ["sk-ü", "sk\nInjected: 1", "sk\x00"])
def test_a_key_that_is_none_never_leaves(key, client, jumps, peer):
    """A key with characters that no header takes is refused here, and not repeated in the error."""
    server = peer(ok)
    with pytest.raises(ProviderKeyRefused) as refused:
        make(client, toy([]), server.url, jumps, credentials=ProviderCredentials(key, server.url))
    assert key not in str(refused.value)
    assert server.requests == []


def test_a_key_in_a_providers_words_is_masked(client, jumps, peer):
    """A provider that repeats our key in its error doesn't get it into ours."""
    adapter = toy([])
    adapter.read_error = lambda reply: NotCharged("Incorrect API key provided: sk-canary-12.")
    server = peer(lambda client, _: client.sendall(b"HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(NotCharged) as failed:
        make(client, adapter, server.url, jumps, credentials=ProviderCredentials("sk-canary-12", server.url))
    assert failed.value.detail == "Incorrect API key provided: ***."
    assert "sk-canary" not in str(failed.value)


def test_keys_come_out_of_values_trimmed():
    """A key pasted with a line break works; without a key there is no access; the key isn't in its repr."""
    spec = PROVIDERS["stability"].SPEC
    access = read_credentials({"STABILITY_API_KEY": " sk-1\n", "STABILITY_BASE_URL": ""}, spec)
    assert access == ProviderCredentials("sk-1", None)
    assert read_credentials({"STABILITY_API_KEY": "  "}, spec) is None
    assert read_credentials({}, spec) is None
    assert "sk-1" not in repr(access)


def test_a_body_that_the_provider_would_refuse_is_not_sent(client, jumps, peer):
    """A request at the provider's size limit is sent, a larger one is refused here, surely free."""
    server = peer(ok)
    body = len(b'{"prompt": "a red bicycle"}')
    assert make(client, toy([ProviderImage(b"x")], request_bytes=body), server.url, jumps).data == b"x"
    with pytest.raises(NotCharged, match=r"^Toy takes at most 0 MB per request\.$"):
        make(client, toy([], request_bytes=body - 1, name="toy2"), server.url, jumps)
    adapter = toy([], request_bytes=2 * 1024 * 1024, name="toy3")
    adapter.build_request = lambda model, task: HttpRequest(method="POST", path="/", json={"p": "x" * 3_000_000})
    with pytest.raises(NotCharged, match=r"^Toy takes at most 2 MB per request\.$"):
        make(client, adapter, server.url, jumps)
    assert len(server.requests) == 1


def test_what_goes_out(client, jumps, peer):
    """Key in its header, nothing compressed, no cookie that an earlier answer set."""
    server = peer(
        lambda client, _: client.sendall(PNG.replace(b"Content-Type", b"Set-Cookie: a=1; Path=/\r\nContent-Type"))
    )
    adapter = toy([ProviderImage(b"x"), ProviderImage(b"x")])
    make(client, adapter, server.url, jumps)
    make(client, adapter, server.url, jumps)
    for request in server.requests:
        head = request.split(b"\r\n\r\n")[0].lower()
        assert b"authorization: bearer key" in head
        assert b"accept-encoding: identity" in head
        assert b"cookie" not in head
    assert server.connections == 1, "the connection is kept alive"


def test_a_stale_connection_is_not_used_for_a_paid_call(client, jumps, peer, monkeypatch):
    """An idle connection older than its time is replaced, so that a dead one can't swallow a paid call."""
    server = peer(ok)
    adapter = toy([ProviderImage(b"x"), ProviderImage(b"x")])
    make(client, adapter, server.url, jumps)
    moved = time.time() + transport.REUSE_SECONDS + 1
    monkeypatch.setattr(transport.time, "time", lambda: moved)
    make(client, adapter, server.url, jumps)
    assert server.connections == 2


@pytest.mark.parametrize("reused", [False, True])
def test_a_body_may_take_the_calls_time_to_send(reused, client, jumps, monkeypatch):
    """The short time to connect isn't the time to send: a large body may wait for a slow reader."""
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # what isn't read makes the sender wait

    def serve() -> None:
        client, _address = listener.accept()
        if reused:
            read_request(client)
            client.sendall(PNG)
        time.sleep(0.5)
        read_request(client)
        client.sendall(PNG)
        client.close()

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    adapter = toy([ProviderImage(b"x"), ProviderImage(b"y")])
    if reused:
        make(client, adapter, url, jumps)
    adapter.build_request = lambda model, task: HttpRequest(
        method="POST", path="/make", json={"prompt": "x" * 9_000_000}
    )
    assert make(client, adapter, url, jumps)
    listener.close()


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (ResultUrl("https://evil.example/1.png"), ResultUnusable),
        (ResultUrl("data:image/png;base64," + "A" * 1_000_000), ResultUnusable),
        (Pending("a" * 1_025, 1.0), UnknownCharge),
    ],
)
def test_what_nobody_may_call_is_not_journalled(outcome, error, client, jumps, peer):
    """A hostile address, or a handle too long for a record, is refused before it is noted."""
    handles: list[str] = []
    with pytest.raises(error):
        make(client, toy([outcome]), peer(ok).url, jumps, handles=handles)
    assert handles == []


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
        make(client, toy([]), peer(script).url, jumps, deadline=0.4)
    ended.set()
    assert drops[0] < 400, "it hung up before the peer was done"


def test_calls_in_flight_are_bounded(jumps, peer):
    """Never more calls at a time than the provider's data allows; who can't wait is told so, uncharged."""
    inside, most, lock, release = [0], [0], threading.Lock(), threading.Event()

    def script(client: socket.socket, _request: bytes) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most)
            most[0] = max(most[0], inside[0])
        release.wait(60)
        with lock:
            inside[0] -= 1
        client.sendall(PNG)

    server, client = peer(script), ProviderClient(HttpTransport())
    adapter = toy([ProviderImage(b"x")] * 5, in_flight=2)
    threads = [threading.Thread(target=make, args=(client, adapter, server.url, jumps)) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: inside[0] == 2)
    with pytest.raises(ProviderBusy):
        make(client, adapter, server.url, jumps, hold=0.1)
    with pytest.raises(StillRunning):
        make(client, adapter, server.url, jumps, hold=0.1, handle="a")
    paying: list[bool] = []
    with pytest.raises(ProviderBusy):
        make(client, adapter, server.url, jumps, hold=0.1, on_submit=lambda: paying.append(True))
    assert not paying, "who waits for a place hasn't begun to pay"
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
        make(client, toy([]), url, jumps)
    listener.close()


def test_asking_a_text_is_one_exchange(peer):
    """`ask` sends once and gives the reply, or raises what the adapter reads."""
    server = peer(ok)
    client = ProviderClient(HttpTransport())
    reply = client.exchange(
        toy([]), HttpRequest(method="GET", path="/text"), ProviderCredentials("key", server.url), 2.0
    )
    assert isinstance(reply, HttpResponse)
    server.script = lambda client, _: client.sendall(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UnknownCharge, match="status 500"):
        client.exchange(toy([]), HttpRequest(method="GET", path="/text"), ProviderCredentials("key", server.url), 2.0)
    assert len(server.requests) == 2


def test_a_huge_answer_is_cut_off(peer, monkeypatch):
    """An answer beyond the byte limit is no image, and may have been charged."""
    monkeypatch.setattr(transport, "MAX_RESULT_BYTES", 1000)
    server = peer(lambda client, _: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001))
    spec = PROVIDERS["stability"].SPEC
    with pytest.raises(ResultUnusable):
        HttpTransport().send(spec, HttpRequest(method="GET", path="/"), ProviderCredentials("key", server.url), 2.0)


# -- time and keys


@pytest.mark.parametrize("deadline", [0.0, -1.0])
def test_a_submit_whose_time_is_over_is_not_sent(deadline, client, jumps, peer):
    """Nothing was sent, so nothing was charged, and another provider may be called."""
    server = peer(ok)
    with pytest.raises(NotCharged, match="was not called: the time for it was over"):
        make(client, toy([ProviderImage(b"x")]), server.url, jumps, deadline=deadline)
    assert server.requests == []


@pytest.mark.parametrize("timeout", [0.0, -0.5])
def test_an_exchange_without_time_is_not_sent(timeout, peer):
    """The transport refuses it with an error of ours."""
    server = peer(ok)
    request, credentials = HttpRequest(method="GET", path="/"), ProviderCredentials("key", server.url)
    with pytest.raises(NotCharged):
        HttpTransport().send(PROVIDERS["stability"].SPEC, request, credentials, timeout)
    assert server.requests == []


def test_a_resumed_call_whose_time_is_over_is_an_unknown_charge(client, jumps, peer):
    """The paid call was made earlier, so the poll that can't be sent says nothing of it."""
    server = peer(ok)
    with pytest.raises(UnknownCharge, match="was ordered"):
        make(client, toy([]), server.url, jumps, deadline=-1.0, handle="a")
    assert server.requests == []


def test_a_key_that_was_replaced_is_renewed_once_for_a_submit(client, jumps, peer):
    """One paid call, with the new key."""
    server, submits = peer(ok), []
    rows = [ProviderKeyRefused("no"), ProviderImage(b"x")]
    renewed = ProviderCredentials("sk-second", server.url)
    options = {"renew": lambda: renewed, "on_submit": lambda: submits.append(1)}
    assert make(client, toy(rows), server.url, jumps, **options).data == b"x"
    assert [b"sk-second" in request for request in server.requests] == [False, True]
    assert submits == [1]


def test_a_renewed_key_that_is_refused_too_is_final(client, jumps, peer):
    """The secret is read once for each call; an unchanged key is not sent again."""
    server = peer(ok)
    keys = iter(range(9))

    def another() -> ProviderCredentials:
        return ProviderCredentials(f"sk-{next(keys)}", server.url)

    with pytest.raises(ProviderKeyRefused):
        make(client, toy([ProviderKeyRefused("no")] * 9), server.url, jumps, renew=another)
    assert len(server.requests) == 2
    same = ProviderCredentials("key", server.url)
    with pytest.raises(ProviderKeyRefused):
        make(client, toy([ProviderKeyRefused("no")] * 9), server.url, jumps, renew=lambda: same)
    assert len(server.requests) == 3
