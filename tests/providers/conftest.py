"""Running emulators, a clock that jumps instead of waiting, and small images, for the tests of providers."""

import time
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from image_studio.providers.adapter import Blob
from tests.emulated import emulators, running_emulators

__all__ = ["emulators", "jumps", "running_emulators"]

KEY = "sk-canary-7f3b9d"


class Jumps:
    """A clock and a sleep that belong together: sleeping moves the clock and costs nothing."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        """Monotonic seconds, with what was slept through."""
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        """Remember the wait and jump over it."""
        self.waits.append(seconds)
        self.skipped += seconds


@pytest.fixture
def jumps() -> Jumps:
    """A clock that jumps."""
    return Jumps()


def drawn(size: tuple[int, int] = (256, 192), mode: str = "RGB") -> Blob:
    """A small image with something on it."""
    image = Image.new(mode, size, "white" if mode == "RGB" else 0)
    ImageDraw.Draw(image).ellipse((40, 30, size[0] - 60, size[1] - 40), fill="red" if mode == "RGB" else 255)
    out = BytesIO()
    image.save(out, "PNG")
    return Blob(out.getvalue())


@pytest.fixture(scope="session")
def image() -> Blob:
    """An image of 256 x 192 pixels."""
    return drawn()


@pytest.fixture(scope="session")
def masked(image: Blob) -> dict[str, Blob]:
    """The image and a mask of it, white in the middle."""
    return {"image": image, "mask": drawn(mode="L")}
