"""What a prompt's words look like: colors for its palette, and a simple drawing of its subject."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageColor, ImageDraw

Color = tuple[int, int, int]
Pen = ImageDraw.ImageDraw

#: Words that set the mood: sky, horizon, light, ground.
MOODS: dict[str, tuple[str, str, str, str]] = {
    "sunset": ("#3b2a5a", "#f08a4b", "#ffe2a0", "#3a2433"),
    "sunrise": ("#6a8fc7", "#f9c58d", "#fff3c4", "#4b4a3a"),
    "night": ("#070b22", "#1f2b54", "#f3f0d7", "#0c1020"),
    "ocean": ("#5bb1e0", "#d9f0f7", "#ffffff", "#1d6a8c"),
    "sea": ("#5bb1e0", "#d9f0f7", "#ffffff", "#1d6a8c"),
    "forest": ("#9cc7a6", "#e6efcf", "#fffbe0", "#1f4a2c"),
    "snow": ("#8fb0cf", "#eef4f9", "#ffffff", "#b7c7d8"),
    "desert": ("#6fb3d9", "#f4d9a4", "#fff2cc", "#b07a3e"),
    "office": ("#c9d6e2", "#f4f6f8", "#ffffff", "#5c6b7a"),
    "professional": ("#2d4a6b", "#c7d5e2", "#ffffff", "#22303f"),
    "studio": ("#d8d8dc", "#f6f6f6", "#ffffff", "#a9a9b2"),
}
COLOR_WORDS = (
    "red", "orange", "yellow", "gold", "green", "teal", "blue", "navy", "purple", "pink", "brown", "black", "white",
    "gray", "gray", "silver", "crimson", "turquoise", "violet", "beige", "maroon", "olive", "coral", "magenta", "cyan",
)  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """The colors of one image."""

    sky: Color
    horizon: Color
    light: Color
    earth: Color
    accent: Color

    def ground(self, row: int) -> Color:
        """The ground's color by row, 0 the farthest: haze far away, dark near by."""
        share = (0.45, 0.2, 0.0)[row]
        return blend(self.earth, self.horizon, share)


