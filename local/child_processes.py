"""Child processes that end with their parent, whatever ends the parent."""

import errno
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from local.template import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 5.0
#: Below the ports that a kernel gives to outgoing connections (Linux: from 32768), so that none takes it meanwhile.
QUIET_PORTS = range(20_000, 32_000)
PORTS_TRIED = 50
PAUSE_SECONDS = 0.01


class DidNotStart(RuntimeError):
    """A child ended, or did not respond, before it was ready."""


class Child:
    """`python -m local <role>` with settings as JSON and an open socket; it ends when its standard input closes."""

    def __init__(
        self,
        role: str,
        settings: Mapping[str, Any],
        listener: socket.socket,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        ready, theirs = os.pipe()
        handed = {"socket": listener.fileno(), "ready": theirs}
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", "local", role, json.dumps({**settings, **handed})],
            cwd=ROOT,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=tuple(handed.values()),
            start_new_session=True,  # Ctrl-C is for the parent; it ends its children in order
        )
        os.close(theirs)
        self._role = role
        self._ready = ready

    def wait_until_ready(self) -> None:
        """Return when the child has called `report_ready`. Raises DidNotStart."""
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        ready = os.read(self._ready, 1)
        timer.cancel()
        os.close(self._ready)
        if not ready:
            raise DidNotStart(f"The {self._role} process ended with code {self._process.wait()} before it was ready.")

    @property
    def pid(self) -> int:
        """The process id, which is also that of its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self, *, gently: bool = False) -> None:
        """Close its standard input and wait; kill it after STOP_SECONDS. `gently`: let it call `finish` first."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"." if gently else b"")
                self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def report_ready(descriptor: int) -> None:
    """In the child: report to the parent that it is ready."""
    os.write(descriptor, b".")
    os.close(descriptor)


def end_with_parent(finish: Callable[[], None] | None = None) -> None:
    """In the child: exit when standard input closes, which it does when the parent is gone.

    When the parent stops the child gently, `finish` is called first.
    """
    threading.Thread(target=_wait_and_exit, args=(finish,), name="end-with-parent", daemon=True).start()


def _wait_and_exit(finish: Callable[[], None] | None) -> None:
    if os.read(0, 1) and finish:
        finish()
    os._exit(0)


def free_port() -> int:
    """Return a free port of loopback for another process to listen on. Raises OSError."""
    for port in random.SystemRandom().sample(QUIET_PORTS, PORTS_TRIED):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of {PORTS_TRIED} ports is free")


def wait_for_port(port: int, seconds: float) -> None:
    """Return when something listens on a port of loopback. Raises TimeoutError after `seconds`."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"nothing listens on port {port} after {seconds:g} s")


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on loopback. Raises OSError when the port is in use, or no port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    except OverflowError:  # from bind
        listener.close()
        raise OSError(errno.EINVAL, "it is not between 0 and 65535") from None
    return listener
