"""One running emulator per provider for the whole session, empty before each test; pictures to send them."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from local.emulators import PROVIDERS, Emulator, start


@pytest.fixture(scope="session")
def all_emulators() -> Iterator[dict[str, Emulator]]:
    """Every emulator, by name."""
    running = {name: start(name) for name in PROVIDERS}
    yield running
    for emulator in running.values():
        emulator.stop()


def _fresh(running: dict[str, Emulator], name: str) -> Emulator:
    running[name].reset()
    return running[name]


@pytest.fixture
def stability(all_emulators: dict[str, Emulator]) -> Emulator:
    """Stability, without a past."""
    return _fresh(all_emulators, "stability")


@pytest.fixture
def wavespeed(all_emulators: dict[str, Emulator]) -> Emulator:
    """WaveSpeed, without a past."""
    return _fresh(all_emulators, "wavespeed")


@pytest.fixture
def huggingface(all_emulators: dict[str, Emulator]) -> Emulator:
    """Hugging Face, without a past."""
    return _fresh(all_emulators, "huggingface")


@pytest.fixture
def gemini(all_emulators: dict[str, Emulator]) -> Emulator:
    """Gemini, without a past."""
    return _fresh(all_emulators, "gemini")


@pytest.fixture
def subject() -> Image.Image:
    """A red disc on a pale ramp, 320x240: a subject on a background."""
    ramp = Image.linear_gradient("L").resize((320, 240)).point(lambda value: 180 + value // 5)
    picture = Image.merge("RGB", (ramp, ramp, ramp.point(lambda value: min(255, value + 20))))
    ImageDraw.Draw(picture).ellipse((100, 60, 220, 180), fill=(200, 30, 40))
    return picture


@pytest.fixture
def subject_png(subject: Image.Image) -> bytes:
    """The subject's bytes."""
    return png(subject)


def png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
