"""POST /edit/process: change an image in one of the ways of the operations table; one variation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from image_studio.catalog.operations import OperationInfo, table
from image_studio.errors import InvalidRequest
from image_studio.imaging.canvas import extend_canvas, flatten
from image_studio.imaging.encode import encode
from image_studio.imaging.geometry import Frame, extract, place_in_frame, place_mask
from image_studio.imaging.masks import (
    Mask,
    apply_cutout,
    border_mask,
    composite,
    feather,
    full_mask,
    grow,
    mask_of_alpha,
    paste_back,
    read_mask,
    selects_nothing,
)
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations.context import OperationContext
from image_studio.operations.inputs import (
    check_style,
    checked_options,
    decode_input,
    quality_of,
    request_fields,
    require,
    unsupported_fields,
)
from image_studio.operations.model_selection import Candidate, ModelQuery
from image_studio.operations.operation import Operation
from image_studio.operations.single_image import (
    FinishedImage,
    Fit,
    accepting_models,
    encode_input,
    find_candidates,
    fit,
    fit_notes,
    fit_reference,
    make,
    price,
    response_fields,
    with_style,
)
from image_studio.providers.adapter import Blob, Task
from image_studio.schemas.common import FileType
from image_studio.schemas.edit import EditRequest, EditResponse
from image_studio.schemas.limits import Quality

#: What an edit may be given beside the flags of the table.
_CHECKED_FIELDS = ("style_preset", "guidance_scale", "steps", "seed")
#: Operations whose result has an alpha channel.
TRANSPARENT = frozenset({"remove_background"})
#: Operations that read a mask off the image's own transparency where none is drawn.
ALPHA_IS_MASK = frozenset({"inpaint", "erase"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEdit:
    """What is to be done. `mask` is as it was drawn, of the image's size; `size` is the answer's (pixels)."""

    request: EditRequest
    info: OperationInfo
    options: Mapping[str, Any]
    quality: Quality
    ignored: list[str]
    image: DecodedImage
    mask: Mask | None
    mask_from: str | None
    background: DecodedImage | None
    lighting: DecodedImage | None
    size: Size

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"edit.{self.info.name}"


def resolve_edit(request: EditRequest, studio: OperationContext) -> ResolvedEdit:
    """Check the request and decode its images. Raises what makes it invalid, with the documented sentences."""
    rows = table("edit")
    info = rows.choose(request.operation)
    given = request_fields(request, (*rows.flags, *_CHECKED_FIELDS))
    _check_fields(request, info, given)
    options = checked_options(info, request.options)
    quality = quality_of(request.options)
    image = decode_input(request.image_base64, studio)
    mask, mask_from = _mask(request, info, image, studio)
    require(info, given | options.keys() | ({"mask"} if mask else set()))
    return ResolvedEdit(
        request=request,
        info=info,
        options=options,
        quality=quality,
        ignored=_ignored(request, info, given),
        image=image,
        mask=mask,
        mask_from=mask_from,
        background=_decode_reference(request.background_image_base64, "background", info, studio),
        lighting=_decode_reference(request.lighting_image_base64, "lighting", info, studio),
        size=_size(request, info, image, studio.max_pixels),
    )


def _check_fields(request: EditRequest, info: OperationInfo, given: frozenset[str]) -> None:
    """What needs no image: fields, style, file type. The mask may still turn out to be the image's own."""
    own = {"mask"} if info.name in ALPHA_IS_MASK else set()
    require(info, given | request.options.keys() | own)
    check_style(request.style_preset)
    if info.name in TRANSPARENT and request.output_format is FileType.JPEG:
        raise InvalidRequest(
            f"{info.label} gives a transparent image, which JPEG can't hold. Use output_format png or webp."
        )


def _mask(
    request: EditRequest, info: OperationInfo, image: DecodedImage, studio: OperationContext
) -> tuple[Mask | None, str | None]:
    if request.mask_base64 and "mask" in info.honored:
        mask = read_mask(decode_input(request.mask_base64, studio, "mask_base64"), *image.size)
        if selects_nothing(mask):
            raise InvalidRequest("The mask selects nothing. Paint white what may change, black what must stay.")
        return mask, "mask_base64"
    if info.name in ALPHA_IS_MASK:
        mine = mask_of_alpha(image)
        return mine, "transparency" if mine else None
    return None, None


