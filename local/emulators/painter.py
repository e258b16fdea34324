"""Paint images from prompts and edit images, so that a person and a test can see what each operation did.

A painted image is the prompt's subject in its setting: time of day, weather, water or a table. It has no caption. The
same prompt, seed, style and size always give the same image. Sizes are width x height in pixels; strengths are 0 to 1.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from local.emulators.faults import without_markers
from local.emulators.image_files import flatten
from local.emulators.sample_scene import find_part

Size = tuple[int, int]
Color = tuple[int, int, int]
Words = frozenset[str]
Palette = dict[str, Color]
GRAIN_TILE = 256
MASK_SIDE = 128
FINE = 2  # subjects are drawn this many times larger, so that their edges are smooth

#: Words that set the mood, the first match wins: sky, horizon, light, earth.
MOODS = {
    "sunset dusk": ("#43356b", "#f0935a", "#ffe2a0", "#3a2c3c"),
    "sunrise dawn morning": ("#7fa3cf", "#f9d2a8", "#fff6d8", "#5b6a5c"),
    "night evening midnight rainy rain storm": ("#10162f", "#2d3a5f", "#f3f0d7", "#141a2c"),
    "office workspace desk interior room kitchen": ("#dfe5ea", "#f4f2ee", "#ffffff", "#b9a48c"),
    "snow winter snowy": ("#9db8d2", "#eaf1f7", "#ffffff", "#c9d6e2"),
    "sea ocean lake beach": ("#5bb1e0", "#d9f0f7", "#ffffff", "#1d6a8c"),
    "forest jungle": ("#9cc7a6", "#e6efcf", "#fffbe0", "#1f4a2c"),
}
#: Words that replace the hills by water, by a surface seen from above, and by a room.
WATER = frozenset(["sea", "ocean", "lake", "river", "beach", "water", "waves", "boat", "harbor", "coast"])
OVERHEAD = frozenset(["flat", "overhead", "flatlay", "tabletop"])
INDOORS = frozenset(["office", "workspace", "desk", "interior", "room", "kitchen", "table", "studio"])
COLOR_WORDS = (
    "red", "orange", "yellow", "gold", "green", "teal", "blue", "navy", "purple", "pink", "brown", "black", "white",
    "gray", "gray", "silver", "crimson", "turquoise", "violet", "beige", "maroon", "olive", "coral", "magenta", "cyan",
)  # fmt: skip
#: Shades and lights: colors with alpha.
TONES = {
    "dim": "#00000030", "veil": "#00000026", "highlight": "#ffffff55", "glow": "#ffe9a860", "warm": "#ffc66a50",
    "pool": "#ff5fa030", "neon": "#ff6fa8", "neon2": "#6fe3ff",
}  # fmt: skip
#: Subjects: how many to draw, their radius as a share of the shorter side, and shapes around (0, 0).
#: A shape is a method of ImageDraw, its points in radii, and a color by its name in the palette or in CSS.
Shapes = tuple[tuple[str, tuple[float, ...], str], ...]
Motif = tuple[int, float, Shapes]
_PANES = tuple(("rectangle", (x, y, x + 0.12, y + 0.18), "light") for x in (-0.18, 0.06) for y in (-0.8, -0.4, 0, 0.4))
_SPINES = ("#b5483a", "#d9a441", "#3f6f73", "#e8dcc4", "#6c4a6b", "#7d8f4e")
_BOOKS: Shapes = tuple(
    ("rectangle", (-0.86 + n * 0.086, shelf - 0.2 - (n * 5 + k * 3) % 4 * 0.025, -0.80 + n * 0.086, shelf),
     _SPINES[(n + k) % 6])
    for k, shelf in enumerate((-0.1, 0.25, 0.6)) for n in range(12)
)  # fmt: skip
_FROM_ABOVE: Motif = (1, 0.3, (
    ("ellipse", (-1.02, -0.9, 0.78, 0.9), "dim"), ("ellipse", (-1.1, -1, 0.7, 0.8), "#f7f4ee"),
    ("ellipse", (-0.92, -0.82, 0.52, 0.62), "#e9e3d8"), ("rectangle", (0.2, -0.2, 0.62, 0.02), "#f7f4ee"),
    ("ellipse", (-0.75, -0.65, 0.35, 0.45), "#fbf9f5"), ("ellipse", (-0.65, -0.55, 0.25, 0.35), "#5b3a26"),
    ("ellipse", (-0.47, -0.37, 0.07, 0.17), "#c99f73"), ("ellipse", (-0.35, -0.25, -0.05, 0.05), "#efe0c8"),
    ("ellipse", (1.02, -1.28, 1.72, -0.58), "dim"), ("ellipse", (0.97, -1.35, 1.67, -0.65), "#f7f4ee"),
    ("ellipse", (1.08, -1.24, 1.56, -0.76), "#fdfcfa"),
    ("ellipse", (0.93, 0.23, 1.53, 0.83), "dim"), ("ellipse", (0.88, 0.16, 1.48, 0.76), "#e9e3d8"),
    ("ellipse", (0.98, 0.26, 1.38, 0.66), "#8a5a3a"), ("ellipse", (-1.78, -1.28, -1.52, -0.86), "#a9adb0"),
    ("rectangle", (-1.69, -0.9, -1.61, 0.6), "#a9adb0"),
    ("polygon", (-1.9, 1, -1.5, 0.85, -1.3, 1.2, -1.7, 1.35), "#6f8f63"),
))  # fmt: skip
MOTIFS: dict[str, Motif] = {
    "lighthouse": (1, 0.3, (
        ("polygon", (-1.6, 3, -1.1, 1.3, -0.4, 0.95, 0.5, 0.98, 1.1, 1.35, 1.9, 3), "#4b4540"),
        ("polygon", (-0.7, 3, -0.5, 1.3, 0.1, 0.97, 0.5, 0.98, 1.1, 1.35, 1.9, 3), "#5d564d"),
        ("rectangle", (0.3, 0.62, 0.85, 1.02), "#efe6d6"), ("polygon", (0.22, 0.64, 0.58, 0.38, 0.93, 0.64), "#8c3b2e"),
        ("rectangle", (0.5, 0.74, 0.64, 0.88), "#ffdf8e"),
        ("polygon", (-0.28, 1, -0.17, -0.7, 0.17, -0.7, 0.28, 1), "#f6f1e7"),
        ("polygon", (-0.196, -0.3, -0.215, 0, 0.215, 0, 0.196, -0.3), "#c4503c"),
        ("polygon", (-0.238, 0.35, -0.26, 0.68, 0.26, 0.68, 0.238, 0.35), "#c4503c"),
        ("polygon", (0.05, 1, 0.05, -0.7, 0.17, -0.7, 0.28, 1), "veil"),
        ("ellipse", (-0.42, -1.32, 0.42, -0.48), "glow"), ("ellipse", (-0.28, -1.18, 0.28, -0.62), "glow"),
        ("rectangle", (-0.14, -1.05, 0.14, -0.76), "#fff0b8"),
        ("rectangle", (-0.02, -1.05, 0.02, -0.76), "#33413c"), ("rectangle", (-0.26, -0.78, 0.26, -0.68), "#33413c"),
        ("polygon", (-0.21, -1.04, 0, -1.34, 0.21, -1.04), "#c4503c"))),
    "bookshop bookstore shop store storefront window cafe restaurant": (1, 0.34, (
        ("rectangle", (-9, -1.6, 9, 1.05), "#3a3340"), ("rectangle", (-9, 1.05, 9, 9), "#20232f"),
        ("rectangle", (-1.3, -1.02, 1.3, 1.05), "#274b4a"), ("rectangle", (-0.95, -0.62, 0.3, 0.66), "#1b3534"),
        ("rectangle", (-0.9, -0.57, 0.25, 0.61), "#f2bd69"), ("ellipse", (-0.6, -0.5, -0.05, 0.05), "glow"),
        *_BOOKS, *(("rectangle", (-0.9, y, 0.25, y + 0.03), "#7a4b2c") for y in (-0.1, 0.25, 0.6)),
        ("rectangle", (-0.34, -0.57, -0.3, 0.61), "#1b3534"), ("rectangle", (0.5, -0.62, 1.05, 1.05), "#1b3534"),
        ("rectangle", (0.57, -0.55, 0.98, 0.45), "#eeb45f"), ("ellipse", (0.92, 0.2, 0.99, 0.27), "#f4e3b5"),
        *(("polygon", (x, -1.02, x + 0.26, -1.02, x + 0.26, -0.72, x, -0.72), "#b5483a" if n % 2 else "#efe3d2")
          for n, x in enumerate((-1.3, -1.04, -0.78, -0.52, -0.26, 0, 0.26, 0.52, 0.78, 1.04))),
        ("rectangle", (-0.62, -1.42, 0.62, -1.12), "#1d1a26"),
        ("line", (-0.5, -1.27, -0.14, -1.35, 0.1, -1.2, 0.5, -1.3), "neon"),
        ("line", (-0.5, -1.18, 0.5, -1.18), "neon2"), ("polygon", (-0.9, 1.2, 0.25, 1.2, 0.6, 2.2, -1.2, 2.2), "warm"),
        ("polygon", (-0.5, 1.1, 0.5, 1.1, 0.9, 1.6, -0.8, 1.6), "pool"))),
    "mountain mountains peak alps hill hills": (3, 0.34, (
        ("polygon", (-1, 1, 0, -1, 1, 1), "earth"), ("polygon", (0, -1, 1, 1, 0.15, 1, -0.1, 0), "veil"),
        ("polygon", (-0.25, -0.5, 0, -1, 0.25, -0.5, 0.08, -0.38, -0.06, -0.55), "#f5f8fc"))),
    "office workspace desk laptop computer startup": (1, 0.26, (
        ("rectangle", (-1.5, -1.6, -0.2, -0.5), "#cfe3ee"), ("rectangle", (-0.87, -1.6, -0.83, -0.5), "#ffffff"),
        ("rectangle", (-2, 0.82, 2, 1), "#a97c54"), ("rectangle", (-1.8, 1, -1.68, 2.2), "#7d5a3c"),
        ("rectangle", (1.68, 1, 1.8, 2.2), "#7d5a3c"),
        ("polygon", (-0.62, -0.02, 0.52, -0.02, 0.56, 0.74, -0.58, 0.74), "#2e3742"),
        ("polygon", (-0.57, 0.04, 0.47, 0.04, 0.5, 0.68, -0.53, 0.68), "accent"),
        ("polygon", (-0.72, 0.74, 0.72, 0.74, 0.8, 0.83, -0.8, 0.83), "#c6ccd2"),
        ("rectangle", (1.05, 0.52, 1.35, 0.82), "#efe9df"),
        ("ellipse", (0.85, -0.2, 1.25, 0.5), "#4f7d5c"), ("ellipse", (1.1, -0.35, 1.55, 0.5), "#6a9a70"),
        ("line", (-1.3, 0.82, -1.45, 0.1, -1.05, -0.2), "#2e3742"),
        ("polygon", (-1.25, -0.1, -1.05, -0.35, -0.75, -0.05), "#d9a441"))),
    "city skyline street building buildings business urban": (12, 0.25, (
        ("rectangle", (-0.3, -1, 0.3, 1), "shade"), *_PANES)),
    "sailboat boat ship yacht harbor marina": (1, 0.22, (
        ("polygon", (-0.9, 0.6, 0.9, 0.6, 0.6, 0.95, -0.6, 0.95), "#8c3b2e"),
        ("polygon", (-0.05, -1, -0.05, 0.5, -0.75, 0.5), "#fffaf2"),
        ("polygon", (0.05, -0.85, 0.05, 0.5, 0.65, 0.5), "accent"))),
    "sea ocean lake river beach water waves": (24, 0.1, (
        ("ellipse", (-1, -0.07, 1, 0.07), "light"), ("ellipse", (-0.4, 0.2, 1.4, 0.3), "sky"))),
    "forest tree trees wood jungle garden park": (9, 0.14, (
        ("rectangle", (-0.08, 0.4, 0.08, 1), "#543a28"), ("polygon", (-0.6, 0.6, 0, -0.4, 0.6, 0.6), "#2b6b3c"),
        ("polygon", (-0.45, 0.1, 0, -0.9, 0.45, 0.1), "#377a47"))),
    "house cottage cabin home villa barn": (1, 0.24, (
        ("ellipse", (-2.7, 0.7, 2.9, 1.8), "#7d9a6a"),
        ("rectangle", (0.4, -1.15, 0.62, -0.4), "#8a5a48"), ("rectangle", (-1, -0.2, 1, 1), "#f1e6d3"),
        ("polygon", (-1.2, -0.18, 0, -1.1, 1.2, -0.18), "#9c4a38"), ("rectangle", (-0.22, 0.25, 0.22, 1), "#5d4334"),
        *(("rectangle", (x, 0.1, x + 0.42, 0.52), "#ffe3a1") for x in (-0.78, 0.36)),
        ("rectangle", (1.5, 0.3, 1.62, 1), "#543a28"), ("ellipse", (1.1, -0.6, 2, 0.5), "#4d7f55"))),
    "balloon balloons airship": (1, 0.2, (
        ("polygon", (-0.62, 0.62, 0.62, 0.62, 0.16, 1.25, -0.16, 1.25), "dim"),
        ("polygon", (-0.55, 0.55, 0.55, 0.55, 0.2, 1.05, -0.2, 1.05), "accent"),
        ("ellipse", (-1, -1.2, 1, 0.8), "accent"), ("ellipse", (-0.62, -1.2, 0.62, 0.8), "#f8f0df"),
        ("ellipse", (-0.3, -1.2, 0.3, 0.8), "accent"),
        ("polygon", (-0.19, 1.12, 0.19, 1.12, 0.15, 1.45, -0.15, 1.45), "#7a5234"))),
    "flower flowers rose roses tulip bouquet plant": (1, 0.2, (
        ("polygon", (-0.06, 0, 0.06, 0, 0.08, 1.9, -0.04, 1.9), "#3f7548"), ("ellipse", (0, 0.9, 0.9, 1.25), "#4f8a56"),
        *(("ellipse", (x - 0.45, y - 0.45, x + 0.45, y + 0.45), "accent")
          for x, y in ((-0.5, -0.2), (0.5, -0.2), (0, -0.6), (-0.3, 0.35), (0.3, 0.35))),
        ("ellipse", (-0.3, -0.35, 0.3, 0.25), "#f3c64f"))),
    "coffee cup mug tea latte espresso": (1, 0.18, (
        ("ellipse", (-1.9, 0.95, 1.9, 1.5), "dim"), ("ellipse", (-1.8, 0.85, 1.8, 1.35), "#f4f0e8"),
        ("ellipse", (0.5, -0.6, 1.6, 0.5), "accent"), ("ellipse", (0.75, -0.35, 1.35, 0.25), "horizon"),
        ("polygon", (-1, -1, 1, -1, 0.7, 1.1, -0.7, 1.1), "accent"), ("ellipse", (-1, -1.25, 1, -0.75), "shade"),
        ("ellipse", (-0.9, -1.18, 0.9, -0.8), "#4a2f1d"))),
    "product bottle perfume cosmetics skincare box package packaging": (1, 0.15, (
        ("ellipse", (-1.3, 1.65, 1.4, 2), "dim"), ("rectangle", (-1, -1, 1, 1.8), "accent"),
        ("rectangle", (-0.4, -1.7, 0.4, -1), "shade"), ("rectangle", (-1, 0, 1, 1), "#f8f6f0"))),
    "person man woman people portrait team founder developer": (1, 0.14, (
        ("ellipse", (-2, 0.9, 2, 6), "accent"), ("rectangle", (-0.35, 0.6, 0.35, 1.3), "#d3a283"),
        ("ellipse", (-1.05, -1.5, 1.05, 0.6), "#3c281e"),
        ("ellipse", (-0.85, -1.15, 0.85, 0.95), "#e2b496"), ("ellipse", (-0.42, -0.2, -0.24, 0), "#3c281e"),
        ("ellipse", (0.24, -0.2, 0.42, 0), "#3c281e"),
        ("line", (-0.25, 0.45, 0, 0.53, 0.25, 0.45), "#a8604f"))),
    "car cars truck vehicle automobile": (1, 0.14, (
        ("polygon", (-1.3, 0, -0.8, -1, 0.8, -1, 1.4, 0), "shade"), ("rectangle", (-2.2, 0, 2.2, 0.9), "accent"),
        ("ellipse", (-1.75, 0.45, -0.85, 1.35), "#1e1e22"), ("ellipse", (0.85, 0.45, 1.75, 1.35), "#1e1e22"))),
    "cat dog fox animal pet kitten puppy bear": (1, 0.17, (
        ("ellipse", (-1.1, 0.4, 1.1, 2.6), "fur"), ("polygon", (-1, -1.4, -0.9, 0, -0.1, -0.7), "#8d5f38"),
        ("polygon", (1, -1.4, 0.9, 0, 0.1, -0.7), "#8d5f38"), ("ellipse", (-1, -1, 1, 1), "fur"),
        ("ellipse", (-0.55, -0.3, -0.25, 0), "#181818"), ("ellipse", (0.25, -0.3, 0.55, 0), "#181818"),
        ("polygon", (-0.13, 0.2, 0.13, 0.2, 0, 0.36), "#2a1c1c"))),
}  # fmt: skip
_NO_SUBJECT: Motif = (1, 0.2, (
    ("ellipse", (-1.1, 0.85, 1.3, 1.2), "dim"), ("ellipse", (-1, -1, 1, 1), "accent"),
    ("ellipse", (-0.6, -0.7, 0.1, 0), "highlight")))  # fmt: skip


@dataclass(frozen=True)
class Prompt:
    """What to paint: the words, a seed, the name of a style preset, and what to avoid."""

    text: str
    seed: int = 0
    style: str = ""
    negative: str = ""


def paint(prompt: Prompt, size: Size) -> Image.Image:
    """Paint an RGB image."""
    plain = replace(prompt, text=without_markers(prompt.text))
    return add_grain(_STYLES.get(prompt.style, _as_it_is)(paint_scene(plain, size)), prompt.seed)


def paint_scene(prompt: Prompt, size: Size) -> Image.Image:
    """Paint the setting and the subject, without style and grain."""
    words = words_of(prompt.text)
    seeded = random.Random(sha256(repr((prompt.text, prompt.seed, prompt.negative, prompt.style)).encode()).digest())
    colors = _palette(words, seeded)
    scene = _setting(frozenset(words), size, colors, seeded)
    count, radius, shapes = _motif(words)
    canvas = scene.resize((size[0] * FINE, size[1] * FINE), Image.Resampling.NEAREST)
    for _ in range(count):
        x, y, unit = canvas.width / 2, canvas.height / 2, radius * min(canvas.size)
        if count > 1:
            unit *= seeded.uniform(0.7, 1.1)
            foot = 0.63 if WATER & {*words} else seeded.uniform(0.7, 0.84)
            x, y = canvas.width * seeded.uniform(0.08, 0.92), canvas.height * foot - unit
        _draw(canvas, shapes, (x, y), unit, colors)
    return _weather(canvas.reduce(FINE), frozenset(words), seeded)


def _setting(words: Words, size: Size, colors: Palette, seeded: random.Random) -> Image.Image:
    """Paint sky, light and ground; or the surface below things that are seen from above."""
    width, height = size
    if words & OVERHEAD:
        return _gradient(size, _rgb("#efe7da"), _rgb("#dccfbb"))
    scene = _gradient(size, colors["sky"], colors["horizon"])
    if words & INDOORS:
        scene.paste(colors["earth"], (0, int(height * 0.78), width, height))
        return scene
    sun, x, y = min(size) * 0.06, width * seeded.uniform(0.15, 0.85), height * seeded.uniform(0.14, 0.36)
    for radius, share in ((3.2, 0.14), (2.0, 0.22), (1.0, 1.0)):
        # only where it shines, with room for the blur
        reach, blur = sun * radius, max(1, sun * (radius - 1) / 3)
        left, top, side = int(x - reach - blur) - 2, int(y - reach - blur) - 2, int(2 * (reach + blur)) + 6
        spot = Image.new("L", (side, side))
        box = (x - reach - left, y - reach - top, x + reach - left, y + reach - top)
        ImageDraw.Draw(spot).ellipse(box, fill=int(255 * share))
        scene.paste(colors["light"], (left, top), spot.filter(ImageFilter.BoxBlur(blur)))
    pen = ImageDraw.Draw(scene)
    for row, share in enumerate((0.75, 0.5) if words & WATER else (0.6, 0.3, 0.0)):
        level = height * (0.56 + row * 0.12) if not words & WATER else height * (0.55 + row * 0.04)
        ridge = [(width * step / 24, level + height * seeded.uniform(-0.03, 0.03)) for step in range(25)]
        pen.polygon([*ridge, size, (0, height)], fill=_mix(colors["earth"], colors["horizon"], share))
    if words & WATER:
        top = int(height * 0.62)
        water = (_mix(colors["sky"], colors["horizon"], 0.55), _mix(colors["sky"], (10, 30, 50), 0.45))
        scene.paste(_gradient((width, height - top), *water), (0, top))
        for _ in range(40):
            x, y, long = (
                width * seeded.random(),
                top + (height - top) * seeded.random(),
                width * seeded.uniform(0.02, 0.09),
            )
            pen.line((x, y, x + long, y), _mix(water[0], colors["light"], 0.35), max(1, height // 300))
    return scene


def _gradient(size: Size, top: Color, bottom: Color) -> Image.Image:
    column = (1, size[1])
    ramp = Image.linear_gradient("L").resize(column)
    column_of_colors = Image.composite(Image.new("RGB", column, bottom), Image.new("RGB", column, top), ramp)
    return column_of_colors.resize(size, Image.Resampling.NEAREST)


def _weather(scene: Image.Image, words: Words, seeded: random.Random) -> Image.Image:
    """Add rain, snow or fog."""
    (width, height), unit = scene.size, max(1, min(scene.size) // 400)
    veil = Image.new("L", scene.size)
    pen = ImageDraw.Draw(veil)
    if words & {"rain", "rainy", "storm"}:
        for _ in range(220):
            x, y, long = width * seeded.random(), height * seeded.random(), height * seeded.uniform(0.02, 0.05)
            pen.line((x, y, x - long * 0.2, y + long), fill=70, width=unit)
    if words & {"snow", "snowy", "winter"}:
        for _ in range(260):
            x, y, flake = width * seeded.random(), height * seeded.random(), unit * seeded.uniform(1, 3)
            pen.ellipse((x - flake, y - flake, x + flake, y + flake), fill=210)
    if words & {"fog", "foggy", "mist", "misty", "clouds"}:
        for _ in range(9):
            x, y, wide = width * seeded.random(), height * seeded.uniform(0.72, 1), width * seeded.uniform(0.2, 0.4)
            pen.ellipse((x - wide, y - height * 0.06, x + wide, y + height * 0.09), fill=225)
        veil = veil.filter(ImageFilter.BoxBlur(max(2, height // 22)))
    if veil.getbbox():
        scene.paste((236, 240, 246), mask=veil)
    return scene


def _motif(words: list[str]) -> Motif:
    if OVERHEAD & {*words} and {"coffee", "cup", "tea", "breakfast"} & {*words}:
        return _FROM_ABOVE
    return next((motif for word in words for keys, motif in MOTIFS.items() if word in keys.split()), _NO_SUBJECT)


def _draw(image: Image.Image, shapes: Shapes, center: tuple[float, float], unit: float, colors: Palette) -> None:
    """Draw shapes around a center."""
    pen = ImageDraw.Draw(image, "RGBA")
    for kind, points, color in shapes:
        placed = [center[n % 2] + point * unit for n, point in enumerate(points)]
        width = {"width": max(1, int(unit * 0.05))} if kind == "line" else {}
        getattr(pen, kind)(placed, fill=colors.get(color) or TONES.get(color, color), **width)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())


def add_grain(image: Image.Image, seed: int = 0) -> Image.Image:
    """Add fine grain, so that the image compresses as a photograph does."""
    start = random.Random(seed).randrange(GRAIN_TILE)
    sheet = Image.new("L", image.size)
    for x in range(-start, image.width, GRAIN_TILE):
        for y in range(-start, image.height, GRAIN_TILE):
            sheet.paste(_grain(), (x, y))
    return ImageChops.add(image, Image.merge("RGB", (sheet, sheet, sheet)), 1, -128)


@lru_cache(maxsize=1)
def _grain() -> Image.Image:
    noise = random.Random(7)
    values = bytes(128 + int(max(-12, min(12, noise.gauss(0, 4)))) for _ in range(GRAIN_TILE**2))
    return Image.frombytes("L", (GRAIN_TILE, GRAIN_TILE), values)


def _as_it_is(scene: Image.Image) -> Image.Image:
    return scene


def _pixelate(scene: Image.Image) -> Image.Image:
    width, height = scene.size
    side = max(1, min(scene.size) // 96)
    return scene.resize((width // side, height // side), Image.Resampling.BOX).resize(
        scene.size, Image.Resampling.NEAREST
    )


def _outline(scene: Image.Image) -> Image.Image:
    return ImageOps.invert(scene.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda v: min(255, v * 4))).convert(
        "RGB"
    )


#: The style presets that change the drawing; the others change its composition.
_STYLES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "pixel-art": _pixelate,
    "line-art": _outline,
    "analog-film": lambda scene: Image.blend(scene, ImageOps.colorize(scene.convert("L"), "#2a1c10", "#fff1d6"), 0.5),
    "comic-book": lambda scene: ImageOps.posterize(ImageEnhance.Color(scene).enhance(1.5), 3),
    "cinematic": lambda scene: ImageEnhance.Contrast(scene).enhance(1.15),
}


def _palette(words: list[str], seeded: random.Random) -> Palette:
    hue = seeded.randrange(360)
    drawn = (f"hsv({hue},35%,68%)", f"hsv({hue + 30},15%,95%)", f"hsv({hue + 40},10%,100%)", f"hsv({hue},35%,38%)")
    mood = next((MOODS[keys] for keys in MOODS if {*keys.split()} & {*words}), drawn)
    colors = dict(zip(("sky", "horizon", "light", "earth"), map(_rgb, mood), strict=True))
    named = _color_in(words)
    accent = named or _rgb(f"hsv({hue + seeded.randrange(100, 260)},60%,78%)")
    return {
        **colors,
        "accent": accent,
        "fur": _color_in(words) or _rgb("#c58b55"),
        "shade": _mix(accent, (20, 20, 30), 0.35),
    }


def _rgb(name: str) -> Color:
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


def _mix(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _color_in(words: list[str]) -> Color | None:
    return next((_rgb(word) for word in words if word in COLOR_WORDS), None)


# Masks: white is the region that an edit works on.


def subject_mask(image: Image.Image) -> Image.Image:
    """Find the subject: what edges separate from the border, else an oval in the middle."""
    small = flatten(image).resize((MASK_SIDE, MASK_SIDE)).filter(ImageFilter.MedianFilter(3))
    red, green, blue = small.filter(ImageFilter.FIND_EDGES).split()
    edges = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda value: 255 if value > 40 else 0)
    edges = ImageOps.expand(ImageOps.crop(edges, 1), 1, 0)  # the filter leaves the outermost pixels as they are
    mask = ImageOps.invert(_outside(edges.filter(ImageFilter.MaxFilter(3)))).filter(ImageFilter.MinFilter(5))
    if not 0.02 < mask.histogram()[255] / MASK_SIDE**2 < 0.92:
        mask = Image.new("L", small.size)
        ImageDraw.Draw(mask).ellipse((28, 20, 100, 115), fill=255)
    mask = _middle_piece(mask)
    soft = mask.filter(ImageFilter.GaussianBlur(1)).resize(image.size, Image.Resampling.BICUBIC)
    return soft.point(lambda value: max(0, min(255, (value - 96) * 4)))


def _middle_piece(mask: Image.Image) -> Image.Image:
    """Drop what hangs on the piece in the middle by a thread only; all stays where the middle is empty."""
    core, middle = mask.filter(ImageFilter.MinFilter(9)), (MASK_SIDE // 2, MASK_SIDE // 2)
    if core.getpixel(middle) != 255:
        return mask
    ImageDraw.floodfill(core, middle, 128)
    piece = core.point(lambda value: 255 if value == 128 else 0).filter(ImageFilter.MaxFilter(11))
    return ImageChops.darker(mask, piece)


def _outside(barrier: Image.Image) -> Image.Image:
    """White where the border is reached without crossing the barrier's white; MASK_SIDE pixels square."""
    small = barrier.resize((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX).point(lambda value: 255 if value > 16 else 0)
    padded = ImageOps.expand(small, 1, 0)
    ImageDraw.floodfill(padded, (0, 0), 128)
    return ImageOps.crop(padded, 1).point(lambda value: 255 if value == 128 else 0)


def region_for(image: Image.Image, words: str) -> Image.Image:
    """Find what words name: the background, a part of the sample image, the pixels of a color, else the subject."""
    if "background" in words.lower():
        return ImageOps.invert(subject_mask(image))
    part = find_part(image, words_of(words))
    if part:
        return part
    color = _color_in(words_of(words))
    if color:
        wanted = Image.new("RGB", (1, 1), color).convert("HSV").tobytes()
        hue, saturation, value = flatten(image).convert("HSV").split()
        if wanted[1] < 40:  # a gray: by its brightness
            found = value.point(lambda v: 255 if abs(v - wanted[2]) < 50 else 0)
        else:
            near = hue.point(lambda v: 255 if min((v - wanted[0]) % 256, (wanted[0] - v) % 256) < 22 else 0)
            found = ImageChops.darker(near, saturation.point(lambda v: 255 if v > 70 else 0))
        if found.histogram()[255] > image.width * image.height * 0.003:
            return found.filter(ImageFilter.MedianFilter(5))
    return subject_mask(image)


def mask_for(image: Image.Image, mask: Image.Image | None, pixels: int = 0) -> Image.Image:
    """Return the mask at the image's size, else the image's transparency, else its subject; grown by some pixels."""
    if mask is not None:
        region = flatten(mask).convert("L").resize(image.size)
    else:
        region = ImageOps.invert(image.getchannel("A")) if image.mode == "RGBA" else subject_mask(image)
    return grow(region, pixels)


def grow(mask: Image.Image, pixels: int) -> Image.Image:
    """Grow a mask by some pixels."""
    return mask.filter(ImageFilter.MaxFilter(min(pixels, 50) * 2 + 1)) if pixels > 0 else mask


# Edits: each returns a new image.


def remove_background(image: Image.Image) -> Image.Image:
    """Return the subject as RGBA with a transparent background."""
    cut = image.convert("RGBA")
    cut.putalpha(ImageChops.darker(cut.getchannel("A"), subject_mask(image)))
    return cut


def replace_background(image: Image.Image, background: Image.Image) -> Image.Image:
    """Put the subject on another image, which is scaled and cropped to cover."""
    return Image.composite(flatten(image), ImageOps.fit(flatten(background), image.size), subject_mask(image))


def paint_background(prompt: Prompt, size: Size) -> Image.Image:
    """Paint a scene out of focus."""
    return add_grain(paint_scene(prompt, size).filter(ImageFilter.GaussianBlur(max(1, min(size) // 200))), prompt.seed)


def inpaint(image: Image.Image, region: Image.Image, prompt: Prompt) -> Image.Image:
    """Paint the prompt's subject into the region, or its scene where that has no single subject.

    Outside of the region nothing changes.
    """
    left, top, right, bottom = region.point(lambda value: 255 if value > 127 else 0).getbbox() or (0, 0, *image.size)
    width, height, words = right - left, bottom - top, words_of(without_markers(prompt.text))
    count, _, shapes = _motif(words)
    if count > 1 or shapes is _NO_SUBJECT[2]:  # several things, or nothing that we can draw
        painted = flatten(image).copy()
        painted.paste(paint(prompt, (max(8, width), max(8, height))), (left, top))
        return Image.composite(painted, flatten(image), region)
    painted = erase(image, region, prompt.seed)
    patch = painted.crop((left, top, right, bottom)).resize((width * FINE, height * FINE), Image.Resampling.NEAREST)
    reach = [max(abs(value) for shape in shapes for value in shape[1][axis::2]) for axis in (0, 1)]
    unit = 0.46 * min(patch.width / min(reach[0], 2), patch.height / min(reach[1], 2))
    _draw(patch, shapes, (patch.width / 2, patch.height / 2), unit, _palette(words, random.Random(prompt.seed)))
    painted.paste(patch.reduce(FINE), (left, top))
    return Image.composite(painted, flatten(image), region)


def erase(image: Image.Image, region: Image.Image, seed: int = 0) -> Image.Image:
    """Fill the region from its surroundings: shrunk copies lend their colors, the smallest ones reach farthest."""
    base = flatten(image)
    holed = base.convert("RGBA")
    holed.putalpha(region.point(lambda value: 0 if value > 8 else 255))
    filled, side = holed.resize((1, 1), Image.Resampling.BOX).convert("RGB").resize(base.size), 2
    while side < max(base.size):
        small = holed.resize((min(side, base.width), min(side, base.height)), Image.Resampling.BOX)
        lent = small.resize(base.size, Image.Resampling.BICUBIC)
        filled = Image.composite(lent.convert("RGB"), filled, lent.getchannel("A"))
        side *= 2
    return Image.composite(add_grain(filled, seed), base, region)


def outpaint(image: Image.Image, sides: tuple[int, int, int, int], seed: int = 0) -> Image.Image:
    """Extend the canvas by left, right, up, down pixels with a mirrored, softer copy; the original stays as it is."""
    left, right, up, down = sides
    base = flatten(image)
    canvas = Image.new("RGB", (base.width + left + right, base.height + up + down))
    for column in range(-(-left // base.width) * -1, -(-right // base.width) + 1):
        for row in range(-(-up // base.height) * -1, -(-down // base.height) + 1):
            tile = ImageOps.mirror(base) if column % 2 else base
            canvas.paste(ImageOps.flip(tile) if row % 2 else tile, (left + column * base.width, up + row * base.height))
    canvas = add_grain(canvas.filter(ImageFilter.GaussianBlur(3)), seed)
    canvas.paste(base, (left, up))
    return canvas


def recolor(image: Image.Image, region: Image.Image, words: str) -> Image.Image:
    """Give the region the color that the words name; light and shade stay."""
    color = _color_in(words_of(words)) or (70, 90, 200)
    shades = ImageOps.autocontrast(flatten(image).convert("L"), cutoff=1)
    tinted = ImageOps.colorize(shades, _mix(color, (0, 0, 0), 0.8), _mix(color, (255, 255, 255), 0.66), color)
    return Image.composite(tinted, flatten(image), region)


def relight(image: Image.Image, direction: str, strength: float, like: Image.Image | None = None) -> Image.Image:
    """Light an image from left, right, above or below, or from the brighter side of another image."""
    if like:
        a, b, c, d = flatten(like).convert("L").resize((2, 2), Image.Resampling.BOX).tobytes()
        sides = {"left": a + c, "right": b + d, "above": a + b, "below": c + d}
        direction = max(sides, key=lambda side: sides[side])
    ramp = Image.linear_gradient("L").rotate({"left": -90, "right": 90, "below": 0}.get(direction, 180))
    light, force = ImageEnhance.Brightness(flatten(image)), 0.35 + 0.6 * strength
    return Image.composite(light.enhance(1 + force), light.enhance(1 - force * 0.8), ramp.resize(image.size))


def upscale(image: Image.Image, size: Size, creativity: float = 0.0) -> Image.Image:
    """Resize and sharpen, with more contrast by creativity; transparency stays."""
    large = image.resize(size, Image.Resampling.LANCZOS)
    sharp = large.convert("RGB").filter(ImageFilter.UnsharpMask(2, 60, 2))
    sharp = ImageEnhance.Contrast(sharp).enhance(1 + creativity / 2)
    if large.mode == "RGBA":
        sharp.putalpha(large.getchannel("A"))
    return sharp


def size_of_area(image: Image.Image, pixels: int) -> Size:
    """Return the size with the image's aspect ratio and at most that area."""
    scale = (pixels / (image.width * image.height)) ** 0.5
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def size_of_long_side(image: Image.Image, side: int) -> Size:
    """Return the size with the image's aspect ratio and that longer side."""
    scale = side / max(image.size)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def color_sketch(sketch: Image.Image, prompt: Prompt, strength: float) -> Image.Image:
    """Color a sketch after the prompt, inside of its lines otherwise than outside; the strength keeps the lines."""
    gray = ImageOps.autocontrast(flatten(sketch).convert("L"))
    if sum(gray.resize((1, 1)).tobytes()) < 110:
        gray = ImageOps.invert(gray)  # white lines on black
    lines = gray.point(lambda value: 0 if value > 155 else 255)
    scene = paint_scene(prompt, sketch.size)
    warm = ImageOps.colorize(scene.convert("L"), (90, 40, 20), (255, 236, 190), (224, 140, 70))
    colored = Image.composite(scene, warm, _outside(lines).resize(sketch.size, Image.Resampling.BICUBIC))
    ink = Image.new("RGB", sketch.size, (28, 24, 32))
    return add_grain(
        Image.composite(ink, colored, lines.point(lambda v: int(v * (0.25 + 0.75 * strength)))), prompt.seed
    )


def keep_structure(image: Image.Image, prompt: Prompt, strength: float) -> Image.Image:
    """Paint an image's light, shade and edges in the colors of the prompt's setting."""
    seeded, words = random.Random(prompt.seed), words_of(prompt.text)
    setting = _setting(frozenset(words), image.size, _palette(words, seeded), seeded)
    mixed = Image.blend(setting, with_palette(image, setting), 0.35 + 0.6 * strength)
    edges = flatten(image).convert("L").filter(ImageFilter.FIND_EDGES).point(lambda v: int(min(255, v * 3) * strength))
    return add_grain(Image.composite(Image.new("RGB", image.size, (20, 20, 24)), mixed, edges), prompt.seed)


def with_palette(image: Image.Image, reference: Image.Image) -> Image.Image:
    """Give an image the dark, middle and bright color of a reference."""
    small = flatten(reference).resize((16, 16), Image.Resampling.BOX).tobytes()
    ranked = sorted((small[i : i + 3] for i in range(0, len(small), 3)), key=sum)
    dark, middle, bright = (tuple(ranked[place]) for place in (8, 128, 248))
    return ImageOps.colorize(ImageOps.autocontrast(flatten(image).convert("L")), dark, bright, middle)


def paint_in_style(prompt: Prompt, size: Size, reference: Image.Image, fidelity: float) -> Image.Image:
    """Paint the prompt in the colors of a reference, the more the higher the fidelity."""
    painted = paint(prompt, size)
    return Image.blend(painted, with_palette(painted, reference), 0.3 + 0.7 * fidelity)


def transfer_style(image: Image.Image, style: Image.Image, strength: float, fidelity: float) -> Image.Image:
    """Give an image the colors of another, in flat areas where less fidelity is asked for."""
    base = flatten(image)
    smooth = base.filter(ImageFilter.MedianFilter(5)) if fidelity < 0.5 else base
    return Image.blend(base, with_palette(smooth, style), strength)


# Edits by instruction: what a model does that takes images and a sentence.

_SWAP = re.compile(
    r"(?:replace|change|swap|turn)\s+(?:the\s+|a\s+)?(?P<old>.+?)\s+(?:with|by|into|for|to)\s+(?P<new>.+)"
)


def edit(prompt: Prompt, images: list[Image.Image], size: Size) -> Image.Image:
    """Edit the first image, at `size`, by the first rule that the prompt has a word of; else mix in its scene."""
    plain = replace(prompt, text=without_markers(prompt.text))
    words = frozenset(words_of(plain.text))
    rule = next((rule for keys, rule in _RULES if words & set(keys.split())), _mix_scene)
    return rule(ImageOps.fit(flatten(images[0]), size), plain, words, images)


def _mix_scene(base: Image.Image, prompt: Prompt, *_: Any) -> Image.Image:
    words = words_of(prompt.text)
    if _motif(words) is _NO_SUBJECT:  # a mood: its light and its weather
        seeded = random.Random(prompt.seed)
        colors = _palette(words, seeded)
        light = _gradient(base.size, _mix(colors["sky"], (255, 255, 255), 0.25), colors["horizon"])
        lit = Image.blend(base, ImageChops.multiply(base, light), 0.85)
        return add_grain(_weather(lit, frozenset(words), seeded), prompt.seed)
    return add_grain(Image.blend(base, paint_scene(prompt, base.size), 0.5), prompt.seed)


def _fill_padding(base: Image.Image, prompt: Prompt, *rest: Any) -> Image.Image:
    flat = Image.new("RGB", base.size, base.getpixel((0, 0)))
    drawn = ImageChops.difference(base, flat).convert("L").point(lambda value: 255 if value > 10 else 0).getbbox()
    if drawn in (None, (0, 0, *base.size)):
        return _mix_scene(base, prompt, *rest)
    region = Image.new("L", base.size, 255)
    region.paste(0, drawn)
    return erase(base, region, prompt.seed)


def _change_background(base: Image.Image, prompt: Prompt, words: Words, _: Any) -> Image.Image:
    blank = words & {"remove", "transparent", "white", "plain"}
    return replace_background(
        base, Image.new("RGB", base.size, "white") if blank else paint_background(prompt, base.size)
    )


def _take_style(base: Image.Image, prompt: Prompt, words: Words, images: list[Image.Image]) -> Image.Image:
    return transfer_style(base, images[1], 1.0, 0.8) if len(images) > 1 else _mix_scene(base, prompt)


def _swap(base: Image.Image, prompt: Prompt, *_: Any) -> Image.Image:
    found = _SWAP.search(prompt.text.lower())
    if found is None or (_color_in(words_of(found["new"])) and _motif(words_of(found["new"])) is _NO_SUBJECT):
        named = [word for word in words_of(prompt.text) if word in COLOR_WORDS]
        return recolor(base, region_for(base, named[0] if len(named) > 1 else ""), named[-1] if named else "")
    return inpaint(base, grow(region_for(base, found["old"]), 3), replace(prompt, text=found["new"]))


Rule = Callable[[Image.Image, Prompt, Words, list[Image.Image]], Image.Image]
#: The words that call for an edit, the more particular edits first.
_RULES: tuple[tuple[str, Rule], ...] = (
    ("upscale resolution sharpen rerender", lambda base, _p, _w, images: upscale(flatten(images[0]), base.size)),
    ("outpaint extend expand canvas padding border", _fill_padding),
    ("sketch drawing lineart", lambda base, prompt, _w, _i: color_sketch(base, prompt, 0.7)),
    ("structure depth composition", lambda base, prompt, _w, _i: keep_structure(base, prompt, 0.7)),
    ("style", _take_style),
    ("background backdrop", _change_background),
    (
        "light lighting relight lit",
        lambda base, _p, words, _i: relight(base, min(words & {"left", "right", "below"}, default="above"), 0.8),
    ),
    ("replace swap change turn", _swap),
    ("remove erase delete", lambda base, prompt, _w, _i: erase(base, region_for(base, prompt.text), prompt.seed)),
    (" ".join(["recolor recolor color color", *COLOR_WORDS]), _swap),
)
