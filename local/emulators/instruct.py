"""Edits by instruction: what a model that takes images and a sentence does with them.

The sentence's words choose the edit (background, removal, new color, light, style, sketch, ...); a sentence that
names none of them mixes the prompt's own scene into the image.
"""

import re
from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

from local.emulators.cutout import region_for
from local.emulators.encoding import flattened
from local.emulators.enlarging import enlarge
from local.emulators.faults import without_markers
from local.emulators.motifs import COLOR_WORDS, words_of
from local.emulators.painting import Order, Size, add_grain, paint_scene
from local.emulators.restyling import color_in, keep_structure, transfer
from local.emulators.retouching import background_for, erase, light_from, on_background, recolor, replace

SWAP = re.compile(
    r"(?:replace|change|swap|turn)\s+(?:the\s+|a\s+)?(?P<old>.+?)\s+(?:with|by|into|for|to)\s+(?P<new>.+)"
)
#: Padding is told from an image by being flat to within this much.
FLAT = 10

Edit = Callable[[Image.Image, Order, list[Image.Image]], Image.Image]


def follow(order: Order, images: list[Image.Image]) -> Image.Image:
    """The first image, at the order's size, edited as the prompt says."""
    said = without_markers(order.prompt)
    base = ImageOps.fit(flattened(images[0]), order.size)
    plain = Order(said, order.size, order.seed, order.style, order.negative)
    words = set(words_of(said))
    edit = next((edit for keys, edit in EDITS if keys & words), _mix)
    return edit(base, plain, images)


def fitted(image: Image.Image, most_side: int) -> Size:
    """An image's size, scaled down so that no side is longer than some pixels."""
    scale = min(1.0, most_side / max(image.size))
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def _mix(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    scene = paint_scene(order.prompt, base.size, order.seed, order.negative)
    return add_grain(Image.blend(base, scene, 0.5), order.seed)


def _style(base: Image.Image, order: Order, images: list[Image.Image]) -> Image.Image:
    if len(images) < 2:
        return _mix(base, order, images)
    return transfer(base, images[1], 1.0, 0.8)


def _background(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    words = words_of(order.prompt)
    if {"remove", "transparent", "white", "plain"} & set(words):
        return on_background(base, Image.new("RGB", base.size, "white"))
    return on_background(base, background_for(order.prompt, base.size, order.seed))


def _extend(base: Image.Image, order: Order, images: list[Image.Image]) -> Image.Image:
    """Fill what is flat padding around the image."""
    corner = Image.new("RGB", base.size, _corner(base))
    drawn = ImageChops.difference(base, corner).convert("L").point(lambda value: 255 if value > FLAT else 0).getbbox()
    if drawn in (None, (0, 0, *base.size)):
        return _mix(base, order, images)
    region = Image.new("L", base.size, 255)
    region.paste(0, drawn)
    return erase(base, region, order.seed)


def _corner(base: Image.Image) -> tuple[int, int, int]:
    red, green, blue = base.crop((0, 0, 1, 1)).tobytes()
    return red, green, blue


def _erase(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    return erase(base, region_for(base, order.prompt).point(lambda value: 255 if value > 20 else 0), order.seed)


def _recolor(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    named = [word for word in words_of(order.prompt) if word in COLOR_WORDS]
    return recolor(base, named[0] if len(named) > 1 else "", named[-1] if named else order.prompt)


def _swap(base: Image.Image, order: Order, images: list[Image.Image]) -> Image.Image:
    found = SWAP.search(order.prompt.lower())
    if found is None:
        return _recolor(base, order, images)
    if any(word in COLOR_WORDS for word in words_of(found["new"])):
        return _recolor(base, order, images)
    return replace(base, found["old"], Order(found["new"], base.size, order.seed))


def _light(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    words = words_of(order.prompt)
    direction = next((word for word in words if word in {"left", "right", "above", "below"}), "above")
    return light_from(base, direction, 0.8)


def _sketch(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    return color_in(base, order, 0.7)


def _structure(base: Image.Image, order: Order, _images: list[Image.Image]) -> Image.Image:
    return keep_structure(base, order, 0.7)


def _sharpen(base: Image.Image, order: Order, images: list[Image.Image]) -> Image.Image:
    return enlarge(flattened(images[0]), order.size)


#: The words that call for an edit, the more particular edits first.
EDITS: tuple[tuple[set[str], Edit], ...] = (
    ({"upscale", "resolution", "sharpen", "rerender"}, _sharpen),
    ({"outpaint", "extend", "expand", "canvas", "padding", "border"}, _extend),
    ({"sketch", "drawing", "lineart"}, _sketch),
    ({"structure", "depth", "composition"}, _structure),
    ({"style"}, _style),
    ({"background", "backdrop"}, _background),
    ({"light", "lighting", "relight", "lit"}, _light),
    ({"replace", "swap", "change", "turn"}, _swap),
    ({"remove", "erase", "delete"}, _erase),
    ({"recolor", "color", *COLOR_WORDS}, _recolor),
)
