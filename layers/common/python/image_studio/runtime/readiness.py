"""Which models the account can't use yet, as the providers say that have a free call for it."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, runtime_checkable

from image_studio.errors import StudioError
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import Adapter, AwsCall, HttpResponse, ProviderCredentials
from image_studio.providers.spec import ModelSpec
from image_studio.runtime.credentials import credential_store
from image_studio.runtime.worker import provider_client

log = logging.getLogger(__name__)

CHECK_SECONDS = 600
TIMEOUT_SECONDS = 5.0  # of one call
CALLS = 8  # at a time

_last: tuple[float, frozenset[str]] | None = None


@runtime_checkable
class CheckingAdapter(Adapter, Protocol):
    """An adapter whose provider says whether the account can use a model."""

    def build_check(self, model: ModelSpec) -> AwsCall: ...
    def read_check(self, response: HttpResponse) -> bool: ...


def find_not_ready() -> frozenset[str]:
    """Return `provider/model` of the models that can't be used, at most ten minutes old."""
    global _last  # noqa: PLW0603  a cache of this process
    if _last is None or time.monotonic() > _last[0]:
        before = _last[1] if _last else frozenset()
        found = frozenset(_check(before))
        for name in sorted(found - before):
            provider, _, model = name.partition("/")
            log.warning("model not enabled in this account", extra={"provider": provider, "model": model})
        _last = (time.monotonic() + CHECK_SECONDS, found)
    return _last[1]


def _check(before: frozenset[str]) -> Iterator[str]:
    """Yield the models that can't be used. A call that fails says nothing, so what it said before counts."""
    for adapter in PROVIDERS.values():
        if not isinstance(adapter, CheckingAdapter):
            continue
        credentials = credential_store().access(adapter.SPEC.name)
        if credentials is None:
            continue
        models = adapter.SPEC.live_models()
        with ThreadPoolExecutor(CALLS) as pool:
            answers = list(pool.map(partial(_is_ready, adapter, credentials), models))
        for model, ready in zip(models, answers, strict=True):
            name = f"{adapter.SPEC.name}/{model.name}"
            if ready is False or (ready is None and name in before):
                yield name


def _is_ready(adapter: CheckingAdapter, credentials: ProviderCredentials, model: ModelSpec) -> bool | None:
    """Return whether the account can use the model; None where that isn't known."""
    try:
        call = adapter.build_check(model)
        return adapter.read_check(provider_client().exchange(adapter, call, credentials, TIMEOUT_SECONDS))
    except StudioError as error:
        log.info("model not checked", extra={"provider": adapter.SPEC.name, "model": model.name, "code": error.code})
    except Exception:  # a check may not keep the sweep from its jobs
        log.exception("model not checked", extra={"provider": adapter.SPEC.name, "model": model.name})
    return None
