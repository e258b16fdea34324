"""Paint images from prompts and edit images, so that a person and a test can see what each operation did.

A painted image is a landscape with the prompt's subject and the prompt itself as a caption. The same prompt, seed and
size always give the same image. Sizes are width x height in pixels; strengths are 0 to 1.
"""

import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from local.emulators.faults import without_markers
from local.emulators.image_files import flatten

Size = tuple[int, int]
Color = tuple[int, int, int]
Words = frozenset[str]
GRAIN_TILE = 256
MASK_SIDE = 128

#: Words that set the mood: sky, horizon, light, earth.
MOODS = {
    "sunset": ("#3b2a5a", "#f08a4b", "#ffe2a0", "#3a2433"),
    "sunrise": ("#6a8fc7", "#f9c58d", "#fff3c4", "#4b4a3a"),
    "night": ("#070b22", "#1f2b54", "#f3f0d7", "#0c1020"),
    "sea": ("#5bb1e0", "#d9f0f7", "#ffffff", "#1d6a8c"),
    "forest": ("#9cc7a6", "#e6efcf", "#fffbe0", "#1f4a2c"),
    "office": ("#c9d6e2", "#f4f6f8", "#ffffff", "#5c6b7a"),
}
COLOR_WORDS = (
    "red", "orange", "yellow", "gold", "green", "teal", "blue", "navy", "purple", "pink", "brown", "black", "white",
    "gray", "gray", "silver", "crimson", "turquoise", "violet", "beige", "maroon", "olive", "coral", "magenta", "cyan",
)  # fmt: skip
#: Subjects: how many to draw, their radius as a share of the shorter side, and shapes around (0, 0).
#: A shape is a method of ImageDraw, its points in radii, and a color by its name in the palette or in CSS.
Motif = tuple[int, float, tuple[tuple[str, tuple[float, ...], str], ...]]
_PANES = (("rectangle", (x, y, x + 0.12, y + 0.18), "light") for x in (-0.18, 0.06) for y in (-0.8, -0.4, 0, 0.4))
MOTIFS: dict[str, Motif] = {
    "mountain mountains peak alps hill hills": (3, 0.3, (
        ("polygon", (-1, 1, 0, -1, 1, 1), "earth"), ("polygon", (-0.25, -0.5, 0, -1, 0.25, -0.5), "#f5f8fc"))),
    "city skyline street building buildings office startup business urban": (12, 0.25, (
        ("rectangle", (-0.3, -1, 0.3, 1), "shade"), *_PANES)),
    "sea ocean lake river beach water waves boat": (24, 0.1, (
        ("ellipse", (-1, -0.07, 1, 0.07), "light"), ("ellipse", (-0.4, 0.2, 1.4, 0.3), "sky"))),
    "forest tree trees wood jungle garden park": (9, 0.14, (
        ("rectangle", (-0.08, 0.4, 0.08, 1), "#543a28"), ("polygon", (-0.6, 0.6, 0, -0.4, 0.6, 0.6), "#226e34"),
        ("polygon", (-0.45, 0.1, 0, -0.9, 0.45, 0.1), "#226e34"))),
    "coffee cup mug tea latte espresso": (1, 0.16, (
        ("ellipse", (-1.9, 0.9, 1.9, 1.4), "#f0eee8"), ("ellipse", (0.5, -0.6, 1.7, 0.6), "accent"),
        ("ellipse", (0.8, -0.3, 1.4, 0.3), "sky"), ("rectangle", (-1, -1, 1, 1.1), "accent"),
        ("ellipse", (-1, -1.25, 1, -0.75), "#3c2618"))),
    "product bottle perfume cosmetics skincare box package packaging": (1, 0.15, (
        ("rectangle", (-1, -1, 1, 1.8), "accent"), ("rectangle", (-0.4, -1.7, 0.4, -1), "shade"),
        ("rectangle", (-1, 0, 1, 1), "#f8f6f0"))),
    "person man woman people portrait team founder developer professional": (1, 0.12, (
        ("ellipse", (-2, 0.9, 2, 6), "accent"), ("ellipse", (-1.1, -1.6, 1.1, 0.6), "#3c281e"),
        ("ellipse", (-0.9, -1.1, 0.9, 0.9), "#e2b496"))),
    "car cars truck vehicle automobile": (1, 0.14, (
        ("polygon", (-1.3, 0, -0.8, -1, 0.8, -1, 1.4, 0), "shade"), ("rectangle", (-2.2, 0, 2.2, 0.9), "accent"),
        ("ellipse", (-1.75, 0.45, -0.85, 1.35), "#1e1e22"), ("ellipse", (0.85, 0.45, 1.75, 1.35), "#1e1e22"))),
    "cat dog fox animal pet kitten puppy bear": (1, 0.15, (
        ("ellipse", (-1.1, 0.4, 1.1, 2.6), "accent"), ("polygon", (-1, -1.4, -0.9, 0, -0.1, -0.7), "shade"),
        ("polygon", (1, -1.4, 0.9, 0, 0.1, -0.7), "shade"), ("ellipse", (-1, -1, 1, 1), "accent"),
        ("ellipse", (-0.55, -0.3, -0.25, 0), "#181818"), ("ellipse", (0.25, -0.3, 0.55, 0), "#181818"))),
}  # fmt: skip
_NO_SUBJECT: Motif = (4, 0.1, (
    ("ellipse", (-1, -1, 1, 1), "accent"), ("polygon", (-0.9, 0.6, 0, -1, 0.9, 0.6), "light")))  # fmt: skip


