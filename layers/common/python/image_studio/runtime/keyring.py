"""The providers' keys: from the environment locally, from one secret on AWS. Only the worker holds one of these."""

import json
import os
import time
from collections.abc import Mapping
from threading import Lock

from image_studio.providers import SPECS
from image_studio.providers.wire import Access, access_from
from image_studio.runtime import clients
from image_studio.runtime.settings import settings

CACHE_SECONDS = 300


class ProviderKeys:
    """Keys by provider. The secret is one JSON object whose fields are named like the environment's variables."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: Mapping[str, str] = {}
        self._until = 0.0

    def access(self, provider: str, *, anew: bool = False) -> Access | None:
        """Key and base URL, or None where no key is set; `anew` reads the secret again."""
        values = {**self._secret(anew), **{name: value for name, value in os.environ.items() if value}}
        return next((access_from(values, spec) for spec in SPECS if spec.name == provider), None)

    def configured(self) -> frozenset[str]:
        """The names of the providers that have a key."""
        return frozenset(spec.name for spec in SPECS if self.access(spec.name))

    def _secret(self, anew: bool) -> Mapping[str, str]:
        if not settings().secret_id:
            return {}
        with self._lock:
            if anew or time.monotonic() > self._until:
                text = clients.secretsmanager().get_secret_value(SecretId=settings().secret_id)["SecretString"]
                self._values = {name: str(value) for name, value in json.loads(text or "{}").items() if value}
                self._until = time.monotonic() + CACHE_SECONDS
            return self._values
