"""The one place that calls providers: sends, retries what was surely free, polls with a deadline.

A paid call is repeated only when it was surely not charged (`NotCharged`): a refused connection, a documented 4xx or
429, or an outage that the adapter knows to be free. Polls and downloads are free and repeatable, and whatever ends
them, the paid call before them was made: their failures count as charged. Every loop here is bounded by a number of
tries and by the model's deadline (seconds).
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from image_studio.errors import (
    ProviderBusy,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOutage,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import (
    Adapter,
    DownloadFault,
    HttpRequest,
    HttpResponse,
    Outcome,
    Pending,
    ProviderCredentials,
    ProviderImage,
    ResultUrl,
    Task,
)
from image_studio.providers.spec import ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from image_studio.providers.transport import HttpTransport

log = logging.getLogger(__name__)


POLL_SECONDS = 20.0  # for one poll's answer
MAX_SUBMITS = 4  # of one variation, all of them surely free but the last
LEAST_SHARE = 1 / 3  # of the first submit's time that a later one must still have: cut short, it would be lost
MAX_FAULTS = 5  # of polls and downloads, in a row
MAX_BUSY_SECONDS = 65.0  # longest wait worth it: Stability locks out for 60 s, WaveSpeed's window is a minute
OUTAGE_SECONDS = 0.5
FAULT_SECONDS = 1.0  # after a poll's first fault, doubled at each further one
MAX_HANDLE = 1_024  # characters; it becomes part of a record
URL_HANDLE = "url:"  # a handle that is the result's address itself


class StillRunning(Exception):
    """The provider works on it, and longer than we hold a worker for it: come back after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"still running, ask again in {wait:g} s")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """A paid call's bounds: `deadline` ends it, `hold` is how long this process may wait (monotonic seconds)."""

    deadline: float
    hold: float


@dataclass(frozen=True, slots=True)
class _PaidCall:
    """A paid call on its way: whom it is made to, and its bounds."""

    adapter: Adapter
    model: ModelSpec
    access: ProviderCredentials
    watch: Deadlines
    renew: Callable[[], ProviderCredentials | None]

    def with_fresh_key(self) -> "_PaidCall | None":
        """The same with the key of this moment, or None where it isn't another one."""
        fresh = self.renew()
        return None if fresh is None or fresh == self.access else replace(self, access=fresh)


