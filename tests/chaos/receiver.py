"""A receiver of webhooks that fails half of the time, and counts the calls that it took."""

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """Receives webhooks at `/<caller>`; fails half of the time, at most MOST_FAILURES times for one id."""

    MOST_FAILURES = 5

    def __init__(self, dice: random.Random) -> None:
        self.secrets: dict[str, str] = {}  # by caller
        self.called = 0
        self.forged = 0
        self.taken: Counter[tuple[str, str]] = Counter()  # (caller, webhook-id) of calls that were taken
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver.take(self.path.strip("/"), headers, body, fails=dice.random() < 0.5))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, caller: str, headers: dict[str, str], body: str, *, fails: bool) -> int:
        """Check and count a call; return the status of its response."""
        name = headers["webhook-id"]
        try:
            event = Webhook(self.secrets[caller]).verify(body, headers)
            right = name == f"msg_{event['data']['job_id']}"
        except WebhookVerificationError:
            right = False
        with self._lock:
            self.called += 1
            self.forged += not right
            if fails and self._failed[name] < self.MOST_FAILURES:
                self._failed[name] += 1
                return 503
            self.taken[caller, name] += 1
            return 204
