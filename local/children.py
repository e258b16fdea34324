"""Child processes that end with their parent, whatever ends the parent."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from local.template import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 5.0
#: Below the ports that a kernel gives to outgoing connections (Linux from 32768), which come and go all the time.
QUIET_PORTS = range(20_000, 32_000)
PORTS_TRIED = 50


class DidNotStart(RuntimeError):
    """A child ended, or said nothing, before it was ready."""


class Child:
    """`python -m local <role>` with settings as JSON, an open socket, and its standard input as lifeline."""

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
        """Return when the child says that it is ready. Raises DidNotStart."""
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        said = os.read(self._ready, 1)
        timer.cancel()
        os.close(self._ready)
        if not said:
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
        """Cut the lifeline and wait; kill what doesn't end by itself. `gently`: let it finish what is nearly done."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"." if gently else b"")
                self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def say_ready(descriptor: int) -> None:
    """In the child: tell the parent that it can go on."""
    os.write(descriptor, b".")
    os.close(descriptor)


def end_with_parent(finish: Callable[[], None] | None = None) -> None:
    """In the child: end as soon as standard input closes, which it does when the parent is gone.

    When the parent stops the child gently, `finish` is called first.
    """
    threading.Thread(target=_wait_and_exit, args=(finish,), name="lifeline", daemon=True).start()


def _wait_and_exit(finish: Callable[[], None] | None) -> None:
    if os.read(0, 1) and finish:
        finish()
    os._exit(0)


def free_port() -> int:
    """A port of loopback for somebody else to listen on, likely to be free still when they do. Raises OSError."""
    for port in random.SystemRandom().sample(QUIET_PORTS, PORTS_TRIED):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of {PORTS_TRIED} ports is free")


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback. Raises OSError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
