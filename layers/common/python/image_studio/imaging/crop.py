"""Cropping to a ratio: around the centre, a point, or what matters in the picture."""

from typing import Literal

from image_studio.imaging.picture import Box, Picture
from image_studio.imaging.resize import scale
from image_studio.imaging.saliency import Attention
from image_studio.schemas.image import FocalPoint

CropMode = Literal["smart", "center"]


def cover(
    image: Picture,
    width: int,
    height: int,
    *,
    mode: CropMode = "smart",
    focal: FocalPoint | None = None,
    attention: Attention | None = None,
) -> tuple[Picture, Box]:
    """The picture cropped and scaled to exactly width x height pixels, never stretched; and the box.

    `focal` overrides `smart`; `attention` saves looking twice when one picture is cropped often.
    """
    box = crop_box(image, width / height, mode=mode, focal=focal, attention=attention)
    return scale(image, width, height, box), box


def crop_box(
    image: Picture,
    ratio: float,
    *,
    mode: CropMode = "smart",
    focal: FocalPoint | None = None,
    attention: Attention | None = None,
) -> Box:
    """The largest box of `ratio` (width / height) in the picture, placed by `mode` or `focal`."""
    horizontal = image.width > image.height * ratio
    share = image.height * ratio / image.width if horizontal else image.width / ratio / image.height
    if share >= 1:
        return Box(0, 0, image.width, image.height)
    start = (1 - share) / 2
    if mode == "smart" and focal:
        start = min(max((focal.x if horizontal else focal.y) - share / 2, 0), 1 - share)
    elif mode == "smart":
        start = (attention or Attention(image)).start(share, horizontal)
    if horizontal:
        return Box(start * image.width, 0, (start + share) * image.width, image.height)
    return Box(0, start * image.height, image.width, (start + share) * image.height)
