"""The two sources of the race, made from a packaged photograph: a grainy 2048x2048 PNG, a 12-megapixel JPEG."""

import random
from pathlib import Path

from fetch import CACHE, marked_images
from PIL import Image, ImageChops

_PHOTO = "Christophe_Henner_-_June_2016.jpg"
GRAIN = 2.6  # standard deviation of the grain: makes 5 MB of the PNG, as a camera does


def sources() -> dict[str, Path]:
    """The two files, by name, made if need be."""
    files = {"2048x2048 PNG": CACHE / "source-2048.png", "12 MP JPEG": CACHE / "source-12mp.jpg"}
    if not all(file.exists() for file in files.values()):
        (entry,) = (one for one in marked_images() if one["path"].endswith(_PHOTO))
        photo = Image.open(entry["file"]).convert("RGB")
        square = photo.crop((0, 0, 3840, 3840)).resize((2048, 2048), Image.Resampling.LANCZOS)
        _grain(square).save(files["2048x2048 PNG"])
        large = photo.crop((0, 0, 5120, 3840)).resize((4000, 3000), Image.Resampling.LANCZOS)
        _grain(large).save(files["12 MP JPEG"], quality=93)
    return files


def _grain(image: Image.Image) -> Image.Image:
    dice = random.Random(1)
    even = Image.frombytes("L", image.size, dice.randbytes(image.width * image.height))
    grain = even.point(lambda value: 128 + (value - 128) * GRAIN / 74)  # 74: the deviation of even bytes
    return ImageChops.add(image, Image.merge("RGB", [grain] * 3), scale=1, offset=-128)
