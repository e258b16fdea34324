"""The providers' emulators, one of each per session, for the tests that go all the way."""

from collections.abc import Iterator

import pytest

from image_studio.providers import PROVIDERS as ADAPTERS
from image_studio.providers.adapter import ProviderCredentials
from local.emulators import PROVIDERS, Emulator, start


@pytest.fixture(scope="session")
def running_emulators() -> Iterator[dict[str, Emulator]]:
    running = {name: start(name) for name in PROVIDERS}
    yield running
    for emulator in running.values():
        emulator.stop()


@pytest.fixture
def emulators(running_emulators: dict[str, Emulator]) -> dict[str, Emulator]:
    for emulator in running_emulators.values():
        emulator.reset()
    return running_emulators


def credentials_for(emulator: Emulator, key: str = "key") -> ProviderCredentials:
    """Credentials for a running emulator: a key, or a region."""
    if ADAPTERS[emulator.name].SPEC.key_variable:
        return ProviderCredentials(key, emulator.url)
    return ProviderCredentials(base_url=emulator.url, region="us-west-2")
