"""Gemini's models as data: which are alive, their ratios, sizes, images' pixels and prices (USD)."""

from dataclasses import dataclass

from local.emulators.painting import Size

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
EXTREME_RATIOS = ("1:4", "4:1", "1:8", "8:1")
#: Width x height at 1K, pixels; 2K doubles each side, 4K doubles it twice, 512 halves it.
SIZES_1K: dict[str, Size] = {
    "1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "3:4": (896, 1200), "4:3": (1200, 896),
    "4:5": (928, 1152), "5:4": (1152, 928), "9:16": (768, 1376), "16:9": (1376, 768), "21:9": (1584, 672),
    "1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384),
}  # fmt: skip
SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True)
class ImageModel:
    """A model that paints: its prices by image size, what it takes, and the file type it gives."""

    prices: dict[str, float]
    ratios: tuple[str, ...]
    most_references: int = 14
    file_type: str = "png"
    thinks: bool = False


IMAGE_MODELS = {
    "gemini-3.1-flash-image": ImageModel(
        {"512": 0.045, "1K": 0.067, "2K": 0.101, "4K": 0.151}, (*RATIOS, *EXTREME_RATIOS)
    ),
    "gemini-3-pro-image": ImageModel({"1K": 0.134, "2K": 0.134, "4K": 0.24}, RATIOS, file_type="jpeg", thinks=True),
    "gemini-3.1-flash-lite-image": ImageModel({"1K": 0.034}, (*RATIOS, *EXTREME_RATIOS), file_type="jpeg"),
}
TEXT_MODELS = ("gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-3.1-flash-lite")
#: Shut down by November 2026; each answers 404 NOT_FOUND like a name that never was.
RETIRED_MODELS = (
    "gemini-2.5-flash-image",
    "gemini-2.5-flash-image-preview",
    "gemini-3.1-flash-image-preview",
    "gemini-3-pro-image-preview",
    "imagen-4.0-generate-001",
    "imagen-4.0-ultra-generate-001",
    "imagen-4.0-fast-generate-001",
    "imagen-3.0-generate-001",
    "imagen-3.0-generate-002",
)


def size_of(ratio: str, image_size: str) -> Size:
    """Width x height of an image, pixels."""
    width, height = SIZES_1K[ratio]
    scale = SCALES[image_size]
    return int(width * scale), int(height * scale)


def nearest_ratio(model: ImageModel, size: Size) -> str:
    """The model's ratio nearest to an image's, as it chooses for edits when none is given."""
    wanted = size[0] / size[1]
    return min(model.ratios, key=lambda ratio: abs(SIZES_1K[ratio][0] / SIZES_1K[ratio][1] / wanted - 1))
