"""Send paid calls to providers: retry what was surely not charged, poll until a deadline, download the result.

A paid call is repeated only when it was surely not charged (`NotCharged`): a refused connection, a documented 4xx or
429, or an outage that the adapter knows to be free. Polls and downloads are free and repeatable, but the paid call
before them was made, so a known handle is followed until the provider itself says that it is over, or until its
result has expired: faults are waited out, with pauses that grow with the call's age.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from image_studio.errors import (
    ContentRefused,
    MaybeCharged,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import (
    Adapter,
    DownloadFault,
    HttpRequest,
    HttpResponse,
    NotThere,
    Outcome,
    Pending,
    ProviderCredentials,
    ProviderImage,
    ProviderRequest,
    ResultUrl,
    Task,
)
from image_studio.providers.responses import check_url
from image_studio.providers.spec import ModelSpec, ProviderSpec

if TYPE_CHECKING:  # a process that sends nothing never imports it
    from image_studio.providers.transport import HttpTransport

log = logging.getLogger(__name__)

POLL_SECONDS = 20.0  # for the response to one poll
MAX_SUBMITS = 4  # attempts of one paid call, of which all but the last were surely free
LEAST_SHARE = 1 / 3  # of the first attempt's time that a later one needs: a call that is cut short would be lost
MAX_BUSY_SECONDS = 65.0  # longest pause: Stability locks out for 60 s, WaveSpeed's window is a minute
OUTAGE_SECONDS = 0.5
FAULT_SECONDS = 1.0  # after a poll's first fault, doubled at each further one
PAUSE_SHARE = 0.05  # of a call's age that the pause before a poll has at least
MAX_PAUSE = 300.0  # seconds; fal keeps a large result for 6 minutes
GONE_SECONDS = 900.0  # age of a call from which a CDN's 404 means that the result is gone
MAX_HANDLE = 1_024  # characters; a handle becomes part of a record
URL_HANDLE = "url:"  # prefix of a handle that is the result's URL


class StillRunning(Exception):
    """The provider needs longer than this process may wait: resume the call in `wait` seconds."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"still running, resume in {wait:g} s")


@dataclass(slots=True, kw_only=True)
class PaidCall:
    """One paid call, from the submit to the image. The times are seconds of the monotonic clock."""

    adapter: Adapter
    model: ModelSpec
    credentials: ProviderCredentials
    deadline: float  # the submit ends here
    ordered: float  # the call was made then
    wait_until: float  # this process waits no longer than this
    on_handle: Callable[[str], None]  # called with each new handle before anything else happens
    renew_credentials: Callable[[], ProviderCredentials | None] = lambda: None  # for a key that was replaced meanwhile

    @property
    def expires(self) -> float:
        """When the provider's result is gone."""
        return self.ordered + self.spec.result_seconds

    @property
    def spec(self) -> ProviderSpec:
        return self.adapter.SPEC

    def renew(self) -> bool:
        """Take over the renewed credentials; False where they are the refused ones still."""
        renewed = self.renew_credentials()
        if renewed is None or renewed == self.credentials:
            return False
        self.credentials = renewed
        return True


class Transport(Protocol):
    """One exchange with a provider, for one kind of request."""

    def send(self, spec: ProviderSpec, request: Any, credentials: ProviderCredentials, timeout: float) -> HttpResponse:
        """Send the request within `timeout` seconds. Raises NotCharged where nothing was sent, else UnknownCharge."""


