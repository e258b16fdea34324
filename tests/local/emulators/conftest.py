"""One running emulator per provider for the whole session, empty before each test; images to send them."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from local.emulators import Emulator
from tests.emulated import emulators, running_emulators

__all__ = [
    "emulators",
    "gemini",
    "huggingface",
    "running_emulators",
    "stability",
    "subject",
    "subject_png",
    "wavespeed",
]


@pytest.fixture
def stability(emulators: dict[str, Emulator]) -> Emulator:
    """Stability, without a past."""
    return emulators["stability"]


@pytest.fixture
def wavespeed(emulators: dict[str, Emulator]) -> Emulator:
    """WaveSpeed, without a past."""
    return emulators["wavespeed"]


@pytest.fixture
def huggingface(emulators: dict[str, Emulator]) -> Emulator:
    """Hugging Face, without a past."""
    return emulators["huggingface"]


@pytest.fixture
def gemini(emulators: dict[str, Emulator]) -> Emulator:
    """Gemini, without a past."""
    return emulators["gemini"]


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
    out = BytesIO()
    subject.save(out, "PNG")
    return out.getvalue()
