"""POST /edit/process: change an image by one of the edit operations of the catalog; one variation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import OperationInfo
from image_studio.errors import InvalidRequest
from image_studio.imaging import masks
from image_studio.imaging.encode import check_sides, encode
from image_studio.imaging.geometry import Frame, extend_canvas, extract, place_in_frame, place_mask
from image_studio.imaging.masks import Mask
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations import single_image
from image_studio.operations.context import OperationContext
from image_studio.operations.model_selection import Candidate
from image_studio.operations.single_image import FinishedImage, Fit, SingleImageOperation
from image_studio.providers.adapter import Blob, Task
from image_studio.schemas.catalog import EditFields
from image_studio.schemas.common import FileType
from image_studio.schemas.single_image import EditRequest, EditResponse

NAME = "edit"
#: Request fields besides those that the list of edit operations shows, of which unsupported ones are reported.
_CHECKED_FIELDS = ("style_preset", "guidance_scale", "steps", "seed")
TRANSPARENT = frozenset({"remove_background"})  # operations whose result has an alpha channel
#: Operations that take the image's own transparency as the mask where the request has none.
ALPHA_IS_MASK = frozenset({"inpaint", "erase"})
#: Operations that change what an image shows, and not where it is transparent.
KEEPS_ALPHA = frozenset({"general_edit", "search_replace", "search_recolor"})
EMPTY = (128, 128, 128)  # fills the empty part of a canvas before a model paints there: a gray that is no content
SIDES = ("expand_left", "expand_up", "expand_right", "expand_down")


def estimate(request: EditRequest, context: OperationContext) -> int:
    return single_image.estimate_credits(resolve_edit(request, context), context)


def run(request: EditRequest, context: OperationContext) -> EditResponse:
    edit = resolve_edit(request, context)
    return EditResponse(operation=edit.info.name, **single_image.make_image(edit, context))


@dataclass(frozen=True, kw_only=True)
class Edit(SingleImageOperation):
    """One edit. `mask` has the image's size; `size` is the response's (pixels)."""

    group: ClassVar[str] = NAME
    request: EditRequest
    options: Mapping[str, Any]
    mask: Mask | None
    mask_source: str | None
    background: DecodedImage | None
    lighting: DecodedImage | None
    size: Size

    def fit(self, candidate: Candidate) -> Fit:
        """Fit the image to the model, or the larger canvas where the model doesn't extend images itself."""
        if self._model_extends(candidate):
            return Fit(single_image.fit(candidate, *self.image.size).frame, self.size)
        return single_image.fit(candidate, *self.size)

    def task(self, candidate: Candidate) -> Task:
        edit_fit = self.fit(candidate)
        return Task(
            operation=self.name,
            quality=self.quality,
            width=edit_fit.requested.width,
            height=edit_fit.requested.height,
            prompt=self._prompt,
            **self.honored("negative_prompt", "seed", "style_preset", "guidance_scale", "steps"),
            images=self._images(candidate, edit_fit.frame),
            settings=self._settings(candidate, edit_fit.frame),
        )

    def finish(self, result: DecodedImage, candidate: Candidate) -> FinishedImage:
        edit_fit = self.fit(candidate)
        notes = self.fit_notes(candidate, edit_fit)
        if self.mask_source:
            notes |= {"mask": self.mask_source, "grow_mask": self._growth}
        return self._merge(result, candidate, edit_fit.frame), notes

    def metadata(self) -> dict[str, Any]:
        style = {"style_preset": self.request.style_preset} if self.request.style_preset else {}
        return {"operation": self.info.name, **style}

    # -- the request to the model

    @property
    def _prompt(self) -> str:
        return self.honored("prompt").get("prompt") or ""

    @property
    def _outpaints(self) -> bool:
        return self.info.name == "outpaint"

    def _model_extends(self, candidate: Candidate) -> bool:
        """Whether the model extends an image itself; else it gets the larger canvas and a mask of its empty part."""
        return self._outpaints and candidate.model.accepts.issuperset(SIDES)

    def _images(self, candidate: Candidate, frame: Frame) -> dict[str, Blob]:
        main = self.image
        if self._outpaints and not self._model_extends(candidate):
            left, up, right, down = self.request.expansion
            main = extend_canvas(masks.flatten(main), left, up, right, down, fill=EMPTY)
        sent: dict[str, DecodedImage] = {"image": place_in_frame(main, frame)}
        for role, image in (("background", self.background), ("lighting", self.lighting)):
            if image:
                sent[role] = masks.flatten(single_image.fit_further_image(image, candidate))
        images = {role: single_image.encode_input(image, candidate, len(sent)) for role, image in sent.items()}
        mask = self._mask_for(candidate)
        if mask:
            images["mask"] = Blob(encode(place_mask(mask, frame), FileType.PNG))
        return images

    def _mask_for(self, candidate: Candidate) -> Mask | None:
        """The mask that the model gets: where it may paint at full strength."""
        if self._outpaints:
            left, up, _, _ = self.request.expansion
            kept = (left, up, left + self.image.width, up + self.image.height)
            return None if self._model_extends(candidate) else masks.border_mask(*self.size, kept)
        if self.mask:
            return masks.grow(self.mask, self._growth)
        model = candidate.model
        needs_mask = self.info.name == "inpaint" and "mask" in model.accepts and not model.max_images
        return masks.full_mask(*self.image.size) if needs_mask else None

    def _settings(self, candidate: Candidate, frame: Frame) -> dict[str, Any]:
        prompts = [name for name in ("search_prompt", "select_prompt") if name in self.info.honored]
        settings: dict[str, Any] = {name: getattr(self.request, name) for name in prompts} | dict(self.options)
        if self._model_extends(candidate):  # in pixels of the scaled image; a requested side never becomes 0
            scale = frame.inner.width / self.image.width
            sides = zip(SIDES, self.request.expansion, strict=True)
            settings |= {name: max(1, round(side * scale)) for name, side in sides if side}
        if self.mask:
            # The mask is grown already, so a model that grows masks must not grow it again.
            settings.pop("grow_mask", None)
            settings |= {"grow_mask": 0} if "grow_mask" in candidate.model.accepts else {}
        if self.info.name == "relight" and not self._prompt and not self.background:
            settings["keep_original_background"] = True
        return {name: value for name, value in settings.items() if f"options.{name}" not in self.ignored}

    # -- the model's result

    def _merge(self, result: DecodedImage, candidate: Candidate, frame: Frame) -> DecodedImage:
        if self.info.name == "remove_background":
            cutout = extract(result, frame, *frame.inner) if frame.padded else result
            return masks.apply_cutout(self.image, cutout)
        if self._outpaints:
            whole = Frame(self.size, 0, 0, self.size) if self._model_extends(candidate) else frame
            left, up, _, _ = self.request.expansion
            return masks.paste_back(extract(result, whole, *self.size), self.image, left, up)
        changed = extract(result, frame, *self.image.size)
        if self.mask:
            return masks.composite(self.image, changed, masks.feather(self.mask, self._growth))
        return masks.keep_transparency(changed, self.image) if self.info.name in KEEPS_ALPHA else changed

    @property
    def _growth(self) -> int:
        """How far the mask is grown, pixels: the request's, else the catalog's default."""
        option = self.info.options.get("grow_mask")
        requested = self.options.get("grow_mask")
        return int(requested if requested is not None else (option.default or 0) if option else 0)


