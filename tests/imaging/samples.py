"""Images drawn in code, for the imaging tests."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image, ImageChops, ImageDraw

#: The corners of `four_corners`: top left, top right, bottom left, bottom right.
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def noise(width: int, height: int, strength: float = 80) -> Image.Image:
    """Color noise, the hardest thing to encode; always the same for the same arguments."""
    dice = random.Random(width * height)
    even = Image.frombytes("RGB", (width, height), dice.randbytes(3 * width * height))
    return even.point(lambda value: 128 + (value - 128) * strength / 74)  # 74: the deviation of even bytes


def photo(width: int = 640, height: int = 480) -> Image.Image:
    base = Image.radial_gradient("L").resize((width, height))
    image = Image.merge("RGB", (base, Image.linear_gradient("L").resize((width, height)), ImageChops.invert(base)))
    return ImageChops.add(image, noise(width, height, 4), scale=1, offset=-128)


def flat_art(width: int = 400, height: int = 300) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((width // 8, height // 8, width // 2, height // 2), "navy")
    pen.rectangle((width // 2, height // 2, width - 10, height - 10), "orange")
    pen.text((10, height - 30), "the quick brown fox", "black")
    return image


def drawn_lines(color: str, size: int = 400, width: int = 9) -> Image.Image:
    """Lines of one color on transparency, as logos and sketches come."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((size // 5, size // 5, size - size // 5, size - size // 5), outline=color, width=width)
    pen.line((size // 5, size // 2, size - size // 5, size // 2), color, width)
    return image


def four_corners(width: int, height: int, patch: int = 40) -> Image.Image:
    image = Image.new("RGB", (width, height), (128, 128, 128))
    right, bottom = width - patch, height - patch
    for color, at in zip(CORNERS, ((0, 0), (right, 0), (0, bottom), (right, bottom)), strict=True):
        image.paste(color, (*at, at[0] + patch, at[1] + patch))
    return image


def face(side: int = 200) -> Image.Image:
    """A drawn head on a plain ground; the detector takes it for a face from about 48 pixels on."""
    image = Image.new("RGB", (400, 400), "slategray")
    pen = ImageDraw.Draw(image)

    def oval(x: int, y: int, across: int, down: int, color: str) -> None:
        pen.ellipse((x - across, y - down, x + across, y + down), color)

    oval(200, 180, 92, 112, "#3c2819")  # hair
    oval(200, 212, 76, 100, "#e1ac8c")
    for x in (170, 230):
        oval(x, 192, 16, 9, "white")
        oval(x, 192, 8, 8, "#321e14")
        pen.line((x - 18, 172, x + 18, 170), "#3c2819", 6)
    oval(192, 238, 6, 4, "#aa6e5a")
    oval(208, 238, 6, 4, "#aa6e5a")
    oval(200, 266, 28, 10, "#b44646")
    pen.line((176, 266, 224, 266), "#782828", 3)
    return image.crop((80, 40, 320, 340)).resize((side * 4 // 5, side), Image.Resampling.LANCZOS)


def see_through(image: Image.Image, left_half: int = 0) -> Image.Image:
    """The image as RGBA with its left half at that opacity."""
    clear = image.convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    alpha.paste(left_half, (0, 0, image.width // 2, image.height))
    clear.putalpha(alpha)
    return clear


def png_file(
    width: int, height: int, depth: int, color: int, body: bytes, *extra: tuple[bytes, bytes], interlaced: int = 0
) -> bytes:
    """A PNG of a color type and depth; `body` is the deflated scanlines, `extra` chunks come before it."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    palette = [(b"PLTE", bytes(30))] if color == 3 else []
    chunks = [(b"IHDR", header), *palette, *extra, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def flat_png(color: tuple[int, ...], *extra: tuple[bytes, bytes], side: int = 16) -> bytes:
    """One color, 8 bits: gray, gray and alpha, RGB or RGBA by its length."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[len(color)]
    return png_file(side, side, 8, kind, zlib.compress((b"\0" + bytes(color) * side) * side), *extra)
