"""A call of a webhook that gets no response says why."""

import socket
import threading
import time

import pytest

from image_studio.providers import webhook_call
from image_studio.providers.webhook_call import CallFailed, call_webhook
from tests.providers.hosts import CDN, cdn, guard, replying

__all__ = ["cdn", "guard"]

URL = f"https://{CDN}/hook?secret=1"


@pytest.fixture
def here(cdn, monkeypatch):
    """The TLS server of this machine, as the public host of any name."""
    monkeypatch.setattr(webhook_call, "resolve_within", lambda _host, _until: "127.0.0.1")
    return cdn


def problem(url: str = URL) -> str:
    with pytest.raises(CallFailed) as failed:
        call_webhook(url, b"{}", {})
    return str(failed.value)


def test_a_host_that_responds_has_a_status(here):
    here.answer = replying(404)
    assert call_webhook(URL, b"{}", {}) == 404


def test_a_refused_connection_is_not_a_timeout(guard):
    guard.answers = {CDN: [["1.1.1.1"]]}
    assert problem() == "The host refused the connection, or could not be reached."


def test_an_unknown_host_is_not_a_timeout(guard):
    assert problem() == "The host could not be found."


def test_a_wrong_certificate_is_not_a_timeout(here):
    assert problem("https://other.example/hook") == (
        "No secure connection was possible: the host needs a valid certificate for its name."
    )
    assert here.asked == []


def test_a_host_that_hangs_up_is_not_a_timeout(here):
    """Nor is one whose response isn't HTTP."""
    here.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    assert problem() == "The host closed the connection without a valid response."
    here.answer = lambda handler: handler.wfile.write(b"SSH-2.0\r\n")
    assert problem() == "The host closed the connection without a valid response."


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_slow_host_is_left_in_time(here, monkeypatch, sent):
    """Whether it sends nothing, or a header byte by byte."""
    monkeypatch.setattr(webhook_call, "CALL_SECONDS", 0.3)
    done = threading.Event()

    def drip(handler):
        handler.wfile.write(sent)
        while not done.wait(0.05):
            handler.wfile.write(b"x" if sent else b"")

    here.answer = drip
    started = time.monotonic()
    assert problem() == "There was no response within 0.3 seconds."
    done.set()
    assert time.monotonic() - started < 3


def test_a_host_that_takes_no_connection_is_left_in_time(guard, monkeypatch):
    guard.answers = {CDN: [["1.1.1.1"]]}

    def connect(self, address):
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert problem() == "There was no connection to the host within 5 seconds."
