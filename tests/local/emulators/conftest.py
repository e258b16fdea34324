"""One running emulator per provider for the whole session, empty before each test; images to send them."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw

from local.emulators import Emulator
from tests.emulated import emulators, running_emulators

__all__ = ["emulators", "running_emulators"]


def _one_of(name: str) -> Any:
    @pytest.fixture(name=name)
    def emulator(emulators: dict[str, Emulator]) -> Emulator:
        return emulators[name]

    return emulator


stability, wavespeed, huggingface, gemini, bedrock = map(
    _one_of, ("stability", "wavespeed", "huggingface", "gemini", "bedrock")
)


@pytest.fixture
def subject() -> Image.Image:
    """A red disc on a pale ramp, 320x240: a subject on a background."""
    ramp = Image.linear_gradient("L").resize((320, 240)).point(lambda value: 180 + value // 5)
    image = Image.merge("RGB", (ramp, ramp, ramp.point(lambda value: min(255, value + 20))))
    ImageDraw.Draw(image).ellipse((100, 60, 220, 180), fill=(200, 30, 40))
    return image


@pytest.fixture
def subject_png(subject: Image.Image) -> bytes:
    out = BytesIO()
    subject.save(out, "PNG")
    return out.getvalue()
