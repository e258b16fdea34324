"""The providers' credentials: from the environment locally, from one secret on AWS. Only the worker reads them."""

import json
import logging
import os
import time
from collections.abc import Mapping
from functools import lru_cache

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

from image_studio.providers import SPECS
from image_studio.providers.adapter import ProviderCredentials, read_credentials
from image_studio.runtime import aws_clients
from image_studio.runtime.settings import settings

log = logging.getLogger(__name__)

CACHE_SECONDS = 300


class CredentialStore:
    """Credentials by provider. The secret is one JSON object whose fields are named like the environment variables."""

    def __init__(self) -> None:
        self._provider: SecretsProvider | None = None
        self._last: Mapping[str, str] | None = None
        self._retry_at = 0.0  # monotonic seconds; until then an unreadable secret isn't read again

    def access(self, provider: str, *, renew: bool = False) -> ProviderCredentials | None:
        """Return key and base URL, or None where it is not configured. `renew` reads the secret again."""
        values = {**self._secret(renew), **{name: value for name, value in os.environ.items() if value}}
        return next((read_credentials(values, spec) for spec in SPECS if spec.name == provider), None)

    def configured(self) -> frozenset[str]:
        return frozenset(spec.name for spec in SPECS if self.access(spec.name))

    def _secret(self, renew: bool) -> Mapping[str, str]:
        """Return the secret's fields, or the earlier ones while it can't be read. Raises GetParameterError."""
        name = settings().secret_id
        if not name:
            return {}
        if self._last is not None and not renew and time.monotonic() < self._retry_at:
            return self._last
        if self._provider is None:
            self._provider = SecretsProvider(boto3_client=aws_clients.secretsmanager())
        try:
            text = self._provider.get(name, max_age=CACHE_SECONDS, force_fetch=renew)
        except GetParameterError:
            if self._last is None:
                raise
            log.exception("provider keys not read, the earlier ones are used")
            self._retry_at = time.monotonic() + CACHE_SECONDS
            return self._last
        self._last = fields_of(str(text or ""))
        return self._last


@lru_cache(maxsize=1)
def credential_store() -> CredentialStore:
    return CredentialStore()


@lru_cache(maxsize=1)
def fields_of(text: str) -> Mapping[str, str]:
    """Return the fields of a secret's text: none, and a log line without the text, if it isn't a JSON object."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        log.error("the secret with the provider keys is not a JSON object")
        return {}
    return {name: value for name, value in document.items() if isinstance(value, str) and value}
