"""A raw HTTP server for the tests of the client: a script answers each request."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

PNG = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nPNG"


class Peer:
    """A raw server on this machine: `script` answers each connection; what was read is kept."""

    def __init__(self, script: Callable[[socket.socket, bytes], None]) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            while request := read_request(client):
                self.requests.append(request)
                self.script(client, request)
        except OSError:
            return

    def close(self) -> None:
        with suppress(OSError):  # not every system knows it for a socket that listens; here it ends `accept`
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(1)
        for client in self._open:
            client.close()


def read_request(client: socket.socket) -> bytes:
    """One request with its body, or nothing when the caller hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0]):
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body
