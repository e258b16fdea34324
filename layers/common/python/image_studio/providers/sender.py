"""One HTTP exchange with a provider: what is sent, what came back, and what it means that nothing came back."""

import ssl
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3

from image_studio.errors import ProviderFailed, ProviderKeyRefused, ProviderOutage, UnknownCharge
from image_studio.providers.access import Access
from image_studio.providers.adapter import Blob, HttpCall, Reply
from image_studio.providers.connection import MAX_RESULT_BYTES, TimedAdapter, ending_at, read_bounded
from image_studio.providers.spec import ProviderSpec

CONNECT_SECONDS = 5.0


class Sender:
    """Sends calls over kept-alive connections, one session per provider."""

    def __init__(self) -> None:
        self._sessions: dict[str, requests.Session] = {}

    def send(self, spec: ProviderSpec, call: HttpCall, access: Access, patience: float) -> Reply:
        """One exchange. Raises ProviderOutage where nothing was sent, UnknownCharge where the answer was lost."""
        until = time.monotonic() + patience
        session = self._session(spec)
        prepared = _prepared(session, spec, call, access)
        try:
            with (
                ending_at(until),
                session.send(
                    prepared, timeout=(min(CONNECT_SECONDS, patience), patience), allow_redirects=False, stream=True
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status_code, headers, read_bounded(response.raw, MAX_RESULT_BYTES, until))
        except requests.ConnectionError as error:
            if _never_sent(error):
                raise ProviderOutage(f"{spec.title} can't be reached.") from None
            raise _lost(spec) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise _lost(spec) from None

    def _session(self, spec: ProviderSpec) -> requests.Session:
        session = self._sessions.get(spec.name)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # no proxy or netrc from the environment
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # calls share nothing but connections
            session.headers["Accept-Encoding"] = "identity"  # nothing that unpacks to more than it says
            adapter = TimedAdapter(pool_maxsize=spec.in_flight, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session = self._sessions.setdefault(spec.name, session)
        return session


def _prepared(
    session: requests.Session, spec: ProviderSpec, call: HttpCall, access: Access
) -> requests.PreparedRequest:
    """The request as it goes out. Raises what is surely free: a key that is none, a body larger than is taken."""
    if not access.key.isascii() or not access.key.isprintable():
        raise ProviderKeyRefused(f"{spec.title}'s key has characters that no key has.")
    request = requests.Request(
        call.method,
        (access.base_url or spec.base_url).rstrip("/") + call.path,
        params=dict(call.query) or None,
        headers={spec.auth_header: spec.auth_format.format(key=access.key), **call.headers},
        **_body(call),
    )
    try:
        prepared = session.prepare_request(request)
    except requests.RequestException:
        raise ProviderFailed(f"{spec.title} can't be called: the request could not be built.") from None
    if len(prepared.body or b"") > spec.request_bytes:
        raise ProviderFailed(f"{spec.title} takes at most {spec.request_bytes // (1024 * 1024)} MB per request.")
    return prepared


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


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether the connection was never made: refused, no such host, no answer to it in time, not the right peer."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in reason.args)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _lost(spec: ProviderSpec) -> UnknownCharge:
    return UnknownCharge(f"{spec.title}'s answer was lost; whether it charged is unknown, so the call is not repeated.")
