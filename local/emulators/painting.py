"""ImageInputs from prompts: a seeded scene (sky, light, ground, a motif of the prompt) with the prompt set in type.

The same prompt, seed and size always give the same image; another seed gives another one.
"""

import random
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from local.emulators.faults import without_markers
from local.emulators.lettering import letter
from local.emulators.motifs import Palette, draw_motif, palette_for

Size = tuple[int, int]
GRAIN_TILE = 256
GRAIN_STRENGTH = 8


@dataclass(frozen=True)
class Order:
    """What to paint: a prompt, its seed, the size (width x height, pixels) and a style's name."""

    prompt: str
    size: Size
    seed: int = 0
    style: str = ""
    negative: str = ""


def paint(order: Order) -> Image.Image:
    """Paint an order as an RGB image of exactly its size."""
    prompt = without_markers(order.prompt)
    scene = paint_scene(prompt, order.size, order.seed, order.negative)
    scene = STYLES.get(order.style, _plain)(scene)
    letter(scene, prompt or "(no prompt)", small=f"seed {order.seed}" + (f"  {order.style}" if order.style else ""))
    return add_grain(scene, order.seed)


def paint_scene(prompt: str, size: Size, seed: int, negative: str = "") -> Image.Image:
    """The scene alone, without words and grain."""
    draw_from = random.Random(_fingerprint(prompt, seed, negative))
    palette = palette_for(prompt, draw_from)
    scene = _sky(size, palette)
    scene = _light(scene, palette, draw_from)
    pen = ImageDraw.Draw(scene)
    _ground(pen, size, palette, draw_from)
    draw_motif(pen, prompt, size, palette, draw_from)
    return scene


def add_grain(image: Image.Image, seed: int = 0) -> Image.Image:
    """The image with fine grain, so that it compresses as a photo does."""
    tile = _grain_tile()
    start = random.Random(seed).randrange(GRAIN_TILE)
    sheet = Image.new("L", image.size)
    for x in range(-start, image.width, GRAIN_TILE):
        for y in range(-start, image.height, GRAIN_TILE):
            sheet.paste(tile, (x, y))
    return ImageChops.add(image, Image.merge("RGB", (sheet, sheet, sheet)), 1, -128)


def _fingerprint(*parts: object) -> int:
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8])


@lru_cache(maxsize=1)
def _grain_tile() -> Image.Image:
    noise = random.Random(7)
    values = bytes(128 + int(max(-12, min(12, noise.gauss(0, GRAIN_STRENGTH / 2)))) for _ in range(GRAIN_TILE**2))
    return Image.frombytes("L", (GRAIN_TILE, GRAIN_TILE), values)


def _sky(size: Size, palette: Palette) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, palette.horizon), Image.new("RGB", size, palette.sky), ramp)


def _light(scene: Image.Image, palette: Palette, draw_from: random.Random) -> Image.Image:
    """A sun or moon with its glow."""
    width, height = scene.size
    reach = max(width, height)
    glow = Image.radial_gradient("L").resize((reach, reach)).point(_glow)
    x, y = int(width * draw_from.uniform(0.15, 0.85)), int(height * draw_from.uniform(0.12, 0.4))
    sheet = Image.new("L", scene.size)
    sheet.paste(glow, (x - reach // 2, y - reach // 2))
    lit = Image.composite(Image.new("RGB", scene.size, palette.light), scene, sheet)
    radius = int(min(width, height) * draw_from.uniform(0.04, 0.09))
    ImageDraw.Draw(lit).ellipse((x - radius, y - radius, x + radius, y + radius), fill=palette.light)
    return lit


def _glow(distance: int) -> int:
    """Brightness by Pillow's radial distance, which is 181 where the circle meets the square."""
    return int(max(0, 181 - distance) ** 2 / 200)


def _ground(pen: ImageDraw.ImageDraw, size: Size, palette: Palette, draw_from: random.Random) -> None:
    """Three rows of hills, the nearer the darker."""
    width, height = size
    for row in range(3):
        base = height * (0.58 + row * 0.13)
        swing = height * (0.09 - row * 0.02)
        points = [(0.0, float(height))]
        step = max(1, width // 24)
        level = base
        for x in range(0, width + step, step):
            level = base + (level - base) * 0.6 + draw_from.uniform(-swing, swing) * 0.6
            points.append((float(x), level))
        points.append((float(width), float(height)))
        pen.polygon(points, fill=palette.ground(row))


def _plain(scene: Image.Image) -> Image.Image:
    return scene


def _line_art(scene: Image.Image) -> Image.Image:
    edges = ImageChops.invert(scene.convert("L").filter(ImageFilter.FIND_EDGES))
    return Image.merge("RGB", (edges,) * 3)


def _pixel_art(scene: Image.Image) -> Image.Image:
    small = scene.resize((max(1, scene.width // 16), max(1, scene.height // 16)), Image.Resampling.BOX)
    return small.resize(scene.size, Image.Resampling.NEAREST)


def _poster(scene: Image.Image) -> Image.Image:
    return scene.point(lambda value: value // 64 * 85 if value < 252 else 255)


def _neon(scene: Image.Image) -> Image.Image:
    edges = scene.filter(ImageFilter.FIND_EDGES).point(lambda value: min(255, value * 4))
    return ImageChops.add(scene.point(lambda value: value // 4), edges)


def _film(scene: Image.Image) -> Image.Image:
    gray = scene.convert("L")
    sepia = Image.merge("RGB", (gray.point(lambda v: min(255, v + 30)), gray, gray.point(lambda v: v * 3 // 4)))
    return Image.blend(scene, sepia, 0.6)


#: How some style presets look; the others are painted plain.
STYLES = {
    "line-art": _line_art,
    "pixel-art": _pixel_art,
    "low-poly": _poster,
    "comic-book": _poster,
    "neon-punk": _neon,
    "analog-film": _film,
}
