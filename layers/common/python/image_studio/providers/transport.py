"""One HTTP exchange with a provider, over the connections of `download.py`, each read of which ends in time.

A kept-alive connection of a function that was frozen may be dead already, and a paid call on it would end as "outcome
unknown": idle connections are not reused.
"""

import ssl
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import requests
import urllib3

from image_studio.errors import NotCharged, ProviderKeyRefused, ProviderOutage, UnknownCharge
from image_studio.providers.adapter import Blob, HttpRequest, HttpResponse, ProviderCredentials
from image_studio.providers.download import CONNECT_SECONDS, PlainPool, TlsPool, deadline_at, download, read_bounded
from image_studio.providers.spec import ProviderSpec
from image_studio.schemas.limits import MAX_RESULT_BYTES

JSON_BYTES = 1024 * 1024  # of a response, around an image in base64


class TimedAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


class SignedRequest(Protocol):
    """A request that is ready to be sent: its signature covers method, URL and body."""

    method: str
    url: str
    headers: Any  # a mapping
    body: bytes


class HttpTransport:
    """Sends requests over kept-alive connections, one session per provider, and downloads results."""

    def __init__(self) -> None:
        self._sessions: dict[str, requests.Session] = {}

    def send(
        self, spec: ProviderSpec, request: HttpRequest, credentials: ProviderCredentials, timeout: float
    ) -> HttpResponse:
        """Send the request within `timeout` seconds. Raises NotCharged where nothing was sent, else UnknownCharge."""
        return self._exchange(spec, _prepared(self._session(spec), spec, request, credentials), timeout)

    def send_signed(self, spec: ProviderSpec, request: SignedRequest, timeout: float) -> HttpResponse:
        """Send a request as it is, which others built and signed. Raises as `send`."""
        outgoing = requests.Request(request.method, request.url, headers=dict(request.headers), data=request.body)
        return self._exchange(spec, outgoing.prepare(), timeout)

    def _exchange(self, spec: ProviderSpec, prepared: requests.PreparedRequest, timeout: float) -> HttpResponse:
        if timeout <= 0:
            raise NotCharged(f"{spec.title} was not called: no time was left for the call.")
        if len(prepared.body or b"") > spec.request_bytes:
            raise NotCharged(f"{spec.title} takes at most {spec.request_bytes // (1024 * 1024)} MB per request.")
        until = time.monotonic() + timeout
        try:
            with (
                deadline_at(until),
                self._session(spec).send(
                    prepared, timeout=(min(CONNECT_SECONDS, timeout), timeout), allow_redirects=False, stream=True
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                most = MAX_RESULT_BYTES * 4 // 3 + JSON_BYTES
                return HttpResponse(response.status_code, headers, read_bounded(response.raw, most, until))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, requests.ConnectionError) and _never_sent(error):
                raise ProviderOutage(f"{spec.title} can't be reached.") from None
            lost = f"{spec.title}'s answer was lost; whether it charged is unknown, so the call is not repeated."
            raise UnknownCharge(lost) from None

    def download(self, url: str, spec: ProviderSpec, own_origin: str | None) -> bytes:
        return download(url, spec, own_origin=own_origin)

    def _session(self, spec: ProviderSpec) -> requests.Session:
        session = self._sessions.get(spec.name)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # no proxy or netrc from the environment
            # Exchanges share nothing but connections.
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers["Accept-Encoding"] = "identity"  # a compressed body could unpack to any size
            adapter = TimedAdapter(pool_maxsize=spec.in_flight, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session = self._sessions.setdefault(spec.name, session)
        return session


def _prepared(
    session: requests.Session, spec: ProviderSpec, request: HttpRequest, credentials: ProviderCredentials
) -> requests.PreparedRequest:
    """Return the request as it is sent. Raises NotCharged for an impossible key or address."""
    if not credentials.key.isascii() or not credentials.key.isprintable():
        raise ProviderKeyRefused(f"{spec.title}'s key has characters that are not printable ASCII.")
    outgoing = requests.Request(
        request.method,
        (credentials.base_url or spec.base_url).rstrip("/") + request.path,
        params=dict(request.query) or None,
        headers={spec.auth_header: spec.auth_format.format(key=credentials.key), **request.headers},
        **_body(request),
    )
    try:
        return session.prepare_request(outgoing)
    except requests.RequestException:
        raise NotCharged(f"{spec.title} can't be called: the request could not be built.") from None


def _body(request: HttpRequest) -> dict[str, Any]:
    """Return the body's argument for `requests`: JSON, or multipart/form-data, also without a file."""
    if request.json is not None:
        return {"json": request.json}
    form = (request.form or {}).items()
    parts = {key: (key, value.data, value.mime) if isinstance(value, Blob) else (None, value) for key, value in form}
    return {"files": parts} if request.form is not None else {}


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether no connection was made: refused, unknown host, timed out, or the wrong certificate."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in reason.args)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
