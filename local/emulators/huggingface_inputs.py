"""Reading what comes through the router: prompts, sizes, images as data URIs."""

from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from local.emulators.encoding import NotAImage, decode, from_text
from local.emulators.painting import Size
from local.emulators.provider import random_seed
from local.emulators.wire import Visit

NAMED_SIZES: dict[str, Size] = {
    "square_hd": (1024, 1024), "square": (512, 512), "portrait_4_3": (768, 1024), "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768), "landscape_16_9": (1024, 576),
}  # fmt: skip
LEAST_SIDE, MOST_SIDE = 64, 2048
STEP = 16


@dataclass
class Wish:
    """A generation or an edit, whatever provider it is for. `error` names the field and what is wrong."""

    prompt: str = ""
    size: Size | None = None
    seed: int = 0
    images: list[Image.Image] = field(default_factory=list)
    negative: str = ""
    error: tuple[str, str] | None = None


def read_wish(visit: Visit, body: dict[str, Any], *, size: Any, sources: list[Any]) -> Wish:
    """A wish from a flat body: `prompt`, `seed`, `negative_prompt`; size and image sources are told apart before."""
    seed = body.get("seed")
    wish = Wish(str(body.get("prompt") or ""), seed=seed if isinstance(seed, int) else random_seed())
    wish.negative = str(body.get("negative_prompt") or "")
    wish.size, wish.error = _size(size)
    for number, source in enumerate(sources):
        wish.error = wish.error or _add_image(visit, wish, f"image{number}", source)
    return wish


def _size(asked: Any) -> tuple[Size | None, tuple[str, str] | None]:
    """A size in steps of 16 pixels, as these models paint, from a name, `WxH` or width and height."""
    if asked is None:
        return None, None
    if isinstance(asked, str) and asked in NAMED_SIZES:
        return NAMED_SIZES[asked], None
    sides = asked.split("x") if isinstance(asked, str) else [asked.get("width"), asked.get("height")]
    try:
        width, height = (int(side) for side in sides)
    except (TypeError, ValueError):
        return None, ("image_size", "value is not a valid image size")
    if not (LEAST_SIDE <= width <= MOST_SIDE and LEAST_SIDE <= height <= MOST_SIDE):
        return None, ("image_size", f"width and height must be between {LEAST_SIDE} and {MOST_SIDE}")
    return (width // STEP * STEP, height // STEP * STEP), None


def _add_image(visit: Visit, wish: Wish, name: str, source: Any) -> tuple[str, str] | None:
    try:
        data = source if isinstance(source, bytes) else from_text(str(source))
        wish.images.append(decode(data))
    except NotAImage as broken:
        return "image_url", f"Failed to load the image: {broken}"
    visit.call.images[name] = data
    visit.call.files[name] = {"bytes": len(data)}
    return None
