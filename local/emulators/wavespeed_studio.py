"""What each WaveSpeed task does to pixels."""

from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

from local.emulators.encoding import flattened
from local.emulators.enlarging import enlarge, size_of_long_side
from local.emulators.instruct import fitted, follow
from local.emulators.painting import Order, Size, paint
from local.emulators.restyling import color_in, in_style_of, keep_structure
from local.emulators.retouching import (
    background_for,
    cut_out,
    erase,
    extend,
    fill,
    mask_for,
    on_background,
)
from local.emulators.wavespeed_inputs import Submit
from local.emulators.wavespeed_kinds import Model

SQUARE = (1024, 1024)
MOST_SIDE = 1536
#: Long side in pixels by the name of a resolution; the provider publishes no exact sizes.
LONG_SIDES = {"1k": 1024, "2k": 2048, "4k": 3840, "8k": 7680}


def perform(model: Model, submit: Submit, seed: int) -> Image.Image:
    """Carry a task out on checked inputs."""
    return STUDIO[model.task](model, submit, seed)


def _image(submit: Submit) -> Image.Image:
    """The image to work on, whatever the model calls it."""
    found = next(images[0] for name, images in submit.images.items() if name != "mask_image")
    return found.copy()


def _size(model: Model, submit: Submit, natural: Size) -> Size:
    """The size of the answer: asked for by `size`, ratio, width and height or resolution; else the natural one."""
    if submit.area:
        return submit.area
    by_ratio = dict(model.sizes).get(submit.text("aspect_ratio"))
    if by_ratio:
        return by_ratio
    if submit.values.get("width") and submit.values.get("height"):
        return int(submit.values["width"]), int(submit.values["height"])
    return natural


def _order(submit: Submit, size: Size, seed: int) -> Order:
    return Order(submit.text("prompt"), size, seed, submit.text("style"))


def _generate(model: Model, submit: Submit, seed: int) -> Image.Image:
    if submit.image("image"):
        return _inpaint(model, submit, seed) if submit.image("mask_image") else _edit(model, submit, seed)
    order = _order(submit, _size(model, submit, SQUARE), seed)
    reference = submit.image("reference_images")
    return in_style_of(order, reference, 0.7) if reference else paint(order)


def _edit(model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    long_side = LONG_SIDES.get(submit.text("resolution"))
    natural = size_of_long_side(image, long_side) if long_side else fitted(image, MOST_SIDE)
    others = [p for name in ("image", "images") for p in submit.images.get(name, [])]
    return follow(_order(submit, _size(model, submit, natural), seed), others)


def _inpaint(model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    size = _size(model, submit, fitted(image, MOST_SIDE))
    image = ImageOps.fit(image, size)
    return fill(image, mask_for(image, submit.image("mask_image")), _order(submit, size, seed))


def _erase(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    return erase(image, mask_for(image, submit.image("mask_image")), seed)


def _remove_background(_model: Model, submit: Submit, _seed: int) -> Image.Image:
    return cut_out(_image(submit))


def _zoom_out(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    wide, tall = image.width // 4, image.height // 4
    return extend(image, (wide, wide, tall, tall), seed)


def _background(_model: Model, submit: Submit, seed: int) -> Image.Image:
    image = _image(submit)
    return on_background(image, background_for(submit.text("prompt"), image.size, seed))


def _upscale(_model: Model, submit: Submit, _seed: int) -> Image.Image:
    image = flattened(_image(submit))
    times = submit.values.get("desired_increase")
    if times:
        return enlarge(image, (image.width * int(times), image.height * int(times)))
    return enlarge(image, size_of_long_side(image, LONG_SIDES[submit.text("target_resolution") or "4k"]))


def _controlled(model: Model, submit: Submit) -> tuple[Image.Image, Size]:
    image = flattened(_image(submit))
    size = _size(model, submit, fitted(image, MOST_SIDE))
    return ImageOps.fit(image, size), size


def _strength(submit: Submit) -> float:
    asked = submit.values.get("controlnet_conditioning_scale", submit.values.get("control_scale", 0.7))
    return min(1.0, float(asked))


def _structure(model: Model, submit: Submit, seed: int) -> Image.Image:
    image, size = _controlled(model, submit)
    bright = sum(ImageChops.invert(image.convert("L")).resize((1, 1)).tobytes()) < 60
    shape = color_in if bright else keep_structure  # mostly white: line art
    return shape(image, _order(submit, size, seed), _strength(submit))


def _sketch(model: Model, submit: Submit, seed: int) -> Image.Image:
    image, size = _controlled(model, submit)
    return color_in(image, _order(submit, size, seed), _strength(submit))


def _style(model: Model, submit: Submit, seed: int) -> Image.Image:
    return in_style_of(_order(submit, _size(model, submit, SQUARE), seed), _image(submit), 0.8)


STUDIO: dict[str, Callable[[Model, Submit, int], Image.Image]] = {
    "generate": _generate,
    "edit": _edit,
    "inpaint": _inpaint,
    "erase": _erase,
    "remove_background": _remove_background,
    "zoom_out": _zoom_out,
    "background": _background,
    "upscale": _upscale,
    "structure": _structure,
    "sketch": _sketch,
    "style": _style,
}
