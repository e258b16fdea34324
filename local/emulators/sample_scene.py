"""What can be found by words in the playground's own sample image (web/img/sample.svg): a real model finds anything."""

from PIL import Image, ImageChops, ImageDraw

WIDTH, HEIGHT = 1200, 800  # of the drawing that the outlines below belong to
_LOOK = (6, 4)  # the size that it is recognized at
_COLORS = bytes.fromhex(
    "f8cca9f8cca9f8cca9f7cca8f5caa7f8cca9f5d9bbf4d9bbf9dcbde4c9a9e6d0b5f8dabb"
    "92b8aea8b8ad94b7ad9a9f8f90978788b0a54d888d4e898d4a746a3c5a493c5a49446353"
)  # RGB at that size
_TOLERANCE = 12  # of the mean difference, out of 255

#: Words for a part, and its outline.
PARTS: dict[str, tuple[tuple[int, int], ...]] = {
    "boat sailboat ship": ((205, 556), (284, 424), (358, 556), (364, 560), (338, 598), (232, 598)),
    "roof": ((828, 513), (895, 460), (962, 513)),
    "house cottage": ((828, 513), (895, 460), (962, 513), (951, 513), (951, 562), (839, 562), (839, 513)),
    "lighthouse tower": (
        (720, 562), (742, 302), (729, 302), (729, 280), (750, 280), (738, 235), (780, 188), (822, 235), (810, 280),
        (831, 280), (831, 302), (818, 302), (840, 562),
    ),
    "sun": ((548, 330), (575, 265), (640, 238), (705, 265), (732, 330), (705, 395), (640, 422), (575, 395)),
}  # fmt: skip


def find_part(image: Image.Image, words: list[str]) -> Image.Image | None:
    """Return the mask of the part that the first known word names, None for another image or other words."""
    part = next((outline for word in words for keys, outline in PARTS.items() if word in keys.split()), None)
    if part is None or not is_sample(image):
        return None
    mask = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(mask).polygon(part, fill=255)
    return mask.resize(image.size, Image.Resampling.BICUBIC)


def is_sample(image: Image.Image) -> bool:
    """Whether an image is the sample, in any size and file type."""
    known = Image.frombytes("RGB", _LOOK, _COLORS)
    seen = image.convert("RGB").resize(_LOOK, Image.Resampling.BOX)
    differences = ImageChops.difference(known, seen).tobytes()
    return sum(differences) / len(differences) < _TOLERANCE
