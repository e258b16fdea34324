"""Edits of an image: fill, erase, extend, recolor, cut out, relight. Each gives a new image."""

from PIL import Image, ImageChops, ImageFilter, ImageOps

from local.emulators.cutout import bounds, grown, region_for, subject_mask
from local.emulators.encoding import flattened
from local.emulators.motifs import Color, color_named
from local.emulators.painting import Order, Size, add_grain, paint, paint_scene

Sides = tuple[int, int, int, int]
SMALLEST_FILL = 8


def cut_out(image: Image.Image) -> Image.Image:
    """The subject alone, as RGBA, the background transparent."""
    cut = image.convert("RGBA")
    cut.putalpha(ImageChops.darker(cut.getchannel("A"), subject_mask(image)))
    return cut


def mask_for(image: Image.Image, mask: Image.Image | None, grow: int = 0) -> Image.Image:
    """The region to work on, white: a mask at the image's size, else where the image is transparent."""
    if mask is not None:
        region = flattened(mask).convert("L").resize(image.size)
    elif image.mode == "RGBA":
        region = ImageChops.invert(image.getchannel("A"))
    else:
        region = subject_mask(image)
    return grown(region, grow)


def fill(image: Image.Image, region: Image.Image, order: Order) -> Image.Image:
    """The region painted anew after a prompt; outside it nothing changes."""
    base = flattened(image)
    left, top, right, bottom = bounds(region)
    size = max(SMALLEST_FILL, right - left), max(SMALLEST_FILL, bottom - top)
    patch = paint(Order(order.prompt, size, order.seed, order.style, order.negative))
    painted = base.copy()
    painted.paste(patch, (left, top))
    return Image.composite(painted, base, region)


def erase(image: Image.Image, region: Image.Image, seed: int = 0) -> Image.Image:
    """The region filled from what surrounds it: shrunk copies lend their colors, the smallest reaching farthest."""
    base = flattened(image)
    holed = base.convert("RGBA")
    holed.putalpha(ImageChops.invert(region.point(lambda value: 255 if value > 8 else 0)))
    filled = Image.new("RGB", base.size, _mean(holed))
    side = 2
    while side < max(base.size):
        small = holed.resize((min(side, base.width), min(side, base.height)), Image.Resampling.BOX)
        lent = small.resize(base.size, Image.Resampling.BICUBIC)
        solid = lent.getchannel("A").point(lambda value: 255 if value > 250 else value * 3 // 4)
        filled = Image.composite(lent.convert("RGB"), filled, solid)
        side *= 2
    return Image.composite(add_grain(filled, seed), base, region)


def _mean(holed: Image.Image) -> Color:
    small = holed.resize((1, 1), Image.Resampling.BOX).tobytes()
    return small[0], small[1], small[2]


def extend(image: Image.Image, sides: Sides, seed: int = 0) -> Image.Image:
    """The canvas grown by left, right, up, down pixels: mirrored outward and blurred; the original stays as it is."""
    left, right, up, down = sides
    base = flattened(image)
    size = base.width + left + right, base.height + up + down
    canvas = Image.new("RGB", size)
    for column, x in _tiles(left, base.width, size[0]):
        for row, y in _tiles(up, base.height, size[1]):
            tile = ImageOps.mirror(base) if column % 2 else base
            canvas.paste(ImageOps.flip(tile) if row % 2 else tile, (x, y))
    blurred = canvas.filter(ImageFilter.GaussianBlur(max(2, min(size) // 60)))
    extended = add_grain(blurred, seed)
    extended.paste(base, (left, up))
    return extended


def _tiles(offset: int, step: int, total: int) -> list[tuple[int, int]]:
    """Numbers and places of mirrored copies along one direction; the original is number 0."""
    first = -(-offset // step)
    return [(n, offset + n * step) for n in range(-first, (total - offset - 1) // step + 1)]


def replace(image: Image.Image, searched: str, order: Order, grow: int = 3) -> Image.Image:
    """What the words search for, painted anew after the prompt."""
    return fill(image, grown(region_for(image, searched), grow), order)


def recolor(image: Image.Image, selected: str, prompt: str, grow: int = 0) -> Image.Image:
    """What the words select, in the color that the prompt names; light and shade stay."""
    base = flattened(image)
    color = color_named(prompt) or (70, 90, 200)
    shades = ImageOps.autocontrast(base.convert("L"), cutoff=1)
    dark, bright = tuple(v // 5 for v in color), tuple(v + (255 - v) * 2 // 3 for v in color)
    colored = ImageOps.colorize(shades, dark, bright, color)
    return Image.composite(colored, base, grown(region_for(image, selected), grow))


def on_background(image: Image.Image, background: Image.Image) -> Image.Image:
    """The subject on another background, which is scaled and cropped to cover."""
    behind = ImageOps.fit(flattened(background), image.size)
    return Image.composite(flattened(image), behind, subject_mask(image))


def background_for(prompt: str, size: Size, seed: int) -> Image.Image:
    """A background after a prompt, a little out of focus."""
    scene = paint_scene(prompt, size, seed).filter(ImageFilter.GaussianBlur(max(1, min(size) // 200)))
    return add_grain(scene, seed)


def light_from(image: Image.Image, direction: str, strength: float) -> Image.Image:
    """Brighter towards the light (left, right, above, below), darker away from it; strength 0 to 1."""
    ramp = Image.linear_gradient("L")
    turned = {"above": ramp.rotate(180), "below": ramp, "left": ramp.rotate(-90), "right": ramp.rotate(90)}
    light = turned.get(direction, ramp.rotate(180)).resize(image.size)
    force = 0.35 + 0.6 * strength
    shade = light.point(lambda value: int(255 * (1 - 0.75 * force) + value * 0.75 * force))
    glow = light.point(lambda value: int(max(0, value - 128) * force * 0.7))
    shaded = ImageChops.multiply(image, Image.merge("RGB", (shade,) * 3))
    warm = Image.merge(
        "RGB", (glow, glow.point(lambda value: value * 7 // 8), glow.point(lambda value: value * 2 // 3))
    )
    return ImageChops.screen(shaded, warm)


def light_like(image: Image.Image, reference: Image.Image, strength: float) -> Image.Image:
    """Lit as a reference is: by its brighter side and its tint."""
    gray = flattened(reference).convert("L").resize((2, 2), Image.Resampling.BOX).tobytes()
    sides = {
        "left": gray[0] + gray[2],
        "right": gray[1] + gray[3],
        "above": gray[0] + gray[1],
        "below": gray[2] + gray[3],
    }
    lit = light_from(image, max(sides, key=lambda side: sides[side]), strength)
    tint = flattened(reference).resize((1, 1), Image.Resampling.BOX).resize(image.size)
    return Image.blend(lit, ImageChops.overlay(lit, tint), 0.4)
