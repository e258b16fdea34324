"""The one place that talks to providers: sends, retries what was surely free, polls with a deadline.

A paid call is repeated only when it was surely not charged (`ProviderFailed.maybe_charged` is False): a refused
connection, a documented 4xx or 429, or an outage that the adapter knows to be free. Polls and downloads are free
and repeatable. Every loop here is bounded by a number of tries and by the model's deadline (seconds).
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

import requests
import urllib3

from image_studio.errors import (
    ProviderBusy,
    ProviderOutage,
    ResultUnusable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers.adapter import (
    Adapter,
    Blob,
    Finished,
    HttpCall,
    Located,
    Outcome,
    Pending,
    Reply,
    Task,
)
from image_studio.providers.fetch import MAX_RESULT_BYTES, fetch, read_bounded
from image_studio.providers.spec import ModelSpec, ProviderSpec

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
POLL_SECONDS = 20.0  # for one poll's answer
MAX_SUBMITS = 4  # of one variation, all of them surely free but the last
MAX_POLL_FAULTS = 5  # in a row
DEFAULT_BUSY_SECONDS = 5.0  # 429 without Retry-After, doubled at each try
MAX_BUSY_SECONDS = 65.0  # Stability locks out for 60 s; WaveSpeed's window is a minute
OUTAGE_SECONDS = 0.5
URL_HANDLE = "url:"  # a handle that is the result's address itself


class StillRunning(Exception):
    """The provider works on it, and longer than we hold a worker for it: come back after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"still running, ask again in {wait:g} s")


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a provider: its key, and a base URL where the operator set one."""

    key: str = field(repr=False)
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A paid call's bounds: `deadline` ends it, `hold` is how long this process may wait (monotonic seconds)."""

    deadline: float
    hold: float