def _decode_reference(
    text: str | None, name: str, info: OperationInfo, studio: OperationContext
) -> DecodedImage | None:
    if not text or name not in info.honored:
        return None
    return decode_input(text, studio, f"{name}_image_base64")


def _size(request: EditRequest, info: OperationInfo, image: DecodedImage, most: int) -> Size:
    if "expansion" not in info.honored:
        return Size(*image.size)
    left, up, right, down = request.expansion
    size = Size(image.width + left + right, image.height + up + down)
    if size.width * size.height > most:
        raise InvalidRequest(
            f"The image and its expansion have {size} pixels; at most {most / 1e6:.3g} megapixels are made."
        )
    return size


def _ignored(request: EditRequest, info: OperationInfo, given: frozenset[str]) -> list[str]:
    lit = request.lighting_image_base64 or request.options.get("light_source_direction")
    idle = ["options.light_source_strength"] if "light_source_strength" in request.options and not lit else []
    return unsupported_fields(request, info, given) + [name for name in idle if "light_source_strength" in info.options]


#: What the empty part of a canvas is filled with before a model paints there: a gray that is no content.
EMPTY = (128, 128, 128)
SIDES = ("expand_left", "expand_up", "expand_right", "expand_down")


class EditWork:
    """One edit. Pixels are touched when they are needed: an estimate needs none."""

    def __init__(self, brief: ResolvedEdit) -> None:
        self.brief = brief
        self.outpaints = brief.info.name == "outpaint"

    def fit(self, choice: Candidate) -> Fit:
        """How the image goes to the model. Raises InvalidImage where it can't."""
        if self.outpaints and self._extends(choice):
            sent = fit(choice, *self.brief.image.size)
            return Fit(sent.frame, self.brief.size)
        return fit(choice, *self.brief.size)

    def task(self, choice: Candidate) -> Task:
        """The task for the model."""
        asked, takes = self.brief.request, self.brief.info.honored
        way = self.fit(choice)
        return Task(
            operation=self.brief.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=with_style(asked.prompt, asked.style_preset, choice),
            negative_prompt=asked.negative_prompt if "negative_prompt" in takes else None,
            seed=asked.seed if "seed" in takes else None,
            style_preset=asked.style_preset if "style_preset" in takes else None,
            guidance_scale=asked.guidance_scale if "guidance_scale" in takes else None,
            steps=asked.steps if "steps" in takes else None,
            images=self._images(choice, way),
            settings=self._settings(choice, way),
        )

    def finish(self, result: DecodedImage, choice: Candidate) -> FinishedImage:
        """The answer's image out of the model's, and what was done."""
        way = self.fit(choice)
        image = self._finished(result, choice, way)
        notes = fit_notes(choice, self.brief.name, way)
        if self.brief.mask_from:
            notes |= {"mask": self.brief.mask_from, "grow_mask": self._growth}
        return image, {**notes, "ignored": self.brief.ignored}

    # -- what is sent

    def _extends(self, choice: Candidate) -> bool:
        """Whether the model extends an image itself; else it gets the larger canvas and a mask of what is empty."""
        return choice.model.accepts.issuperset(SIDES)

    def _images(self, choice: Candidate, way: Fit) -> dict[str, Blob]:
        brief = self.brief
        further = {
            role: flatten(fit_reference(image, choice))
            for role, image in (("background", brief.background), ("lighting", brief.lighting))
            if image
        }
        main = brief.image
        if self.outpaints and not self._extends(choice):
            left, up, right, down = brief.request.expansion
            main = extend_canvas(flatten(main), left, up, right, down, fill=EMPTY)
        sent = {"image": place_in_frame(main, way.frame), **further}
        images = {role: encode_input(image, choice, len(sent)) for role, image in sent.items()}
        mask = self._mask_for(choice)
        if mask:
            images["mask"] = Blob(encode(place_mask(mask, way.frame), FileType.PNG))
        return images

    def _mask_for(self, choice: Candidate) -> Mask | None:
        """The mask that the model gets: where it may paint at full strength."""
        if self.outpaints:
            return None if self._extends(choice) else self._border
        if self.brief.mask:
            return self._grown
        needs = self.brief.info.name == "inpaint" and "mask" in choice.model.accepts and not choice.model.images
        return full_mask(*self.brief.image.size) if needs else None

    def _settings(self, choice: Candidate, way: Fit) -> dict[str, Any]:
        asked = self.brief.request
        given = {name: getattr(asked, name) for name in ("search_prompt", "select_prompt") if self._takes(name)}
        settings = {**given, **self.brief.options}
        if self.outpaints and self._extends(choice):
            settings |= self._scaled_sides(way.frame)
        if self.brief.mask:
            # Ours is grown already; a model that grows one by itself is told not to.
            settings.pop("grow_mask", None)
            settings |= {"grow_mask": 0} if "grow_mask" in choice.model.accepts else {}
        if self.brief.info.name == "relight" and not asked.prompt and not self.brief.background:
            settings["keep_original_background"] = True
        return {name: value for name, value in settings.items() if f"options.{name}" not in self.brief.ignored}

    def _takes(self, name: str) -> bool:
        return name in self.brief.info.honored

    def _scaled_sides(self, frame: Frame) -> dict[str, int]:
        """The expansion in pixels of the scaled image; what is asked for never becomes nothing."""
        scale = frame.inner.width / self.brief.image.width
        sides = dict(zip(SIDES, self.brief.request.expansion, strict=True))
        return {name: max(1, round(side * scale)) for name, side in sides.items() if side}

    # -- what comes back

    def _finished(self, result: DecodedImage, choice: Candidate, way: Fit) -> DecodedImage:
        brief = self.brief
        if brief.info.name == "remove_background":
            cut = extract(result, way.frame, *way.frame.inner) if way.frame.padded else result
            return apply_cutout(brief.image, cut)
        if self.outpaints:
            frame = Frame(brief.size, 0, 0, brief.size) if self._extends(choice) else way.frame
            left, up, _, _ = brief.request.expansion
            return paste_back(extract(result, frame, *brief.size), brief.image, left, up)
        changed = extract(result, way.frame, *brief.image.size)
        return composite(brief.image, changed, self._soft) if brief.mask else changed

    @property
    def _growth(self) -> int:
        option = self.brief.info.options.get("grow_mask")
        asked = self.brief.options.get("grow_mask")
        return int(asked if asked is not None else (option.default or 0) if option else 0)

    @cached_property
    def _grown(self) -> Mask:
        return grow(self._drawn, self._growth)

    @cached_property
    def _soft(self) -> Mask:
        return feather(self._drawn, self._growth)

    @property
    def _drawn(self) -> Mask:
        assert self.brief.mask is not None, "only masked edits get here"  # noqa: S101  a mistake of ours
        return self.brief.mask

    @cached_property
    def _border(self) -> Mask:
        left, up, _, _ = self.brief.request.expansion
        width, height = Size(*self.brief.image.size)
        return border_mask(*self.brief.size, (left, up, left + width, up + height))


NAME = "edit"


def estimate(request: EditRequest, studio: OperationContext) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = EditWork(resolve_edit(request, studio))
    first = _choices(work, studio)[0]
    return price(first, work.fit(first))


def edit(request: EditRequest, studio: OperationContext) -> EditResponse:
    """Change the image. Raises the provider's failure."""
    work = EditWork(resolve_edit(request, studio))
    entry = make(studio, _choices(work, studio), work.task, work.finish, request.output_format)
    return EditResponse(operation=request.operation, **response_fields(entry, _first(work.brief)))


def _choices(work: EditWork, studio: OperationContext) -> list[Candidate]:
    asked = work.brief.request
    wish = ModelQuery(operation=work.brief.name, quality=work.brief.quality, provider=asked.provider, model=asked.model)
    return accepting_models(find_candidates(wish, studio), work.fit)


def _first(brief: ResolvedEdit) -> dict[str, str | None]:
    style = {"style_preset": brief.request.style_preset} if brief.request.style_preset else {}
    return {"operation": brief.info.name, **style}


OPERATION = Operation(
    name=NAME,
    request=EditRequest,
    answer=EditResponse,
    run=edit,
    estimate=estimate,
    failure="Image editing failed",
)
