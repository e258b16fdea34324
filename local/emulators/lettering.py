"""The prompt's words, set in type on a dark band at the foot of an image."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
MOST_LINES = 4
SMALLEST_TYPE = 9


@lru_cache(maxsize=64)
def font(size: int) -> Font:
    """Pillow's own typeface at a size in pixels."""
    return ImageFont.load_default(size)


def letter(image: Image.Image, words: str, small: str = "") -> None:
    """Set the words (and a small line below them) on a band at the foot of an RGB image, in place."""
    width, height = image.size
    margin = max(4, width // 28)
    size = max(SMALLEST_TYPE, int(min(width, height * 1.4) / 18))
    lines, size = _fitted(words, size, width - 2 * margin)
    text = "\n".join(lines)
    note = max(SMALLEST_TYPE, size // 2)
    tall = min(height, int(len(lines) * size * 1.25 + margin + (note * 1.3 if small else 0)))
    _darken(image, (0, height - tall, width, height))
    pen = ImageDraw.Draw(image)
    pen.multiline_text((margin, height - tall + margin // 2), text, (255, 255, 255), font(size), spacing=size * 0.2)
    if small:
        pen.text((margin, height - note * 1.6), small, (205, 210, 216), font(note))


def _fitted(words: str, size: int, room: int) -> tuple[list[str], int]:
    """The words in at most four lines, in the largest type up to `size` that they fit in."""
    while True:
        lines = _wrapped(words[:600], font(size), room)
        if len(lines) <= MOST_LINES:
            return lines, size
        if size <= SMALLEST_TYPE + 2:
            return [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][:-3] + "..."], size
        size = int(size * 0.8)


def _wrapped(words: str, face: Font, room: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _darken(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    band = image.crop(box).point(lambda value: int(value * 0.38))
    image.paste(band, box[:2])