class ProviderClient:
    """Carries out paid calls over kept-alive connections, a bounded number at a time per provider.

    `transport` sends HttpRequests and downloads results, `others` send further kinds of requests, by their class.
    """

    def __init__(
        self,
        transport: "HttpTransport",
        others: Mapping[type, Transport] = MappingProxyType({}),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = transport
        self._transports: Mapping[type, Transport] = {HttpRequest: transport, **others}
        self._clock = clock
        self._sleep = sleep
        self._slots: dict[str, BoundedSemaphore] = {}

    def submit(self, call: PaidCall, task: Task, on_submit: Callable[[], None] = lambda: None) -> ProviderImage:
        """Make one paid call and return its image. `on_submit` is called right before the call is sent.

        Raises StillRunning when `wait_until` has passed, NotCharged where the call was surely free, MaybeCharged
        and ContentRefused.
        """
        busy = ProviderBusy(f"{call.spec.title} has as many calls in flight as it may have.")
        until = min(call.wait_until, call.deadline)
        return self._in_slot(call, until, busy, lambda: self._follow(call, self._submit(call, task, on_submit), None))

    def resume(self, call: PaidCall, handle: str, wait: float = 0.0) -> ProviderImage:
        """Return the image of a paid call that was made before; its next poll may be made in `wait` seconds.

        Raises StillRunning, MaybeCharged, ContentRefused.
        """
        self._wait_or_stop(call, wait)
        known = ResultUrl(handle[len(URL_HANDLE) :]) if handle.startswith(URL_HANDLE) else Pending(handle, 0.0)
        full = StillRunning(FAULT_SECONDS)
        return self._in_slot(call, call.wait_until, full, lambda: self._follow(call, known, handle))

    def exchange(
        self, adapter: Adapter, request: ProviderRequest, credentials: ProviderCredentials, timeout: float
    ) -> HttpResponse:
        """Send a request that isn't a paid image call, once. Raises a StudioError unless the status is 2xx."""
        response = self._transports[type(request)].send(adapter.SPEC, request, credentials, timeout)
        if 200 <= response.status < 300:
            return response
        raise _without_key(adapter.read_error(response), credentials.key)

    def _in_slot(
        self, call: PaidCall, until: float, when_full: Exception, action: Callable[[], ProviderImage]
    ) -> ProviderImage:
        """Run the action in one of the provider's slots. Raises `when_full` where none gets free before `until`."""
        slots = self._slots.setdefault(call.spec.name, BoundedSemaphore(call.spec.in_flight))
        if not slots.acquire(timeout=max(0.0, until - self._clock())):
            raise when_full
        try:
            return action()
        except StudioError as error:
            raise _without_key(error, call.credentials.key) from None
        finally:
            slots.release()

    # -- the paid call

    def _submit(self, call: PaidCall, task: Task, on_submit: Callable[[], None]) -> Outcome:
        request = call.adapter.build_request(call.model, task)
        on_submit()
        least = LEAST_SHARE * self._timeout(call)
        renewed = False
        attempt = 1
        while True:
            try:
                response = self.exchange(call.adapter, request, call.credentials, self._timeout(call))
                return call.adapter.read_response(call.model, response)
            except ProviderKeyRefused:
                if renewed or not call.renew():
                    raise
                renewed = True
            except (ProviderBusy, ProviderOutage) as error:
                pause = _pause(call.spec, error, attempt)
                latest = min(call.wait_until, call.deadline - least)
                if attempt == MAX_SUBMITS or pause > MAX_BUSY_SECONDS or self._clock() + pause > latest:
                    raise
                log.info("waiting before a retry", extra={"provider": call.spec.name, "seconds": pause})
                self._sleep(pause)
                attempt += 1

    def _timeout(self, call: PaidCall) -> float:
        """Seconds that an exchange may take; none are left (zero or less) once the deadline has passed."""
        return min(call.spec.submit_timeout, call.deadline - self._clock())

    # -- polls and downloads, which are free

    def _follow(self, call: PaidCall, outcome: Outcome, known: str | None) -> ProviderImage:
        """Poll and download until there is an image, waiting faults out. `known` is the handle that is on record."""
        fault: StudioError | None = None
        faults = 0
        while not isinstance(outcome, ProviderImage):
            handle = _handle_of(call, outcome)
            if handle != known:
                call.on_handle(handle)
                known = handle
            self._wait(call, outcome, fault, faults)
            try:
                outcome, fault, faults = self._poll(call, outcome), None, 0
            except (ProviderUnavailable, ProviderOutage, UnknownCharge, DownloadFault) as error:
                gone = isinstance(error, DownloadFault) and error.gone
                if gone and self._clock() - call.ordered > GONE_SECONDS:
                    raise
                if isinstance(error, ProviderKeyRefused):
                    call.renew()
                fault, faults = error, faults + 1
            except NotCharged as error:
                raise _after_submit(error, call.spec) from None
        return outcome

    def _wait(self, call: PaidCall, outcome: ResultUrl | Pending, fault: StudioError | None, faults: int) -> None:
        """Wait before the next poll. Raises UnknownCharge where the result expires before, StillRunning."""
        wait = outcome.wait if isinstance(outcome, Pending) else 0.0
        if fault:
            least = call.spec.poll_seconds if isinstance(outcome, Pending) else 0.0
            wait = max(wait, least, min(MAX_BUSY_SECONDS, _pause(call.spec, fault, faults)))
        if wait:
            wait = max(wait, min(MAX_PAUSE, PAUSE_SHARE * (self._clock() - call.ordered)))
        if wait and self._clock() + wait > call.expires:
            late = UnknownCharge(f"{call.spec.title} did not finish in time; the call is not repeated.")
            raise _after_submit(fault, call.spec) if fault else late
        self._wait_or_stop(call, wait)

    def _wait_or_stop(self, call: PaidCall, wait: float) -> None:
        if wait <= 0:
            return
        if self._clock() + wait > call.wait_until:
            raise StillRunning(wait)
        self._sleep(wait)

    def _poll(self, call: PaidCall, outcome: ResultUrl | Pending) -> Outcome:
        if isinstance(outcome, ResultUrl):
            data = self._http.download(outcome.url, call.spec, call.credentials.base_url)
            return ProviderImage(data, outcome.seed)
        request = call.adapter.build_poll(call.model, outcome.handle)
        try:
            response = self.exchange(call.adapter, request, call.credentials, POLL_SECONDS)
        except ContentRefused as refusal:  # of the poll, whose order was accepted before
            raise ResultUnusable(refusal.detail) from None
        return call.adapter.read_response(call.model, response, outcome.handle)


def _handle_of(call: PaidCall, outcome: ResultUrl | Pending) -> str:
    """Return what finds the outcome again. Raises MaybeCharged: a URL that may not be fetched isn't recorded."""
    if isinstance(outcome, ResultUrl):
        check_url(outcome.url, call.spec, call.credentials.base_url)
        return URL_HANDLE + outcome.url
    if len(outcome.handle) > MAX_HANDLE:
        raise UnknownCharge(f"{call.spec.title}'s answer could not be read.")
    return outcome.handle


def _pause(spec: ProviderSpec, error: StudioError, attempt: int) -> float:
    """Seconds before the next attempt: the provider's own number, else longer each time."""
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None and math.isfinite(retry_after):
        return float(retry_after)
    first = spec.busy_seconds if isinstance(error, ProviderBusy) else FAULT_SECONDS
    if isinstance(error, ProviderOutage):
        first = OUTAGE_SECONDS
    return min(MAX_BUSY_SECONDS, first * 2.0 ** (attempt - 1))


def _after_submit(error: StudioError, spec: ProviderSpec) -> StudioError:
    """Return the error as MaybeCharged: the submit was accepted, whatever a later response means by itself."""
    if isinstance(error, MaybeCharged):
        return error
    detail = f"{spec.title} has no result of this call (any more)." if isinstance(error, NotThere) else error.detail
    return UnknownCharge(f"{detail} The image was ordered, but can't be fetched; the call is not repeated.")


def _without_key(error: StudioError, key: str) -> StudioError:
    """Remove our key from the error, in case the provider's message repeats it."""
    if key and key in error.detail:
        error.detail = error.detail.replace(key, "***")
        error.args = (error.detail,)
    return error