class ProviderClient:
    """Carries tasks to providers over kept-alive connections, a bounded number at a time per provider."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._gates: dict[str, BoundedSemaphore] = {}

    @cached_property
    def _sender(self) -> "HttpTransport":
        from image_studio.providers.transport import HttpTransport  # noqa: PLC0415  requests: an API function sends nothing

        return HttpTransport()

    def make(
        self,
        adapter: Adapter,
        model: ModelSpec,
        task: Task,
        access: ProviderCredentials,
        *,
        watch: Deadlines,
        on_handle: Callable[[str], None],
        on_paying: Callable[[], None] = lambda: None,
        handle: str | None = None,
        renew: Callable[[], ProviderCredentials | None] = lambda: None,
    ) -> ProviderImage:
        """The finished image. With a `handle` an earlier paid call is resumed; else one paid call is made.

        `on_paying` is called directly before the paid call, when nothing stands before it any more, and `on_handle`
        is told each new handle before anything else happens. `renew` reads the key anew, for an image
        that was ordered with one that is refused by now. Raises StillRunning when `watch.hold`
        is over, and StudioErrors for the rest; those of a resumed or submitted call are `maybe_charged`.
        """
        gate = self._gates.setdefault(adapter.SPEC.name, BoundedSemaphore(adapter.SPEC.in_flight))
        if not gate.acquire(timeout=max(0.0, min(watch.hold, watch.deadline) - self._clock())):
            if handle:
                raise StillRunning(FAULT_SECONDS)
            raise ProviderBusy(f"{adapter.SPEC.title} has as many calls in flight as it may have.")
        order = _PaidCall(adapter, model, access, watch, renew)
        try:
            outcome = _resume(handle) if handle else self._submit(order, task, on_paying)
            return self._follow(order, outcome, handle, on_handle)
        except StudioError as error:
            raise _without_key(error, access.key) from None
        finally:
            gate.release()

    # -- the paid call

    def _submit(self, order: _PaidCall, task: Task, on_paying: Callable[[], None]) -> Outcome:
        spec, watch = order.adapter.SPEC, order.watch
        call = order.adapter.build_request(order.model, task)
        on_paying()
        least = LEAST_SHARE * self._patience(order)
        for attempt in range(1, MAX_SUBMITS + 1):
            try:
                reply = self._sender.send(spec, call, order.access, self._patience(order))
                if 200 <= reply.status < 300:
                    return order.adapter.read_response(order.model, reply)
                raise order.adapter.read_error(reply)
            except (ProviderBusy, ProviderOutage) as error:
                pause = _pause(spec, error, attempt)
                resumes = self._clock() + pause
                in_time = pause <= MAX_BUSY_SECONDS and resumes <= min(watch.hold, watch.deadline - least)
                if attempt == MAX_SUBMITS or not in_time:
                    raise
                log.info("provider asked to wait", extra={"provider": spec.name, "seconds": pause})
                self._sleep(pause)
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    def _patience(self, order: _PaidCall) -> float:
        return max(0.1, min(order.adapter.SPEC.submit_timeout, order.watch.deadline - self._clock()))

    # -- what is free: polls and downloads

    def _follow(
        self, order: _PaidCall, outcome: Outcome, known: str | None, on_handle: Callable[[str], None]
    ) -> ProviderImage:
        """Go from handle to image. A fault on the way is asked again, a verdict of the provider is final."""
        faults = 0
        pause = 0.0
        while not isinstance(outcome, ProviderImage):
            new = _handle_of(order, outcome)
            if new != known:
                on_handle(new)
                known = new
            self._wait(order, outcome, pause)
            try:
                outcome = self._ask_about(order, outcome)
                faults, pause = 0, 0.0
            except (ProviderBusy, ProviderOutage, UnknownCharge, DownloadFault) as fault:
                faults += 1
                pause = min(MAX_BUSY_SECONDS, _pause(order.adapter.SPEC, fault, faults))
                if faults == MAX_FAULTS or self._clock() + pause > order.watch.deadline:
                    raise _without_key(_ordered(fault), order.access.key) from None
            except ProviderFailed as verdict:
                renewed = order.with_fresh_key() if isinstance(verdict, ProviderKeyRefused) else None
                if renewed is None:
                    raise _without_key(_ordered(verdict), order.access.key) from None
                order = renewed
        return outcome

    def _wait(self, order: _PaidCall, outcome: ResultUrl | Pending, pause: float) -> None:
        wait = max(pause, outcome.wait if isinstance(outcome, Pending) else 0.0)
        if not wait:
            return
        now = self._clock()
        if now + wait > order.watch.deadline:
            title = order.adapter.SPEC.title
            raise UnknownCharge(f"{title} did not finish in time; the call is not repeated.")
        if now + wait > order.watch.hold:
            raise StillRunning(wait)
        self._sleep(wait)

    def _ask_about(self, order: _PaidCall, outcome: ResultUrl | Pending) -> Outcome:
        adapter = order.adapter
        if isinstance(outcome, ResultUrl):
            from image_studio.providers.download import download  # noqa: PLC0415  as in `_sender`

            return ProviderImage(download(outcome.url, adapter.SPEC, own_origin=order.access.base_url), outcome.seed)
        call = adapter.build_poll(order.model, outcome.handle)
        reply = self._sender.send(adapter.SPEC, call, order.access, min(POLL_SECONDS, self._patience(order)))
        if 200 <= reply.status < 300:
            return adapter.read_response(order.model, reply, outcome.handle)
        raise adapter.read_error(reply)

    # -- one exchange

    def ask(self, adapter: Adapter, call: HttpRequest, access: ProviderCredentials, seconds: float) -> HttpResponse:
        """One exchange that is no paid image call, asked once. Raises StudioErrors where it isn't answered with 2xx."""
        reply = self._sender.send(adapter.SPEC, call, access, seconds)
        if 200 <= reply.status < 300:
            return reply
        raise _without_key(adapter.read_error(reply), access.key)


def _handle_of(order: _PaidCall, outcome: ResultUrl | Pending) -> str:
    """What finds the outcome again. Raises ResultUnusable, UnknownCharge: what nobody may call isn't kept, either."""
    if isinstance(outcome, ResultUrl):
        from image_studio.providers.download import check_url  # noqa: PLC0415  as in `Wire._sender`

        check_url(outcome.url, order.adapter.SPEC, order.access.base_url)
        return URL_HANDLE + outcome.url
    if len(outcome.handle) > MAX_HANDLE:
        raise UnknownCharge(f"{order.adapter.SPEC.title}'s answer could not be read.")
    return outcome.handle


def _resume(handle: str) -> ResultUrl | Pending:
    if handle.startswith(URL_HANDLE):
        return ResultUrl(handle.removeprefix(URL_HANDLE))
    return Pending(handle, 0.0)


def _pause(spec: ProviderSpec, error: StudioError, attempt: int) -> float:
    """Seconds to wait before asking again: as told, else longer each time."""
    told = getattr(error, "retry_after", None)
    if told is not None and math.isfinite(told):
        return float(told)
    first = spec.busy_seconds if isinstance(error, ProviderBusy) else FAULT_SECONDS
    if isinstance(error, ProviderOutage):
        first = OUTAGE_SECONDS
    return min(MAX_BUSY_SECONDS, first * 2.0 ** (attempt - 1))


def _ordered(error: ProviderFailed) -> ProviderFailed:
    """A failure after the order was accepted: it may have been charged, whatever the answer says by itself."""
    if error.maybe_charged:
        return error
    return UnknownCharge(f"{error.detail} The image was ordered, but can't be fetched; the call is not repeated.")


def _without_key(error: StudioError, key: str) -> StudioError:
    """The error, in case a provider's words repeat our key."""
    if key and key in error.detail:
        error.detail = error.detail.replace(key, "***")
        error.args = (error.detail,)
    return error
