"""Running emulators, a clock that jumps instead of waiting, and small images, for the tests of providers."""

import time
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from image_studio.providers.adapter import Blob
from tests.emulated import emulators, running_emulators
from tests.providers.hosts import cdn, guard

__all__ = ["cdn", "emulators", "guard", "jumps", "running_emulators"]


class Jumps:
    """A clock and a sleep that belong together: sleeping moves the clock and costs nothing."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.skipped += seconds


@pytest.fixture
def jumps() -> Jumps:
    return Jumps()


@pytest.fixture(scope="session")
def image() -> Blob:
    drawn = Image.new("RGB", (256, 192), "white")
    ImageDraw.Draw(drawn).ellipse((40, 30, 196, 152), fill="red")
    out = BytesIO()
    drawn.save(out, "PNG")
    return Blob(out.getvalue())
