"""POST /control/process: a sketch, a structure or a style steers how a new image is made; one variation."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import OperationInfo
from image_studio.errors import InvalidImage
from image_studio.imaging.encode import check_sides
from image_studio.imaging.geometry import cover, extract, extract_native, place_in_frame
from image_studio.imaging.masks import flatten, is_flat
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations import single_image
from image_studio.operations.context import OperationContext
from image_studio.operations.model_selection import Candidate
from image_studio.operations.single_image import FinishedImage, Fit, SingleImageOperation
from image_studio.operations.sizes import DEFAULT_AREA, parse_ratio, size_for_ratio
from image_studio.providers.adapter import Task
from image_studio.schemas.catalog import ControlFields
from image_studio.schemas.single_image import ControlRequest, ControlResponse

NAME = "control"
#: The numbers that steer a model, 0 to 1; 0.0 is a value.
STRENGTHS = ("control_strength", "fidelity", "style_strength", "composition_fidelity", "change_strength")
_DRAWN = frozenset({"sketch", "structure"})  # operations that follow what the control image shows
DEFAULT_RATIO = "1:1"
_CHECKED_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed", *STRENGTHS)


def estimate(request: ControlRequest, context: OperationContext) -> int:
    return single_image.estimate_credits(resolve_control(request, context), context)


def run(request: ControlRequest, context: OperationContext) -> ControlResponse:
    control = resolve_control(request, context)
    return ControlResponse(operation=control.info.name, **single_image.make_image(control, context))


@dataclass(frozen=True, kw_only=True)
class Control(SingleImageOperation):
    """One control. `size` is the response's (pixels) where the control image doesn't determine it."""

    group: ClassVar[str] = NAME
    request: ControlRequest
    style: DecodedImage | None
    size: Size | None

    def fit(self, candidate: Candidate) -> Fit:
        if self.size:
            return Fit(single_image.fit(candidate, *self.image.size, pad=False).frame, self.size)
        if self.style:  # a new image of about a megapixel, with the ratio of the content image
            times = math.sqrt(DEFAULT_AREA / (self.image.width * self.image.height))
            return single_image.fit(candidate, *self.image.size, times)
        return single_image.fit(candidate, *self.image.size)

    def task(self, candidate: Candidate) -> Task:
        request, control_fit = self.request, self.fit(candidate)
        sent = {"image": place_in_frame(self.image, control_fit.frame)}
        if self.style:
            sent["style"] = flatten(single_image.fit_further_image(self.style, candidate))
        return Task(
            operation=self.name,
            quality=self.quality,
            width=control_fit.requested.width,
            height=control_fit.requested.height,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            seed=request.seed,
            style_preset=request.style_preset,
            images={role: single_image.encode_input(image, candidate, len(sent)) for role, image in sent.items()},
            settings={name: value for name, value in self._strengths().items() if value is not None},
        )

    def finish(self, result: DecodedImage, candidate: Candidate) -> FinishedImage:
        control_fit = self.fit(candidate)
        notes = {**self._used_strengths(candidate), **self.fit_notes(candidate, control_fit)}
        if self.size:
            return cover(result, *self.size)[0], notes
        if self.style:
            return extract_native(result, control_fit.frame), notes
        return extract(result, control_fit.frame, *self.image.size), notes

    def metadata(self) -> dict[str, Any]:
        return {"operation": self.info.name}

    def _used_strengths(self, candidate: Candidate) -> dict[str, float]:
        """The strengths that the model takes, within its ranges; its defaults where the request has none."""
        used: dict[str, float] = {}
        for name, requested in self._strengths().items():
            if name not in candidate.model.accepts:
                continue
            values = candidate.model.ranges.get(name)
            value = values.default if values and requested is None else requested
            if value is not None:
                used[name] = values.clamp(value) if values else value
        return used

    def _strengths(self) -> dict[str, float | None]:
        return {name: getattr(self.request, name) for name in STRENGTHS if name in self.info.honored}


def resolve_control(request: ControlRequest, context: OperationContext) -> Control:
    info = load_catalog().operations[NAME].choose(request.operation)
    fields = single_image.request_fields(request, (*ControlFields.model_fields, *_CHECKED_FIELDS))
    single_image.require(info, fields)
    single_image.check_style(request.style_preset)
    quality = single_image.quality_of(request.options)
    size = free_size(info, request.aspect_ratio)
    source = single_image.read_image(request.control_image_base64, context)
    image = single_image.decode_source(source, context)
    if info.name in _DRAWN and is_flat(image):
        raise InvalidImage(
            "control_image_base64 is empty: it has one color throughout. Send an image with visible lines."
        )
    style = single_image.decode_further_image(request, "style_image", info, context)
    if style is None:
        check_sides(request.output_format, *(size or image.size), "output_format")
    return Control(
        request=request,
        info=info,
        quality=quality,
        ignored=single_image.unsupported_fields(request, info, fields),
        source=source,
        image=image,
        style=style,
        size=size,
    )


def free_size(info: OperationInfo, aspect_ratio: str | None) -> Size | None:
    """Return the size of the response's image where the control image doesn't determine it. Raises InvalidRequest."""
    return size_for_ratio(parse_ratio(aspect_ratio or DEFAULT_RATIO)) if "aspect_ratio" in info.honored else None