@dataclass(frozen=True)
class Prompt:
    """What to paint: the words, a seed, the name of a style preset, and what to avoid."""

    text: str
    seed: int = 0
    style: str = ""
    negative: str = ""


def paint(prompt: Prompt, size: Size) -> Image.Image:
    """Paint an RGB image; its caption has the prompt, the seed and the style."""
    plain = replace(prompt, text=without_markers(prompt.text))
    return add_grain(_with_caption(paint_scene(plain, size), plain), prompt.seed)


def paint_scene(prompt: Prompt, size: Size) -> Image.Image:
    """Paint sky, light, ground and subject, without caption and grain."""
    (width, height), words = size, words_of(prompt.text)
    seeded = random.Random(sha256(repr((prompt.text, prompt.seed, prompt.negative)).encode()).digest())
    colors = _palette(words, seeded)
    ramp = Image.linear_gradient("L").resize(size)
    scene = Image.composite(Image.new("RGB", size, colors["horizon"]), Image.new("RGB", size, colors["sky"]), ramp)
    pen = ImageDraw.Draw(scene)
    sun, x, y = min(size) * 0.07, width * seeded.uniform(0.15, 0.85), height * seeded.uniform(0.12, 0.4)
    pen.ellipse((x - sun, y - sun, x + sun, y + sun), fill=colors["light"])
    for row, share in enumerate((0.45, 0.2, 0.0)):
        level = height * (0.58 + row * 0.13)
        ridge = [(width * step / 24, level + height * seeded.uniform(-0.04, 0.04)) for step in range(25)]
        pen.polygon([*ridge, size, (0, height)], fill=_mix(colors["earth"], colors["horizon"], share))
    motif = next((motif for word in words for keys, motif in MOTIFS.items() if word in keys.split()), _NO_SUBJECT)
    count, radius, shapes = motif
    for _ in range(count):
        x = width * (0.5 if count == 1 else seeded.uniform(0.08, 0.92))
        y = height * (0.52 if count == 1 else seeded.uniform(0.45, 0.75))
        unit = radius * min(size) * (1 if count == 1 else seeded.uniform(0.7, 1.1))
        for kind, points, color in shapes:
            placed = [(x, y)[n % 2] + point * unit for n, point in enumerate(points)]
            getattr(pen, kind)(placed, fill=colors.get(color, color))
    return scene


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