class Wire:
    """Carries tasks to providers over kept-alive connections, a bounded number at a time per provider."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._sessions: dict[str, requests.Session] = {}
        self._gates: dict[str, BoundedSemaphore] = {}

    def make(
        self,
        adapter: Adapter,
        model: ModelSpec,
        task: Task,
        access: Access,
        *,
        watch: Watch,
        on_handle: Callable[[str], None],
        handle: str | None = None,
    ) -> Finished:
        """The finished picture. With a `handle` an earlier paid call is resumed; else one paid call is made.

        `on_handle` is told each new handle before anything else happens. Raises StillRunning when `watch.hold`
        is over, and StudioErrors for the rest.
        """
        with self._gate(adapter.SPEC):
            outcome: Outcome = _resume(handle) if handle else self._submit(adapter, model, task, access, watch)
            known = handle
            while not isinstance(outcome, Finished):
                new = URL_HANDLE + outcome.url if isinstance(outcome, Located) else outcome.handle
                if new != known:
                    on_handle(new)
                    known = new
                outcome = self._advance(adapter, model, outcome, access, watch)
            return outcome

    def _gate(self, spec: ProviderSpec) -> BoundedSemaphore:
        return self._gates.setdefault(spec.name, BoundedSemaphore(spec.in_flight))

    def _advance(
        self, adapter: Adapter, model: ModelSpec, outcome: Located | Pending, access: Access, watch: Watch
    ) -> Outcome:
        if isinstance(outcome, Located):
            return Finished(self._download(outcome.url, adapter.SPEC, access, watch), outcome.seed)
        now = self._clock()
        if now + outcome.wait > watch.deadline:
            raise UnknownCharge(f"{adapter.SPEC.title} did not finish in time; the call is not repeated.")
        if now + outcome.wait > watch.hold:
            raise StillRunning(outcome.wait)
        self._sleep(outcome.wait)
        return self._poll(adapter, model, outcome.handle, access, watch)

    # -- the paid call

    def _submit(self, adapter: Adapter, model: ModelSpec, task: Task, access: Access, watch: Watch) -> Outcome:
        call = adapter.build_request(model, task)
        for attempt in range(1, MAX_SUBMITS + 1):
            try:
                reply = self._send(adapter.SPEC, call, access, self._patience(adapter.SPEC, watch))
                if 200 <= reply.status < 300:
                    return adapter.read_response(model, reply)
                raise adapter.read_error(reply)
            except (ProviderBusy, ProviderOutage) as error:
                pause = _pause(error, attempt)
                if attempt == MAX_SUBMITS or self._clock() + pause > watch.deadline:
                    raise
                log.info("provider asked to wait", extra={"provider": adapter.SPEC.name, "seconds": pause})
                self._sleep(pause)
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    def _patience(self, spec: ProviderSpec, watch: Watch) -> float:
        return max(0.1, min(spec.submit_timeout, watch.deadline - self._clock()))

    def _send(self, spec: ProviderSpec, call: HttpCall, access: Access, patience: float) -> Reply:
        """One exchange. Raises ProviderOutage where nothing was sent, UnknownCharge where the answer was lost."""
        until = time.monotonic() + patience
        try:
            with self._session(spec).request(
                call.method,
                (access.base_url or spec.base_url).rstrip("/") + call.path,
                params=call.query or None,
                headers={spec.auth_header: spec.auth_format.format(key=access.key), **call.headers},
                timeout=(CONNECT_SECONDS, patience),
                allow_redirects=False,
                stream=True,
                **_body(call),
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status_code, headers, read_bounded(response.raw, MAX_RESULT_BYTES, until))
        except requests.ConnectionError as error:
            if _never_sent(error):
                raise ProviderOutage(f"{spec.title} can't be reached.") from None
            raise _lost(spec) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError):
            raise _lost(spec) from None

    def _session(self, spec: ProviderSpec) -> requests.Session:
        session = self._sessions.get(spec.name)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # no proxy or netrc from the environment
            session.headers["Accept-Encoding"] = "identity"  # nothing that unpacks to more than it says
            adapter = requests.adapters.HTTPAdapter(pool_maxsize=spec.in_flight, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session = self._sessions.setdefault(spec.name, session)
        return session

    # -- free calls

    def _poll(self, adapter: Adapter, model: ModelSpec, handle: str, access: Access, watch: Watch) -> Outcome:
        """One answer to a poll; faults on the way are asked again, a verdict of the provider is final."""
        call = adapter.build_poll(model, handle)
        fault: StudioError = UnknownCharge()
        for attempt in range(1, MAX_POLL_FAULTS + 1):
            try:
                reply = self._send(adapter.SPEC, call, access, min(POLL_SECONDS, self._patience(adapter.SPEC, watch)))
                if 200 <= reply.status < 300:
                    return adapter.read_response(model, reply, handle)
                raise adapter.read_error(reply)
            except (ProviderBusy, ProviderOutage, UnknownCharge) as error:
                fault = error
                if self._clock() >= watch.deadline:
                    break
                self._sleep(min(attempt, max(0.0, watch.deadline - self._clock())))
        raise UnknownCharge(f"{fault.detail} The picture was ordered, but can't be fetched now.")

    def _download(self, url: str, spec: ProviderSpec, access: Access, watch: Watch) -> bytes:
        for attempt in range(1, MAX_POLL_FAULTS + 1):
            try:
                return fetch(url, spec, own_origin=access.base_url)
            except ResultUnusable:
                if attempt == MAX_POLL_FAULTS or self._clock() >= watch.deadline:
                    raise
                self._sleep(min(attempt, max(0.0, watch.deadline - self._clock())))
        raise AssertionError("the loop returns or raises")  # pragma: no cover


def _resume(handle: str) -> Located | Pending:
    if handle.startswith(URL_HANDLE):
        return Located(handle.removeprefix(URL_HANDLE))
    return Pending(handle, 0.0)


def _body(call: HttpCall) -> dict[str, Any]:
    """What `requests` sends: JSON, or multipart/form-data also where there is no file."""
    if call.json is not None:
        return {"json": call.json}
    if call.form is not None:
        return {"files": {name: _part(name, value) for name, value in call.form.items()}}
    return {}


def _part(name: str, value: str | Blob) -> tuple[str | None, str | bytes] | tuple[str, bytes, str]:
    if isinstance(value, Blob):
        return (name, value.data, value.mime)
    return (None, value)


def _pause(error: ProviderBusy | ProviderOutage, attempt: int) -> float:
    if isinstance(error, ProviderOutage):
        return min(MAX_BUSY_SECONDS, error.retry_after or OUTAGE_SECONDS * 2**attempt)
    asked = error.retry_after if error.retry_after is not None else DEFAULT_BUSY_SECONDS * 2 ** (attempt - 1)
    return min(MAX_BUSY_SECONDS, asked)


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether the connection was never made: refused, no such host, no route, or no answer to it in time."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _lost(spec: ProviderSpec) -> UnknownCharge:
    return UnknownCharge(f"{spec.title}'s answer was lost; whether it charged is unknown, so the call is not repeated.")


def access_from(values: Mapping[str, str], spec: ProviderSpec) -> Access | None:
    """The provider's access out of environment-like values, or None where there is no key."""
    key = values.get(spec.key_variable)
    return Access(key, values.get(spec.base_url_variable) or None) if key else None
