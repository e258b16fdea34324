"""Control: a sketch, a structure or a style steers how a new picture is made; one variation."""

import math
from dataclasses import dataclass

from image_studio.catalog.operations import OperationInfo, table
from image_studio.imaging.canvas import flatten
from image_studio.imaging.crop import cover
from image_studio.imaging.frame import put, take, take_natively
from image_studio.imaging.picture import Picture, Size
from image_studio.operations.choose_model import Choice, Wish
from image_studio.operations.dimensions import DEFAULT_AREA, of_area, parse_ratio
from image_studio.operations.fit_input import Fit, blob, fit, reference, takers
from image_studio.operations.given import check_style, given_fields, not_honoured, quality_of, require
from image_studio.operations.inputs import open_input
from image_studio.operations.one_picture import Finished, answer_fields, choices_for, fit_notes, make, price, styled
from image_studio.operations.operation import Operation
from image_studio.operations.studio import Studio
from image_studio.providers.adapter import Blob, Task
from image_studio.schemas.control import ControlAnswer, ControlRequest
from image_studio.schemas.quality import Quality

NAME = "control"
#: The numbers that steer a model, 0 to 1; 0.0 is a value.
STRENGTHS = ("control_strength", "fidelity", "style_strength", "composition_fidelity", "change_strength")
DEFAULT_RATIO = "1:1"
_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed", *STRENGTHS)


@dataclass(frozen=True, slots=True)
class ControlWork:
    """One control: the request checked and its pictures decoded. `shape` is the answer's size where it is free."""

    request: ControlRequest
    info: OperationInfo
    quality: Quality
    ignored: list[str]
    image: Picture
    style: Picture | None
    shape: Size | None

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"{NAME}.{self.info.name}"

    def fit(self, choice: Choice) -> Fit:
        """How the control picture goes to the model, and the size that is wanted. Raises InvalidImage."""
        if self.shape:
            return Fit(fit(choice, *self.image.size, pad=False).frame, self.shape)
        if self.style:  # a new picture of about a megapixel, in the shape of the content picture
            return fit(choice, *self.image.size, math.sqrt(DEFAULT_AREA / (self.image.width * self.image.height)))
        return fit(choice, *self.image.size)

    def task(self, choice: Choice) -> Task:
        """The task for the model."""
        asked, way = self.request, self.fit(choice)
        return Task(
            operation=self.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=styled(asked.prompt, asked.style_preset, choice),
            negative_prompt=asked.negative_prompt,
            seed=asked.seed,
            style_preset=asked.style_preset,
            images=self._images(choice, way),
            settings={name: value for name, value in self._strengths().items() if value is not None},
        )

    def finish(self, result: Picture, choice: Choice) -> Finished:
        """The result at the right size, and the strengths that were used."""
        way = self.fit(choice)
        return self._finished(result, way), {
            **self._used(choice),
            **fit_notes(choice, self.name, way),
            "ignored": self.ignored,
        }

    def _finished(self, result: Picture, way: Fit) -> Picture:
        if self.shape:
            return cover(result, *self.shape)[0]
        return take_natively(result, way.frame) if self.style else take(result, way.frame, *self.image.size)

    def _images(self, choice: Choice, way: Fit) -> dict[str, Blob]:
        sent = {"image": put(self.image, way.frame)}
        if self.style:
            sent["style"] = flatten(reference(self.style, choice))
        return {role: blob(image, choice, len(sent)) for role, image in sent.items()}

    def _used(self, choice: Choice) -> dict[str, float]:
        """The strengths as the model had them: within its range, its own where none was asked for."""
        model = choice.model
        told = {name: model.defaults.get(name) if it is None else it for name, it in self._strengths().items()}
        known = {name: value for name, value in told.items() if value is not None}
        return {
            name: model.ranges[name].clamp(value) if name in model.ranges else value for name, value in known.items()
        }

    def _strengths(self) -> dict[str, float | None]:
        return {name: getattr(self.request, name) for name in STRENGTHS if name in self.info.honoured}


def prepare(request: ControlRequest, studio: Studio) -> ControlWork:
    """Check the request and decode its pictures. Raises what makes it invalid, with the documented sentences."""
    rows = table(NAME)
    info = rows.choose(request.operation)
    given = given_fields(request, (*rows.flags, *_FIELDS))
    require(info, given)
    check_style(request.style_preset)
    quality = quality_of(request.options)
    shape = of_area(parse_ratio(request.aspect_ratio or DEFAULT_RATIO)) if "aspect_ratio" in info.honoured else None
    style = None
    image = open_input(request.control_image_base64, studio)
    if request.style_image_base64 and "style_image" in info.honoured:
        style = open_input(request.style_image_base64, studio, "style_image_base64")
    return ControlWork(
        request=request,
        info=info,
        quality=quality,
        ignored=not_honoured(request, info, given),
        image=image,
        style=style,
        shape=Size(*shape) if shape else None,
    )


def estimate(request: ControlRequest, studio: Studio) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = prepare(request, studio)
    first = _choices(work, studio)[0]
    return price(first, work.fit(first))


def control(request: ControlRequest, studio: Studio) -> ControlAnswer:
    """Make the picture. Raises the provider's failure."""
    work = prepare(request, studio)
    entry = make(studio, _choices(work, studio), work.task, work.finish, request.output_format)
    return ControlAnswer(operation=request.operation, **answer_fields(entry, {"operation": work.info.name}))


def _choices(work: ControlWork, studio: Studio) -> list[Choice]:
    asked = work.request
    wish = Wish(operation=work.name, quality=work.quality, provider=asked.provider, model=asked.model)
    return takers(choices_for(wish, studio), work.fit)


OPERATION = Operation(
    name=NAME,
    request=ControlRequest,
    answer=ControlAnswer,
    run=control,
    estimate=estimate,
    failure="Image control failed",
)
