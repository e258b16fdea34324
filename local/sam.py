"""`sam local invoke` by hand, beside a running stack: its variables in a file, and the command that uses them."""

import json
import os
import socket
import socketserver
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from local.intrinsics import REGION
from local.rie import machine
from local.stack import Stack

BRIDGE = "172.17.0.1"  # this machine, as a container of Docker's default network sees it on Linux
DESKTOP = "host.docker.internal"  # the same with Docker Desktop, which needs no relay
FILE = "env.json"


def relay(port: int, closing: ExitStack) -> str:
    """Open a way for containers to a port of ours, until `closing` ends; return its address as they see it.

    Raises OSError where this machine has no address that containers see.
    """

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as ours:
                back = threading.Thread(target=_pump, args=(ours, self.request), daemon=True)
                back.start()
                _pump(self.request, ours)
                back.join()

    server = closing.enter_context(socketserver.ThreadingTCPServer((BRIDGE, 0), Connection))
    server.daemon_threads = True
    closing.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{BRIDGE}:{server.server_address[1]}"


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def variables(stack: Stack, closing: ExitStack) -> dict[str, dict[str, str]]:
    """Return what `--env-vars` takes: each function's variables, with the stack's resources, AWS and providers."""

    def seen(url: str) -> str:
        port = int(url.rpartition(":")[2])
        try:
            return relay(port, closing)
        except OSError:
            return f"http://{DESKTOP}:{port}"

    settings = stack.settings()
    template = settings.resolved()
    own = {f"{name.upper()}_BASE_URL": seen(each.url) for name, each in stack.emulators.items()}
    own |= {"AWS_ENDPOINT_URL": seen(stack.aws.endpoint)}
    return {
        name: {**each.environment, **{key: value for key, value in own.items() if key in each.environment}}
        for name, each in template.functions().items()
    }


def write_variables(stack: Stack, closing: ExitStack) -> Path:
    """Write the file, and return its path."""
    path = stack.options.state / FILE
    path.write_text(json.dumps(variables(stack, closing), indent=1))
    return path


def command(function: str, event: str, file: Path) -> str:
    """Return the line that runs a built function with an event of events/ in a container of this machine's kind.

    The local AWS knows a function by its access key.
    """
    shown = os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)
    environment = {"AWS_ACCESS_KEY_ID": function, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
    words = [
        *(f"{name}={value}" for name, value in environment.items()),
        *(".venv-sam/bin/sam", "local", "invoke", function, "-e", f"events/{event}", "--env-vars", shown),
        *("--parameter-overrides", f"Arch={machine()}"),
    ]
    return " ".join(words)


def lines(file: Path) -> list[str]:
    """Return what a person reads about it."""
    return [
        f"Run one function by hand in a container, after `make build ARCH={machine()}`:",
        command("CreateFunction", "create/post-create.json", file),
    ]