def blend(one: Color, other: Color, share: float) -> Color:
    """One color with a share (0 to 1) of another."""
    r, g, b = (int(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


def color_named(text: str) -> Color | None:
    """The first color word of a text."""
    for word in words_of(text):
        if word in COLOR_WORDS:
            return _rgb(word)
    return None


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return ["".join(c for c in word if c.isalnum()) for word in text.lower().split()]


def palette_for(prompt: str, draw_from: random.Random) -> Palette:
    """Colors by the prompt's words, else by its seed."""
    mood = next((MOODS[word] for word in words_of(prompt) if word in MOODS), None)
    hue = draw_from.random()
    drawn = (_hsv(hue, 0.55, 0.55), _hsv(hue + 0.08, 0.25, 0.95), _hsv(hue + 0.1, 0.1, 1), _hsv(hue + 0.45, 0.5, 0.35))
    sky, horizon, light, earth = (_rgb(c) for c in mood) if mood else drawn
    accent = color_named(prompt) or _hsv(hue + draw_from.uniform(0.3, 0.7), 0.75, 0.85)
    return Palette(sky, horizon, light, earth, accent)


def _rgb(name: str) -> Color:
    r, g, b = ImageColor.getrgb(name)[:3]
    return r, g, b


def _hsv(hue: float, saturation: float, value: float) -> Color:
    return _rgb(f"hsv({int(hue % 1 * 360)},{int(saturation * 100)}%,{int(value * 100)}%)")


def draw_motif(pen: Pen, prompt: str, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    """Draw the subject that the prompt names, else a few shapes."""
    draw = next((MOTIFS[word] for word in words_of(prompt) if word in MOTIFS), _shapes)
    draw(pen, size, palette, draw_from)


def _mountain(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    for _ in range(3):
        x, top, half = width * draw_from.uniform(0.1, 0.9), height * draw_from.uniform(0.2, 0.4), width * 0.28
        foot = height * 0.72
        pen.polygon([(x - half, foot), (x, top), (x + half, foot)], fill=blend(palette.earth, palette.sky, 0.3))
        cap = 0.25
        pen.polygon(
            [(x - half * cap, top + (foot - top) * cap), (x, top), (x + half * cap, top + (foot - top) * cap)],
            fill=(245, 248, 252),
        )


def _city(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    x = 0.0
    while x < width:
        wide, tall = width * draw_from.uniform(0.05, 0.11), height * draw_from.uniform(0.2, 0.55)
        top, foot = height * 0.82 - tall, height * 0.82
        pen.rectangle((x, top, x + wide, foot), fill=blend(palette.earth, palette.accent, draw_from.uniform(0.1, 0.4)))
        pane = max(3.0, wide / 7)
        for row in range(int(tall / (pane * 2)) - 1):
            for column in range(3):
                if draw_from.random() < 0.7:
                    left, upper = x + pane * (1 + column * 2), top + pane * (1 + row * 2)
                    pen.rectangle((left, upper, left + pane, upper + pane), fill=palette.light)
        x += wide * 1.12


def _water(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    for row in range(14):
        y = height * (0.6 + row * 0.03)
        wave, lift = width * draw_from.uniform(0.05, 0.12), height * 0.012
        shade = blend(palette.earth, palette.light, draw_from.uniform(0.05, 0.4))
        start = -wave * draw_from.random()
        while start < width:
            pen.arc((start, y - lift, start + wave, y + lift), 180, 360, fill=shade, width=max(2, height // 200))
            start += wave


def _trees(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    for _ in range(9):
        x, foot = width * draw_from.random(), height * draw_from.uniform(0.65, 0.9)
        tall = height * draw_from.uniform(0.14, 0.3)
        pen.rectangle((x - tall * 0.05, foot - tall * 0.3, x + tall * 0.05, foot), fill=(84, 58, 40))
        leaf = blend((34, 110, 52), palette.earth, draw_from.uniform(0, 0.5))
        for layer in range(3):
            top, half = foot - tall * (0.5 + layer * 0.25), tall * (0.34 - layer * 0.08)
            pen.polygon([(x - half, top + tall * 0.3), (x, top - tall * 0.1), (x + half, top + tall * 0.3)], fill=leaf)


def _flower(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    for _ in range(5):
        x, y = width * draw_from.uniform(0.12, 0.88), height * draw_from.uniform(0.45, 0.75)
        petal = min(size) * draw_from.uniform(0.03, 0.06)
        pen.line((x, y, x, height), fill=(60, 120, 60), width=max(2, int(petal / 3)))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7)):
            _disc(pen, x + dx * petal, y + dy * petal, petal * 0.7, palette.accent)
        _disc(pen, x, y, petal * 0.6, (250, 210, 70))


def _cup(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    x, y, unit = *_middle(size), min(size) * 0.16
    pen.ellipse((x - unit * 1.9, y + unit * 0.9, x + unit * 1.9, y + unit * 1.4), fill=(240, 238, 232))
    pen.ellipse((x + unit * 0.6, y - unit * 0.5, x + unit * 1.7, y + unit * 0.5), outline=palette.accent, width=12)
    pen.rounded_rectangle((x - unit, y - unit, x + unit, y + unit * 1.1), int(unit * 0.4), fill=palette.accent)
    pen.ellipse((x - unit, y - unit * 1.25, x + unit, y - unit * 0.75), fill=(60, 38, 24))


def _bottle(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    x, y, unit = *_middle(size), min(size) * 0.15
    pen.rounded_rectangle((x - unit, y - unit, x + unit, y + unit * 1.8), int(unit * 0.3), fill=palette.accent)
    pen.rectangle(
        (x - unit * 0.4, y - unit * 1.7, x + unit * 0.4, y - unit), fill=blend(palette.accent, (0, 0, 0), 0.3)
    )
    pen.rectangle((x - unit, y, x + unit, y + unit), fill=(248, 246, 240))


def _person(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    x, y, unit = *_middle(size), min(size) * 0.12
    pen.ellipse((x - unit * 2, y + unit * 0.9, x + unit * 2, y + unit * 6), fill=palette.accent)
    _disc(pen, x, y - unit * 0.4, unit, (226, 180, 150))
    pen.pieslice((x - unit * 1.1, y - unit * 1.6, x + unit * 1.1, y + unit * 0.6), 180, 360, fill=(60, 40, 30))


def _car(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    x, y, unit = *_middle(size), min(size) * 0.14
    pen.polygon([(x - unit * 1.3, y), (x - unit * 0.8, y - unit), (x + unit * 0.8, y - unit), (x + unit * 1.4, y)],
                fill=blend(palette.accent, (255, 255, 255), 0.4))  # fmt: skip
    pen.rounded_rectangle((x - unit * 2.2, y, x + unit * 2.2, y + unit * 0.9), int(unit * 0.3), fill=palette.accent)
    for side in (-1.3, 1.3):
        _disc(pen, x + unit * side, y + unit * 0.9, unit * 0.45, (30, 30, 34))
        _disc(pen, x + unit * side, y + unit * 0.9, unit * 0.2, (190, 190, 196))


def _animal(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    x, y, unit = *_middle(size), min(size) * 0.15
    pen.ellipse((x - unit * 1.1, y + unit * 0.4, x + unit * 1.1, y + unit * 2.6), fill=palette.accent)
    for ear in (-1.0, 1.0):
        tip, outer, inner = (
            (x + ear * unit, y - unit * 1.4),
            (x + ear * unit * 0.9, y),
            (x + ear * unit * 0.1, y - unit * 0.7),
        )
        pen.polygon([tip, outer, inner], fill=blend(palette.accent, (0, 0, 0), 0.25))
    _disc(pen, x, y, unit, palette.accent)
    for side in (-0.4, 0.4):
        _disc(pen, x + unit * side, y - unit * 0.15, unit * 0.16, (24, 24, 24))
    _disc(pen, x, y + unit * 0.25, unit * 0.12, (240, 150, 150))


def _shapes(pen: Pen, size: tuple[int, int], palette: Palette, draw_from: random.Random) -> None:
    width, height = size
    for number in range(draw_from.randint(3, 6)):
        x, y = width * draw_from.uniform(0.15, 0.85), height * draw_from.uniform(0.3, 0.75)
        radius = min(size) * draw_from.uniform(0.05, 0.14)
        color = blend(palette.accent, palette.light, draw_from.uniform(0, 0.6))
        if number % 2:
            pen.regular_polygon((x, y, radius), draw_from.randint(3, 6), draw_from.randint(0, 90), fill=color)
        else:
            _disc(pen, x, y, radius, color)


def _middle(size: tuple[int, int]) -> tuple[float, float]:
    return size[0] * 0.5, size[1] * 0.52


def _disc(pen: Pen, x: float, y: float, radius: float, color: Color) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


Motif = Callable[[Pen, tuple[int, int], Palette, random.Random], None]
_GROUPS: tuple[tuple[str, Motif], ...] = (
    ("mountain mountains peak alps hill hills", _mountain),
    ("city skyline street building buildings office startup business urban", _city),
    ("sea ocean lake river beach water waves boat", _water),
    ("forest tree trees wood jungle garden park", _trees),
    ("flower flowers rose roses tulip bouquet blossom", _flower),
    ("coffee cup mug tea latte espresso", _cup),
    ("product bottle perfume cosmetics skincare box package packaging", _bottle),
    ("person man woman people portrait team founder developer professional", _person),
    ("car cars truck vehicle automobile", _car),
    ("cat dog fox animal pet kitten puppy bear", _animal),
)
MOTIFS: dict[str, Motif] = {word: motif for words, motif in _GROUPS for word in words.split()}
