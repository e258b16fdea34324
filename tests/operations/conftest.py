"""The tests that go all the way meet the providers' emulators."""

from tests.emulated import emulators, running_emulators

__all__ = ["emulators", "running_emulators"]
