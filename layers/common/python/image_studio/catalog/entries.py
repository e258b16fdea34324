"""What the catalog holds, and how the API shows it.

Named tuples, for cold starts: a cold read pays neither for pydantic nor for building dataclasses (4 ms).
"""

from typing import Any, Final, NamedTuple

from image_studio.catalog.ratios import ratio_of
from image_studio.errors import UnknownChoice

MEGABYTE: Final = 1_000_000  # bytes; platforms rarely say which megabyte they mean, so the smaller one
RESULT_MAX_BYTES: Final = 5 * MEGABYTE  # the API reference promises 5.0 MB; lower where a platform takes less
ANIMATED: Final = "gif"  # platforms take it, a still image is never written as it


def file_type_name(file_type: str) -> str:
    """The reference's word for a file type: `jpeg` is shown as `JPG`."""
    return "JPG" if file_type == "jpeg" else file_type.upper()


class SafeZone(NamedTuple):
    """Shares of height (top, bottom) and width (left, right) that a platform may cover, 0 to under 0.5."""

    top: float
    bottom: float
    left: float
    right: float

    def as_dict(self) -> dict[str, float]:
        """The four shares, in the reference's order."""
        return {"top": self.top, "bottom": self.bottom, "left": self.left, "right": self.right}


class Limits(NamedTuple):
    """What a platform itself accepts: file types, bytes, pixels; None means that it publishes no limit."""

    file_types: tuple[str, ...]
    max_bytes: int
    min_width: int | None = None
    min_height: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    max_pixels: int | None = None
    notes: tuple[str, ...] = ()

    def accepts(self, width: int, height: int) -> bool:
        """Whether width x height pixels lie within the sides and the area."""
        sides = (self.min_width or 1) <= width <= (self.max_width or width)
        sides = sides and (self.min_height or 1) <= height <= (self.max_height or height)
        return sides and width * height <= (self.max_pixels or width * height)

    def as_dict(self) -> dict[str, Any]:
        """The limits that exist; bytes as megabytes of 10^6."""
        shown: dict[str, Any] = {
            "file_types": [file_type_name(each) for each in self.file_types],
            "max_size_mb": self.max_bytes / MEGABYTE,
        }
        sides = ("min_width", "min_height", "max_width", "max_height", "max_pixels")
        shown |= {name: getattr(self, name) for name in sides if getattr(self, name) is not None}
        return shown | ({"notes": list(self.notes)} if self.notes else {})


class PlatformFormat(NamedTuple):
    """A named size of a platform, width x height pixels."""

    name: str
    aliases: tuple[str, ...]
    width: int
    height: int
    label: str
    safe_zone: SafeZone
    limits: Limits

    @property
    def ratio(self) -> str:
        """The shape's name, computed from the size."""
        return ratio_of(self.width, self.height)

    @property
    def file_types(self) -> tuple[str, ...]:
        """What a still image may be written as here, of `jpeg`, `png` and `webp`."""
        return tuple(each for each in self.limits.file_types if each != ANIMATED)

    @property
    def max_bytes(self) -> int:
        """The bytes that our result stays under: what the API promises, or the platform's limit if lower."""
        return min(RESULT_MAX_BYTES, self.limits.max_bytes)

    def answers_to(self, name: str) -> bool:
        """Whether `name` is this format's name or an alias, in any case."""
        return name.strip().casefold() in (each.casefold() for each in (self.name, *self.aliases))

    def as_dict(self) -> dict[str, Any]:
        """The reference's fields in its order, then the label, the aliases and the platform's real limits."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "ratio": self.ratio,
            "safe_zone": self.safe_zone.as_dict(),
            "file_type": file_type_name("png" if "png" in self.file_types else self.file_types[0]),
            "max_size_mb": self.max_bytes / MEGABYTE,
            "label": self.label,
            "aliases": list(self.aliases),
            "limits": self.limits.as_dict(),
        }


class Platform(NamedTuple):
    """A place that images are made for; blog, email and website have no formats and no limits."""

    id: str
    name: str
    formats: tuple[PlatformFormat, ...]
    limits: Limits | None = None

    def format(self, name: str) -> PlatformFormat:
        """Find a format by name or alias, in any case; UnknownChoice lists the names."""
        for each in self.formats:
            if each.answers_to(name):
                return each
        raise UnknownChoice.of(f"{self.name} format", name, [each.name for each in self.formats])

    def specs(self) -> dict[str, Any] | None:
        """The reference's platform specs, then the limits; None where the platform has none."""
        if self.limits is None:
            return None
        return {
            "name": self.name,
            "formats": [
                {"name": each.name, "ratio": each.ratio, "size": f"{each.width}x{each.height}"} for each in self.formats
            ],
            "file_types": [file_type_name(each) for each in self.limits.file_types],
            "max_file_size": f"{self.limits.max_bytes / MEGABYTE:g}MB",
            "limits": self.limits.as_dict(),
        }


class Template(NamedTuple):
    """A named preset for create, width x height pixels."""

    id: str
    name: str
    category: str
    platform: str
    width: int
    height: int
    label: str
    description: str
    recommended_provider: str
    style_preset: str
    quality: str
    use_cases: tuple[str, ...]

    @property
    def ratio(self) -> str:
        """The shape's name, computed from the size."""
        return ratio_of(self.width, self.height)

    def as_dict(self) -> dict[str, Any]:
        """The reference's fields, in its order."""
        return {
            "id": self.id,
            "name": self.name,
            "category": self.category,
            "platform": self.platform,
            "aspect_ratio": {
                "ratio": self.ratio,
                "width": self.width,
                "height": self.height,
                "label": self.label,
            },
            "description": self.description,
            "recommended_provider": self.recommended_provider,
            "style_preset": self.style_preset,
            "quality": self.quality,
            "use_cases": list(self.use_cases),
        }


class Style(NamedTuple):
    """A style preset and the words that it adds to a prompt, after a comma."""

    id: str
    words: str


class UpscalePreset(NamedTuple):
    """A named target of upscale: pixels of the long side."""

    name: str
    long_side: int
