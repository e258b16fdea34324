"""Encoding within a budget of bytes: harder work first, then a palette, then quality, each step reported."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat

from image_studio.errors import InvalidRequest
from image_studio.imaging.canvas import flatten
from image_studio.imaging.encode import QUALITY, encode, save
from image_studio.imaging.types import DecodedImage
from image_studio.schemas.common import FileType

#: The lowest quality that we hand out; below it blocks are seen at once.
LOWEST_QUALITY = 40
#: What harder work on a PNG may save, as a share; a file further over the budget isn't tried again.
_EFFORT_SAVES = 0.12
#: The largest root-mean-square error (of 255) at which a palette passes for the image.
_HARMLESS = 2.5
#: Width and height of what is tried first, pixels.
_SAMPLE = (128, 128)


AS_REQUESTED = "as asked"


@dataclass(frozen=True, slots=True)
class EncodedRendition:
    """A file and how it was made; `quality` is None for a lossless one."""

    data: bytes
    file_type: FileType
    quality: int | None = None
    how: str = AS_REQUESTED


def encode_under(
    image: DecodedImage, max_bytes: int, file_types: Sequence[FileType], quality: int | None = None
) -> EncodedRendition:
    """The image in at most `max_bytes`, as the first of `file_types` that can be, at the best quality that fits.

    PNG: fast, then with more effort, then with a palette where nobody sees it. JPEG and WebP: `quality` (default
    95), then the highest that fits, down to 40. Raises InvalidRequest when no type fits.
    """
    for file_type in file_types:
        steps = _png_steps(image, max_bytes) if file_type is FileType.PNG else _lossy_steps(image, file_type, quality)
        for step in steps:
            encoded = step(max_bytes)
            if encoded and len(encoded.data) <= max_bytes:
                return encoded if file_type is file_types[0] else _instead(encoded, file_types[0])
    names = ", ".join(one.value for one in file_types)
    raise InvalidRequest(
        f"A {image.width}x{image.height} image with this much detail does not fit in {max_bytes:,} bytes as {names}."
        " Use a calmer image."
    )


_Step = Callable[[int], EncodedRendition | None]


def _instead(encoded: EncodedRendition, asked: FileType) -> EncodedRendition:
    how = f"{encoded.file_type.value} instead of {asked.value}, which was too large"
    how = how if encoded.how == AS_REQUESTED else f"{how}; {encoded.how}"
    return EncodedRendition(encoded.data, encoded.file_type, encoded.quality, how)


def _png_steps(image: DecodedImage, max_bytes: int) -> Iterator[_Step]:
    fast = encode(image, FileType.PNG)
    yield lambda _: EncodedRendition(fast, FileType.PNG)
    if len(fast) <= max_bytes * (1 + _EFFORT_SAVES):
        yield lambda _: EncodedRendition(save(image, "PNG", compress_level=9), FileType.PNG, how="png with more effort")
    yield lambda _: _with_palette(image)


def _with_palette(image: DecodedImage) -> EncodedRendition | None:
    """A PNG of 256 colors, if it can hardly be told from the image."""
    sample = image.resize(_SAMPLE, Image.Resampling.NEAREST)
    if _error(sample, _few_colors(sample)) > 2 * _HARMLESS:  # the whole can't do better with the same 256
        return None
    few = _few_colors(image)
    if _error(image, few) > _HARMLESS:
        return None
    return EncodedRendition(save(few, "PNG", compress_level=9), FileType.PNG, how="png with a palette of 256 colors")


def _few_colors(image: DecodedImage) -> DecodedImage:
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    return image.quantize(256, method, dither=Image.Dither.NONE)


def _error(image: DecodedImage, few: DecodedImage) -> float:
    """Root-mean-square error of the worst channel, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(_as_seen(few.convert(image.mode)), _as_seen(image))).rms)


def _as_seen(image: DecodedImage) -> DecodedImage:
    """Colors weighed by their opacity: what lies under full transparency doesn't count."""
    return image.convert("RGBa") if image.mode == "RGBA" else image


def _lossy_steps(image: DecodedImage, file_type: FileType, quality: int | None) -> Iterator[_Step]:
    start = quality or QUALITY
    plain = flatten(image) if file_type is FileType.JPEG else image
    yield lambda _: EncodedRendition(encode(plain, file_type, start), file_type, start)
    yield lambda max_bytes: _best_quality(plain, file_type, start - 1, max_bytes)


def _best_quality(image: DecodedImage, file_type: FileType, highest: int, max_bytes: int) -> EncodedRendition | None:
    """The highest quality from `highest` down to the lowest that fits, by halving: at most seven tries."""
    found = None
    low, high = LOWEST_QUALITY, highest
    while low <= high:
        middle = (low + high + 1) // 2
        data = encode(image, file_type, middle)
        if len(data) <= max_bytes:
            found = EncodedRendition(data, file_type, middle, how=f"quality lowered to {middle}")
            low = middle + 1
        else:
            high = middle - 1
    return found
