"""Templates, platforms, styles and presets: JSON in `data/`, read at first use and kept.

Nothing here imports pydantic: the reads that answer from the catalog start without it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

from image_studio.catalog.entries import (
    Limits,
    Platform,
    PlatformFormat,
    SafeZone,
    Style,
    Template,
    UpscalePreset,
)
from image_studio.catalog.load import Catalog

__all__ = [
    "DATA",
    "Catalog",
    "Limits",
    "Platform",
    "PlatformFormat",
    "SafeZone",
    "Style",
    "Template",
    "UpscalePreset",
    "categories",
    "choose_platform",
    "choose_social_platform",
    "default",
    "platform",
    "platform_names",
    "platforms",
    "social_platform_names",
    "style_words",
    "styles",
    "template",
    "templates",
    "upscale_preset",
    "upscale_presets",
]

DATA: Final = Path(__file__).parent / "data"


@lru_cache(maxsize=1)
def default() -> Catalog:
    """The catalog that ships with the layer."""
    return Catalog(DATA)


def templates() -> tuple[Template, ...]:
    """All templates, in the order of their platforms."""
    return default().templates


def template(template_id: str) -> Template:
    """Find a template; NotFound says where the list is."""
    return default().template(template_id)


def platforms() -> tuple[Platform, ...]:
    """All platforms, in their published order."""
    return default().platforms


def platform_names() -> tuple[str, ...]:
    """Ids of all platforms, in their published order."""
    return default().platform_names


def social_platform_names() -> tuple[str, ...]:
    """Ids of the platforms that have formats."""
    return default().social_platform_names


def platform(name: str) -> Platform:
    """Find a platform that a path names, in any case; NotFound lists them."""
    return default().platform(name)


def choose_platform(name: str) -> Platform:
    """Find a platform that a body or a query names, in any case; UnknownChoice lists them."""
    return default().choose_platform(name)


def choose_social_platform(name: str) -> Platform:
    """Find a platform with formats, in any case; UnknownChoice lists those."""
    return default().choose_social_platform(name)


def categories() -> tuple[str, ...]:
    """All template categories; some may have no template."""
    return default().categories


def styles() -> tuple[Style, ...]:
    """All style presets."""
    return default().styles


def style_words(preset: str) -> str:
    """The words that a style preset adds to a prompt, after a comma; UnknownChoice lists the presets."""
    return default().style_words(preset)


def upscale_presets() -> tuple[UpscalePreset, ...]:
    """All upscale presets."""
    return default().upscale_presets


def upscale_preset(name: str) -> UpscalePreset:
    """Find an upscale preset; UnknownChoice lists them."""
    return default().upscale_preset(name)
