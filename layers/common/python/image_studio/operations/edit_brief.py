"""An edit request, checked and its pictures decoded: everything that can be found out for free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.catalog.operations import OperationInfo, table
from image_studio.errors import InvalidRequest
from image_studio.imaging.masks import Mask, mask_of_alpha, read_mask, selects_nothing
from image_studio.imaging.picture import Picture, Size
from image_studio.operations.given import (
    check_style,
    checked_options,
    given_fields,
    not_honoured,
    quality_of,
    require,
)
from image_studio.operations.inputs import open_input
from image_studio.operations.studio import Studio
from image_studio.schemas.edit import EditRequest
from image_studio.schemas.image import FileType
from image_studio.schemas.quality import Quality

#: What an edit may be given beside the flags of the table.
_FIELDS = ("style_preset", "guidance_scale", "steps", "seed")
#: Operations whose result has an alpha channel.
TRANSPARENT = frozenset({"remove_background"})
#: Operations that read a mask off the picture's own transparency where none is drawn.
ALPHA_IS_MASK = frozenset({"inpaint", "erase"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EditBrief:
    """What is to be done. `mask` is as it was drawn, of the picture's size; `size` is the answer's (pixels)."""

    request: EditRequest
    info: OperationInfo
    options: Mapping[str, Any]
    quality: Quality
    ignored: list[str]
    image: Picture
    mask: Mask | None
    mask_from: str | None
    background: Picture | None
    lighting: Picture | None
    size: Size

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"edit.{self.info.name}"


def edit_brief(request: EditRequest, studio: Studio) -> EditBrief:
    """Check the request and decode its pictures. Raises what makes it invalid, with the documented sentences."""
    rows = table("edit")
    info = rows.choose(request.operation)
    given = given_fields(request, (*rows.flags, *_FIELDS))
    _check(request, info, given)
    options = checked_options(info, request.options)
    quality = quality_of(request.options)
    image = open_input(request.image_base64, studio)
    mask, mask_from = _mask(request, info, image, studio)
    require(info, given | options.keys() | ({"mask"} if mask else set()))
    return EditBrief(
        request=request,
        info=info,
        options=options,
        quality=quality,
        ignored=_ignored(request, info, given),
        image=image,
        mask=mask,
        mask_from=mask_from,
        background=_reference(request.background_image_base64, "background", info, studio),
        lighting=_reference(request.lighting_image_base64, "lighting", info, studio),
        size=_size(request, info, image, studio.max_pixels),
    )


def _check(request: EditRequest, info: OperationInfo, given: frozenset[str]) -> None:
    """What needs no picture: fields, style, file type. The mask may still turn out to be the picture's own."""
    own = {"mask"} if info.name in ALPHA_IS_MASK else set()
    require(info, given | request.options.keys() | own)
    check_style(request.style_preset)
    if info.name in TRANSPARENT and request.output_format is FileType.JPEG:
        raise InvalidRequest(
            f"{info.label} gives a transparent picture, which JPEG can't hold. Use output_format png or webp."
        )


def _mask(request: EditRequest, info: OperationInfo, image: Picture, studio: Studio) -> tuple[Mask | None, str | None]:
    if request.mask_base64 and "mask" in info.honoured:
        mask = read_mask(open_input(request.mask_base64, studio, "mask_base64"), *image.size)
        if selects_nothing(mask):
            raise InvalidRequest("The mask selects nothing. Paint white what may change, black what must stay.")
        return mask, "mask_base64"
    if info.name in ALPHA_IS_MASK:
        mine = mask_of_alpha(image)
        return mine, "transparency" if mine else None
    return None, None


def _reference(text: str | None, name: str, info: OperationInfo, studio: Studio) -> Picture | None:
    if not text or name not in info.honoured:
        return None
    return open_input(text, studio, f"{name}_image_base64")


def _size(request: EditRequest, info: OperationInfo, image: Picture, most: int) -> Size:
    if "expansion" not in info.honoured:
        return Size(*image.size)
    left, up, right, down = request.expansion
    size = Size(image.width + left + right, image.height + up + down)
    if size.width * size.height > most:
        raise InvalidRequest(
            f"The picture and its expansion have {size} pixels; at most {most / 1e6:.3g} megapixels are made."
        )
    return size


def _ignored(request: EditRequest, info: OperationInfo, given: frozenset[str]) -> list[str]:
    lit = request.lighting_image_base64 or request.options.get("light_source_direction")
    idle = ["options.light_source_strength"] if "light_source_strength" in request.options and not lit else []
    return not_honoured(request, info, given) + [name for name in idle if "light_source_strength" in info.options]
