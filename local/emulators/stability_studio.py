"""What each Stability operation does to pixels."""

from collections.abc import Callable

from PIL import Image

from local.emulators.painting import Order, paint
from local.emulators.stability_contract import CORE_SIZES, SIZES
from local.emulators.stability_fields import Form


def perform(path: str, form: Form, seed: int) -> Image.Image:
    """Carry an operation out on a checked form."""
    return STUDIO[path](form, seed)


def _order(form: Form, size: tuple[int, int], seed: int) -> Order:
    return Order(form.text("prompt"), size, seed, form.text("style_preset"), form.text("negative_prompt"))


def _generate(form: Form, seed: int) -> Image.Image:
    picture = form.pictures.get("image")
    if picture is None:
        return paint(_order(form, SIZES[form.text("aspect_ratio") or "1:1"], seed))
    painted = paint(_order(form, picture.size, seed))
    return Image.blend(picture.convert("RGB"), painted, form.number("strength"))


def _core(form: Form, seed: int) -> Image.Image:
    return paint(_order(form, CORE_SIZES[form.text("aspect_ratio")], seed))


STUDIO: dict[str, Callable[[Form, int], Image.Image]] = {
    "generate/ultra": _generate,
    "generate/sd3": _generate,
    "generate/core": _core,
}
