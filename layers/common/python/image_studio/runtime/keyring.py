"""The providers' keys: from the environment locally, from one secret on AWS. Only the worker holds one of these."""

import json
import logging
import os
import time
from collections.abc import Mapping
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

from image_studio.providers import SPECS
from image_studio.providers.adapter import ProviderCredentials, read_credentials
from image_studio.runtime import clients
from image_studio.runtime.settings import settings

log = logging.getLogger(__name__)

CACHE_SECONDS = 300


class ProviderKeys:
    """Keys by provider. The secret is one JSON object whose fields are named like the environment's variables."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: Mapping[str, str] | None = None
        self._until = 0.0

    def access(self, provider: str, *, anew: bool = False) -> ProviderCredentials | None:
        """Key and base URL, or None where no key is set; `anew` reads the secret again."""
        values = {**self._secret(anew), **{name: value for name, value in os.environ.items() if value}}
        return next((read_credentials(values, spec) for spec in SPECS if spec.name == provider), None)

    def configured(self) -> frozenset[str]:
        """The names of the providers that have a key."""
        return frozenset(spec.name for spec in SPECS if self.access(spec.name))

    def _secret(self, anew: bool) -> Mapping[str, str]:
        if not settings().secret_id:
            return {}
        with self._lock:
            if anew or self._values is None or time.monotonic() > self._until:
                self._values = self._read()
                self._until = time.monotonic() + CACHE_SECONDS
            return self._values

    def _read(self) -> Mapping[str, str]:
        """The secret; while it can't be read, what it said before. Raises ClientError where nothing is known yet."""
        try:
            text = clients.secretsmanager().get_secret_value(SecretId=settings().secret_id).get("SecretString", "")
        except (ClientError, BotoCoreError):
            if self._values is None:
                raise
            log.exception("provider keys not read, the earlier ones are used")
            return self._values
        return keys_in(text)


def keys_in(text: str) -> dict[str, str]:
    """The keys of a secret's text; what isn't a JSON object has none, and the log says so without repeating it."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        log.error("the secret with the provider keys is not a JSON object")
        return {}
    return {name: value for name, value in document.items() if isinstance(value, str) and value}
