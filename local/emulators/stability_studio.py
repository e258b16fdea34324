"""What each Stability operation does to pixels."""

from collections.abc import Callable

from PIL import Image

from local.emulators.encoding import flattened
from local.emulators.enlarging import enlarge, reimagine, size_of_area
from local.emulators.painting import Order, paint
from local.emulators.restyling import color_in, in_style_of, keep_structure, transfer
from local.emulators.retouching import (
    background_for,
    cut_out,
    erase,
    extend,
    fill,
    light_from,
    light_like,
    mask_for,
    on_background,
    recolor,
    replace,
)
from local.emulators.stability_contract import CORE_SIZES, FOUR_MP, ONE_MP, SIZES
from local.emulators.stability_fields import Form

FAST_FACTOR = 4
CONSERVATIVE_PIXELS = FOUR_MP
#: "4K": the area of 3840x2160 in the image's own aspect; the provider publishes no exact size.
CREATIVE_PIXELS = 3840 * 2160


def perform(path: str, form: Form, seed: int) -> Image.Image:
    """Carry an operation out on a checked form."""
    return STUDIO[path](form, seed)


def _order(form: Form, size: tuple[int, int], seed: int) -> Order:
    return Order(form.text("prompt"), size, seed, form.text("style_preset"), form.text("negative_prompt"))


def _generate(form: Form, seed: int) -> Image.Image:
    image = form.images.get("image")
    if image is None:
        return paint(_order(form, SIZES[form.text("aspect_ratio") or "1:1"], seed))
    painted = paint(_order(form, image.size, seed))
    return Image.blend(image.convert("RGB"), painted, form.number("strength"))


def _core(form: Form, seed: int) -> Image.Image:
    return paint(_order(form, CORE_SIZES[form.text("aspect_ratio")], seed))


def _edited(form: Form, name: str = "image") -> Image.Image:
    return form.images[name]


def _grow(form: Form) -> int:
    return int(form.number("grow_mask"))


def _erase(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    return erase(image, mask_for(image, form.images.get("mask"), _grow(form)), seed)


def _inpaint(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    region = mask_for(image, form.images.get("mask"), _grow(form))
    return fill(image, region, _order(form, image.size, seed))


def _outpaint(form: Form, seed: int) -> Image.Image:
    left, right, up, down = (int(form.number(side)) for side in ("left", "right", "up", "down"))
    return extend(_edited(form), (left, right, up, down), seed)


def _search_and_replace(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    return replace(image, form.text("search_prompt"), _order(form, image.size, seed), _grow(form))


def _search_and_recolor(form: Form, _seed: int) -> Image.Image:
    return recolor(_edited(form), form.text("select_prompt"), form.text("prompt"), _grow(form))


def _remove_background(form: Form, _seed: int) -> Image.Image:
    return cut_out(_edited(form))


def _relight(form: Form, seed: int) -> Image.Image:
    image = flattened(_edited(form, "subject_image"))
    strength = form.number("light_source_strength", 0.3)
    reference, light = form.images.get("background_reference"), form.images.get("light_reference")
    if form.text("keep_original_background") != "true":
        background = reference or background_for(form.text("background_prompt"), image.size, seed)
        image = on_background(image, background)
    if light is not None:
        return light_like(image, light, strength)
    direction = form.text("light_source_direction")
    return light_from(image, direction, strength) if direction else image


def _upscale_fast(form: Form, _seed: int) -> Image.Image:
    image = _edited(form)
    return enlarge(image, (image.width * FAST_FACTOR, image.height * FAST_FACTOR))


def _upscale_conservative(form: Form, _seed: int) -> Image.Image:
    image = _edited(form)
    return enlarge(image, size_of_area(image, CONSERVATIVE_PIXELS))


def _upscale_creative(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    return reimagine(image, size_of_area(image, CREATIVE_PIXELS), seed, form.number("creativity"))


def _sketch(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    return color_in(image, _order(form, image.size, seed), form.number("control_strength"))


def _structure(form: Form, seed: int) -> Image.Image:
    image = _edited(form)
    return keep_structure(image, _order(form, image.size, seed), form.number("control_strength"))


def _style(form: Form, seed: int) -> Image.Image:
    order = _order(form, SIZES[form.text("aspect_ratio")], seed)
    return in_style_of(order, _edited(form), form.number("fidelity"))


def _style_transfer(form: Form, _seed: int) -> Image.Image:
    image = flattened(_edited(form, "init_image"))
    image = image.resize(size_of_area(image, ONE_MP), Image.Resampling.LANCZOS)
    strength = form.number("style_strength") * form.number("change_strength")
    return transfer(image, form.images["style_image"], strength, form.number("composition_fidelity"))


STUDIO: dict[str, Callable[[Form, int], Image.Image]] = {
    "generate/ultra": _generate,
    "generate/sd3": _generate,
    "generate/core": _core,
    "edit/erase": _erase,
    "edit/inpaint": _inpaint,
    "edit/outpaint": _outpaint,
    "edit/search-and-replace": _search_and_replace,
    "edit/search-and-recolor": _search_and_recolor,
    "edit/remove-background": _remove_background,
    "edit/replace-background-and-relight": _relight,
    "upscale/fast": _upscale_fast,
    "upscale/conservative": _upscale_conservative,
    "upscale/creative": _upscale_creative,
    "control/sketch": _sketch,
    "control/structure": _structure,
    "control/style": _style,
    "control/style-transfer": _style_transfer,
}