def _palette(words: list[str], seeded: random.Random) -> dict[str, Color]:
    hue = seeded.randrange(360)
    drawn = (f"hsv({hue},55%,55%)", f"hsv({hue + 30},25%,95%)", f"hsv({hue + 40},10%,100%)", f"hsv({hue},50%,35%)")
    mood = next((MOODS[word] for word in words if word in MOODS), drawn)
    colors = dict(zip(("sky", "horizon", "light", "earth"), map(_rgb, mood), strict=True))
    accent = _color_in(words) or _rgb(f"hsv({hue + seeded.randrange(100, 260)},75%,85%)")
    return {**colors, "accent": accent, "shade": _mix(accent, (20, 20, 30), 0.35)}


def _rgb(name: str) -> Color:
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


def _mix(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _color_in(words: list[str]) -> Color | None:
    return next((_rgb(word) for word in words if word in COLOR_WORDS), None)


def _with_caption(image: Image.Image, prompt: Prompt) -> Image.Image:
    width, height = image.size
    letters = max(9, int(min(width, height * 1.4) / 26))
    lines = textwrap.wrap(prompt.text or "(no prompt)", max(4, int(width / letters * 1.6)), max_lines=4)
    text = "\n".join([*lines, f"seed {prompt.seed} {prompt.style}"])
    top = max(0, height - int((len(lines) + 1.6) * letters * 1.25))
    image.paste(image.crop((0, top, width, height)).point(lambda value: int(value * 0.38)), (0, top))
    font = ImageFont.load_default(letters)
    ImageDraw.Draw(image).multiline_text((letters // 2, top + letters // 4), text, "white", font, spacing=letters // 5)
    return image


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
    soft = mask.resize(image.size, Image.Resampling.BICUBIC)
    return soft.point(lambda value: max(0, min(255, (value - 96) * 4)))


def _outside(barrier: Image.Image) -> Image.Image:
    """White where the border is reached without crossing the barrier's white; MASK_SIDE pixels square."""
    small = barrier.resize((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX).point(lambda value: 255 if value > 16 else 0)
    padded = ImageOps.expand(small, 1, 0)
    ImageDraw.floodfill(padded, (0, 0), 128)
    return ImageOps.crop(padded, 1).point(lambda value: 255 if value == 128 else 0)


def region_for(image: Image.Image, words: str) -> Image.Image:
    """Find what words name: the background, the pixels of a color, else the subject."""
    if "background" in words.lower():
        return ImageOps.invert(subject_mask(image))
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
    """Paint the region again, after the prompt; outside of it nothing changes."""
    box = region.point(lambda value: 255 if value > 127 else 0).getbbox() or (0, 0, *image.size)
    painted = flatten(image).copy()
    painted.paste(paint(prompt, (max(8, box[2] - box[0]), max(8, box[3] - box[1]))), box[:2])
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
    """Extend the canvas by left, right, up, down pixels with a blurred copy; the original stays as it is."""
    left, right, up, down = sides
    size = image.width + left + right, image.height + up + down
    canvas = add_grain(flatten(image).resize(size).filter(ImageFilter.GaussianBlur(12)), seed)
    canvas.paste(flatten(image), (left, up))
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
    """Paint the prompt's scene with the light, shade and edges of an image."""
    scene = paint_scene(prompt, image.size)
    mixed = Image.blend(scene, with_palette(image, scene), 0.35 + 0.6 * strength)
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
    """Give an image the colors and, with less fidelity, the texture of another."""
    colored, texture = with_palette(image, style), ImageOps.fit(flatten(style), image.size)
    return Image.blend(flatten(image), Image.blend(texture, colored, 0.5 + fidelity / 2), strength)


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
    if found is None or _color_in(words_of(found["new"])):
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
