"""Edits by instruction: what a model does with pictures and a sentence."""

from PIL import Image, ImageOps

from local.emulators.encoding import flattened
from local.emulators.painting import Order, paint


def follow(order: Order, pictures: list[Image.Image]) -> Image.Image:
    """The first picture, brought to the order's size, changed as the prompt says."""
    base = ImageOps.fit(flattened(pictures[0]), order.size)
    return Image.blend(base, paint(order), 0.35)
