"""What every emulated provider has in common: its key rule, its balance, its tally of markers."""

import random
import threading
from typing import ClassVar

from werkzeug.wrappers import Response

from local.emulators.faults import MARKER, Marker, Plan, Tally, markers_in
from local.emulators.recording import Recorder
from local.emulators.wire import Visit

#: Starts of keys that are refused; Hugging Face's SDK needs a token to begin with `hf_`.
BAD_KEYS = ("bad", "hf_bad")
LARGEST_RANDOM_SEED = 2**31 - 1


class Provider:
    """A provider's protocol.

    `key` is the only key accepted; without it any that doesn't start with `bad` or `hf_bad`.
    """

    name: ClassVar[str]
    first_balance: ClassVar[float] = 0.0
    recorder: Recorder

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.tally = Tally()
        self.lock = threading.RLock()
        self.balance = self.first_balance

    def answer(self, visit: Visit) -> Response:
        """Answer one request in the provider's protocol."""
        raise NotImplementedError

    def is_submit(self, method: str, path: str) -> bool:
        """Whether this is a request that a script without a path waits for."""
        return method == "POST"

    def reset(self) -> None:
        """Forget all state."""
        self.tally.clear()
        self.balance = self.first_balance

    def knows(self, key: str) -> bool:
        """Whether a key is accepted."""
        return key == self.key if self.key is not None else bool(key) and not key.startswith(BAD_KEYS)

    def plan(self, visit: Visit, *texts: str, seed: int | None = None) -> Plan:
        """What the markers in the texts, in the header and in the script ask of this generation."""
        found: list[Marker] = [marker for text in texts for marker in markers_in(text)]
        return Plan(
            provider=self.name,
            markers=(*found, *visit.markers),
            now=visit.aimed,
            scope=" ".join(text for text in texts if MARKER.search(text)),
            seed=seed,
            tally=self.tally,
        )

    def take(self, visit: Visit, price: float, *, charged: bool = True) -> None:
        """Accept a generation, and its price from the balance."""
        with self.lock:
            self.recorder.accept(visit.call, price, charged=charged)
            self.balance -= visit.call.price


def bearer_key(visit: Visit) -> str:
    """The key of an `Authorization: Bearer` header, or nothing."""
    scheme, _, key = visit.request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def random_seed() -> int:
    """A seed as a provider would draw one."""
    return random.randint(1, LARGEST_RANDOM_SEED)
