"""ImageInputs made from others' lines and colors: sketches colored in, structures kept, styles taken over."""

from PIL import Image, ImageChops, ImageFilter, ImageOps

from local.emulators.encoding import flattened
from local.emulators.painting import Order, add_grain, paint, paint_scene


def color_in(sketch: Image.Image, order: Order, strength: float) -> Image.Image:
    """A sketch as an image: its closed areas in color after the prompt, its lines kept by strength (0 to 1)."""
    gray = ImageOps.autocontrast(flattened(sketch).convert("L"))
    if sum(gray.resize((1, 1)).tobytes()) < 110:
        gray = ImageOps.invert(gray)  # white lines on black
    lines = ImageOps.invert(gray).point(lambda value: 255 if value > 100 else 0)
    scene = paint_scene(order.prompt, sketch.size, order.seed, order.negative)
    inside = _enclosed(lines)
    warm = ImageOps.colorize(scene.convert("L"), (90, 40, 20), (255, 236, 190), (224, 140, 70))
    colored = Image.composite(warm, scene, inside)
    kept = lines.filter(ImageFilter.GaussianBlur(0.8)).point(lambda value: int(value * (0.25 + 0.75 * strength)))
    drawn = Image.composite(Image.new("RGB", sketch.size, (28, 24, 32)), colored, kept)
    return add_grain(drawn, order.seed)


def _enclosed(lines: Image.Image) -> Image.Image:
    """White inside of what the lines enclose, seen from the border."""
    small = lines.resize((128, 128), Image.Resampling.BOX).point(lambda value: 255 if value > 16 else 0)
    padded = ImageOps.expand(small, 1, 0)
    width, height = padded.size
    pixels, open_places = padded.tobytes(), [0]
    outside = bytearray(len(pixels))
    outside[0] = 1
    while open_places:
        place = open_places.pop()
        x, y = place % width, place // width
        for near in _around(x, y, width, height):
            if not outside[near] and not pixels[near]:
                outside[near] = 1
                open_places.append(near)
    mask = Image.frombytes("L", padded.size, bytes(0 if out else 255 for out in outside))
    return ImageOps.crop(mask, 1).resize(lines.size, Image.Resampling.BICUBIC)


def _around(x: int, y: int, width: int, height: int) -> list[int]:
    steps = ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1))
    return [b * width + a for a, b in steps if 0 <= a < width and 0 <= b < height]


def keep_structure(image: Image.Image, order: Order, strength: float) -> Image.Image:
    """The prompt's scene in the image's forms: its light and shade and its edges by strength (0 to 1)."""
    base = flattened(image)
    scene = paint_scene(order.prompt, base.size, order.seed, order.negative)
    shades = ImageOps.autocontrast(base.convert("L"))
    small = scene.resize((3, 1), Image.Resampling.BOX).tobytes()
    dark, middle, bright = (tuple(small[i : i + 3]) for i in (0, 3, 6))
    toned = ImageOps.colorize(shades, tuple(v // 4 for v in dark), tuple(128 + v // 2 for v in bright), middle)
    mixed = Image.blend(scene, toned, 0.35 + 0.6 * strength)
    edges = base.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda value: min(255, value * 3))
    lined = Image.composite(Image.new("RGB", base.size, (20, 20, 24)), mixed, edges.point(lambda v: int(v * strength)))
    return add_grain(lined, order.seed)


def in_style_of(order: Order, reference: Image.Image, fidelity: float) -> Image.Image:
    """A new image after the prompt in the reference's colors, the more the higher the fidelity (0 to 1)."""
    painted = paint(order)
    return Image.blend(painted, with_palette(painted, reference), 0.3 + 0.7 * fidelity)


def transfer(image: Image.Image, style: Image.Image, strength: float, fidelity: float) -> Image.Image:
    """An image in another's colors and texture: the style's share and the composition's, 0 to 1."""
    base = flattened(image)
    styled = with_palette(base, style)
    texture = ImageOps.fit(flattened(style), base.size).filter(ImageFilter.DETAIL)
    textured = Image.blend(styled, ImageChops.soft_light(styled, texture), 0.7)
    return Image.blend(base, Image.blend(texture, textured, 0.5 + fidelity / 2), strength)


def with_palette(image: Image.Image, reference: Image.Image) -> Image.Image:
    """An image with a reference's colors: each channel's brightness spread as the reference's is."""
    source, target = flattened(image).split(), flattened(reference).split()
    return Image.merge("RGB", [_matched(a, b) for a, b in zip(source, target, strict=True)])


def _matched(band: Image.Image, like: Image.Image) -> Image.Image:
    """A band with its histogram matched to another's."""
    ours, theirs = _shares(band), _shares(like)
    table, level = [], 0
    for share in ours:
        while level < 255 and theirs[level] < share:
            level += 1
        table.append(level)
    return band.point(table)


def _shares(band: Image.Image) -> list[float]:
    total, seen, shares = band.width * band.height, 0, []
    for count in band.histogram():
        seen += count
        shares.append(seen / total)
    return shares
