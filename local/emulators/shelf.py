"""Files that an emulator serves without a key, as a provider's CDN does."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Response

from local.emulators.faults import Marker, Plan
from local.emulators.wire import Refusals, Visit, json_reply, play

SHELF = "/media/"
MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Filed:
    """A file and what its download is in for."""

    data: bytes
    content_type: str
    plan: Plan


class Shelf:
    """The newest files, up to a total size; the oldest go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[str, Filed] = OrderedDict()

    def clear(self) -> None:
        """Throw everything away."""
        with self._lock:
            self._files.clear()

    def put(self, data: bytes, content_type: str, plan: Plan, name: str = "") -> str:
        """Keep a file; gives its path, which nobody can guess."""
        ending = name or f"output.{content_type.rpartition('/')[2]}"
        path = f"{SHELF}{uuid.uuid4().hex}/{ending}"
        self.place(path, data, content_type, plan)
        return path

    def place(self, path: str, data: bytes, content_type: str, plan: Plan) -> None:
        """Keep a file under a path."""
        with self._lock:
            self._files[path] = Filed(data, content_type, plan)
            while len(self._files) > 1 and sum(len(f.data) for f in self._files.values()) > MOST_BYTES:
                self._files.popitem(last=False)

    def get(self, path: str) -> Filed | None:
        """A file by its path."""
        with self._lock:
            return self._files.get(path)

    def answer(self, visit: Visit) -> Response:
        """Serve a download, with the faults that were meant for it."""
        visit.call.kind = "result"
        filed = self.get(visit.path)
        if filed is None:
            return json_reply({"error": "no such file"}, 404)
        plan = filed.plan.at(visit.aimed)
        return play(visit, plan, ("result",), REFUSALS, lambda: Response(filed.data, content_type=filed.content_type))


def _bare(status: int) -> Callable[[Marker], Response]:
    return lambda _marker: Response(f"{status}", status, content_type="text/plain")


#: A CDN refuses in its own way: bare statuses.
REFUSALS: Refusals = {str(status): _bare(status) for status in (401, 403, 404, 429, 500, 503)}
