"""Control: a sketch, a structure or a style steers how a new image is made; one variation."""

import math
from dataclasses import dataclass

from image_studio.catalog.operations import OperationInfo, table
from image_studio.imaging.canvas import flatten
from image_studio.imaging.geometry import cover, extract, extract_native, place_in_frame
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations.context import OperationContext
from image_studio.operations.inputs import (
    check_style,
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
from image_studio.operations.sizes import DEFAULT_AREA, parse_ratio, size_for_ratio
from image_studio.providers.adapter import Blob, Task
from image_studio.schemas.control import ControlRequest, ControlResponse
from image_studio.schemas.limits import Quality

NAME = "control"
#: The numbers that steer a model, 0 to 1; 0.0 is a value.
STRENGTHS = ("control_strength", "fidelity", "style_strength", "composition_fidelity", "change_strength")
DEFAULT_RATIO = "1:1"
_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed", *STRENGTHS)


@dataclass(frozen=True, slots=True)
class ControlWork:
    """One control: the request checked and its images decoded. `shape` is the answer's size where it is free."""

    request: ControlRequest
    info: OperationInfo
    quality: Quality
    ignored: list[str]
    image: DecodedImage
    style: DecodedImage | None
    shape: Size | None

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"{NAME}.{self.info.name}"

    def fit(self, choice: Candidate) -> Fit:
        """How the control image goes to the model, and the size that is wanted. Raises InvalidImage."""
        if self.shape:
            return Fit(fit(choice, *self.image.size, pad=False).frame, self.shape)
        if self.style:  # a new image of about a megapixel, in the shape of the content image
            return fit(choice, *self.image.size, math.sqrt(DEFAULT_AREA / (self.image.width * self.image.height)))
        return fit(choice, *self.image.size)

    def task(self, choice: Candidate) -> Task:
        """The task for the model."""
        asked, way = self.request, self.fit(choice)
        return Task(
            operation=self.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=with_style(asked.prompt, asked.style_preset, choice),
            negative_prompt=asked.negative_prompt,
            seed=asked.seed,
            style_preset=asked.style_preset,
            images=self._images(choice, way),
            settings={name: value for name, value in self._strengths().items() if value is not None},
        )

    def finish(self, result: DecodedImage, choice: Candidate) -> FinishedImage:
        """The result at the right size, and the strengths that were used."""
        way = self.fit(choice)
        return self._finished(result, way), {
            **self._used(choice),
            **fit_notes(choice, self.name, way),
            "ignored": self.ignored,
        }

    def _finished(self, result: DecodedImage, way: Fit) -> DecodedImage:
        if self.shape:
            return cover(result, *self.shape)[0]
        return extract_native(result, way.frame) if self.style else extract(result, way.frame, *self.image.size)

    def _images(self, choice: Candidate, way: Fit) -> dict[str, Blob]:
        sent = {"image": place_in_frame(self.image, way.frame)}
        if self.style:
            sent["style"] = flatten(fit_reference(self.style, choice))
        return {role: encode_input(image, choice, len(sent)) for role, image in sent.items()}

    def _used(self, choice: Candidate) -> dict[str, float]:
        """The strengths as the model had them: within its range, its own where none was asked for."""
        model = choice.model
        told = {name: model.defaults.get(name) if it is None else it for name, it in self._strengths().items()}
        known = {name: value for name, value in told.items() if value is not None}
        return {
            name: model.ranges[name].clamp(value) if name in model.ranges else value for name, value in known.items()
        }

    def _strengths(self) -> dict[str, float | None]:
        return {name: getattr(self.request, name) for name in STRENGTHS if name in self.info.honored}


def prepare(request: ControlRequest, studio: OperationContext) -> ControlWork:
    """Check the request and decode its images. Raises what makes it invalid, with the documented sentences."""
    rows = table(NAME)
    info = rows.choose(request.operation)
    given = request_fields(request, (*rows.flags, *_FIELDS))
    require(info, given)
    check_style(request.style_preset)
    quality = quality_of(request.options)
    shape = (
        size_for_ratio(parse_ratio(request.aspect_ratio or DEFAULT_RATIO)) if "aspect_ratio" in info.honored else None
    )
    style = None
    image = decode_input(request.control_image_base64, studio)
    if request.style_image_base64 and "style_image" in info.honored:
        style = decode_input(request.style_image_base64, studio, "style_image_base64")
    return ControlWork(
        request=request,
        info=info,
        quality=quality,
        ignored=unsupported_fields(request, info, given),
        image=image,
        style=style,
        shape=Size(*shape) if shape else None,
    )


def estimate(request: ControlRequest, studio: OperationContext) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = prepare(request, studio)
    first = _choices(work, studio)[0]
    return price(first, work.fit(first))


def control(request: ControlRequest, studio: OperationContext) -> ControlResponse:
    """Make the image. Raises the provider's failure."""
    work = prepare(request, studio)
    entry = make(studio, _choices(work, studio), work.task, work.finish, request.output_format)
    return ControlResponse(operation=request.operation, **response_fields(entry, {"operation": work.info.name}))


def _choices(work: ControlWork, studio: OperationContext) -> list[Candidate]:
    asked = work.request
    wish = ModelQuery(operation=work.name, quality=work.quality, provider=asked.provider, model=asked.model)
    return accepting_models(find_candidates(wish, studio), work.fit)


OPERATION = Operation(
    name=NAME,
    request=ControlRequest,
    answer=ControlResponse,
    run=control,
    estimate=estimate,
    failure="Image control failed",
)
