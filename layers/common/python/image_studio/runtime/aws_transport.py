"""The transport of providers that are AWS services: the SDK builds and signs each call, our own connections send it.

The SDK's own connections wait 60 s at most for each read, whatever a call's deadline, and would use a connection that
died while the function was frozen. So the signed request goes through `HttpTransport`, which ends every call on time,
bounds the response, and says surely whether anything was sent. The SDK repeats nothing: whether a call may be repeated
is decided in one place, by `client.py`.
"""

import logging
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_studio.errors import ProviderUnavailable
from image_studio.providers.adapter import AwsCall, HttpResponse, ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.providers.spec import ProviderSpec
from image_studio.providers.transport import HttpTransport, SignedRequest
from image_studio.runtime import aws_clients

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Exchange:
    """The exchange that the SDK makes in this thread."""

    http: HttpTransport
    spec: ProviderSpec
    timeout: float
    response: HttpResponse | None = None


_current: ContextVar[_Exchange] = ContextVar("exchange")


class AwsTransport:
    """Calls AWS services with the function's own role, once each."""

    def __init__(self, http: HttpTransport) -> None:
        self._http = http

    def send(
        self, spec: ProviderSpec, request: AwsCall, credentials: ProviderCredentials, timeout: float
    ) -> HttpResponse:
        """Send the call within `timeout` seconds. Raises NotCharged where nothing was sent, else UnknownCharge."""
        exchange = _Exchange(self._http, spec, timeout)
        token = _current.set(exchange)
        try:
            region = request.region or credentials.region
            client = aws_clients.provider_client(request.service, region, credentials.base_url, _send)
            getattr(client, request.operation)(**request.parameters)
        except ClientError:
            pass  # the adapter reads the response itself
        except BotoCoreError:
            if exchange.response is None:  # no credentials, or a parameter that the service doesn't have
                log.exception("call not built", extra={"provider": spec.name})
                raise ProviderUnavailable(f"{spec.title} can't be called with this function's role.") from None
        finally:
            _current.reset(token)
        assert exchange.response is not None, "the SDK sends through `_send` alone"  # noqa: S101
        return exchange.response


def make_provider_client(**timing: Any) -> ProviderClient:
    """Return a client of all providers, of both transports; `timing` is for tests: `clock` and `sleep`."""
    http = HttpTransport()
    return ProviderClient(http, {AwsCall: AwsTransport(http)}, **timing)


def _send(request: SignedRequest, **_: Any) -> "_SdkResponse":
    """Send the SDK's signed request in its place (botocore's event `before-send`)."""
    exchange = _current.get()
    exchange.response = exchange.http.send_signed(exchange.spec, request, exchange.timeout)
    return _SdkResponse(exchange.response)


class _SdkResponse:
    """A response in the form that the SDK's parser reads."""

    def __init__(self, response: HttpResponse) -> None:
        self.status_code = response.status
        self.headers = dict(response.headers)
        self.content = response.body
        self.raw = BytesIO(response.body)
