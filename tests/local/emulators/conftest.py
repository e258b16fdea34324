"""One running emulator per provider for the whole session, empty before each test; images to send them."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from local.emulators import Emulator
from tests.emulated import running_emulators

__all__ = ["gemini", "huggingface", "png", "running_emulators", "stability", "subject", "subject_png", "wavespeed"]


def _fresh(running: dict[str, Emulator], name: str) -> Emulator:
    running[name].reset()
    return running[name]


@pytest.fixture
def stability(running_emulators: dict[str, Emulator]) -> Emulator:
    """Stability, without a past."""
    return _fresh(running_emulators, "stability")


@pytest.fixture
def wavespeed(running_emulators: dict[str, Emulator]) -> Emulator:
    """WaveSpeed, without a past."""
    return _fresh(running_emulators, "wavespeed")


@pytest.fixture
def huggingface(running_emulators: dict[str, Emulator]) -> Emulator:
    """Hugging Face, without a past."""
    return _fresh(running_emulators, "huggingface")


@pytest.fixture
def gemini(running_emulators: dict[str, Emulator]) -> Emulator:
    """Gemini, without a past."""
    return _fresh(running_emulators, "gemini")


@pytest.fixture
def subject() -> Image.Image:
    """A red disc on a pale ramp, 320x240: a subject on a background."""
    ramp = Image.linear_gradient("L").resize((320, 240)).point(lambda value: 180 + value // 5)
    image = Image.merge("RGB", (ramp, ramp, ramp.point(lambda value: min(255, value + 20))))
    ImageDraw.Draw(image).ellipse((100, 60, 220, 180), fill=(200, 30, 40))
    return image


@pytest.fixture
def subject_png(subject: Image.Image) -> bytes:
    """The subject's bytes."""
    return png(subject)


def png(image: Image.Image) -> bytes:
    """An image as PNG."""
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