def resolve_edit(request: EditRequest, context: OperationContext) -> Edit:
    info = load_catalog().operations[NAME].choose(request.operation)
    fields = single_image.request_fields(request, (*EditFields.model_fields, *_CHECKED_FIELDS))
    own = {"mask"} if info.name in ALPHA_IS_MASK else set()  # the mask may still come from the image
    single_image.require(info, fields | request.options.keys() | own)
    single_image.check_style(request.style_preset)
    if info.name in TRANSPARENT and request.output_format is FileType.JPEG:
        raise InvalidRequest(
            f"{info.label} gives a transparent image, which JPEG can't hold. Use output_format png, webp or avif."
        )
    options = single_image.checked_options(info, request.options)
    quality = single_image.quality_of(request.options)
    source = single_image.read_image(request.image_base64, context)
    # Expansions are pixels of the image as it was sent.
    image = single_image.decode_source(source, context, whole="expansion" in info.honored)
    mask, mask_source = _mask(request, info, source, image, context)
    single_image.require(info, fields | options.keys() | ({"mask"} if mask else set()))
    size = _size(request, info, image, context.max_pixels)
    check_sides(request.output_format, *size, "output_format")
    return Edit(
        request=request,
        info=info,
        quality=quality,
        ignored=_ignored(request, info, fields),
        source=source,
        image=image,
        options=options,
        mask=mask,
        mask_source=mask_source,
        background=single_image.decode_further_image(request, "background", info, context),
        lighting=single_image.decode_further_image(request, "lighting", info, context),
        size=size,
    )


def _mask(
    request: EditRequest, info: OperationInfo, source: bytes, image: DecodedImage, context: OperationContext
) -> tuple[Mask | None, str | None]:
    if request.mask_base64 and "mask" in info.honored:
        # A photo of many pixels is decoded at a fraction; its mask, which may be as large, is reduced like it.
        most = math.prod(single_image.own_size(source, context))
        drawn = single_image.decode_input(request.mask_base64, context, "mask_base64", most)
        mask = masks.read_mask(drawn, *image.size)
        if masks.selects_nothing(mask):
            raise InvalidRequest("The mask selects nothing. Paint white what may change, black what must stay.")
        return mask, "mask_base64"
    if info.name in ALPHA_IS_MASK:
        own = masks.mask_of_alpha(image)
        return own, "transparency" if own else None
    return None, None


def _size(request: EditRequest, info: OperationInfo, image: DecodedImage, max_pixels: int) -> Size:
    if "expansion" not in info.honored:
        return Size(*image.size)
    left, up, right, down = request.expansion
    size = Size(image.width + left + right, image.height + up + down)
    if size.width * size.height > max_pixels:
        raise InvalidRequest(
            f"The image and its expansion have {size} pixels; at most {max_pixels / 1e6:.3g} megapixels are made."
        )
    return size


def _ignored(request: EditRequest, info: OperationInfo, fields: frozenset[str]) -> list[str]:
    """The fields without use; a light's strength is one of them where there is no light."""
    ignored = single_image.unsupported_fields(request, info, fields)
    lit = request.lighting_image_base64 or request.options.get("light_source_direction")
    if "light_source_strength" in request.options and "light_source_strength" in info.options and not lit:
        ignored.append("options.light_source_strength")
    return ignored
