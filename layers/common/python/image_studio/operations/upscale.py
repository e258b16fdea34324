"""Upscale: a picture gets more pixels, up to an exact size; one variation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.catalog.operations import OperationInfo, table
from image_studio.errors import UnknownChoice
from image_studio.imaging.compose import keep_transparency
from image_studio.imaging.crop import cover
from image_studio.imaging.frame import put, take_natively
from image_studio.imaging.picture import Picture, Size
from image_studio.operations.choose_model import Choice, Wish
from image_studio.operations.fit_input import Fit, blob, fit, takers
from image_studio.operations.given import check_style, checked_options, given_fields, not_honoured, quality_of
from image_studio.operations.inputs import open_input
from image_studio.operations.one_picture import Finished, answer_fields, choices_for, fit_notes, make, price, styled
from image_studio.operations.operation import Operation
from image_studio.operations.studio import Studio
from image_studio.operations.upscale_mode import EXACT, STUDIO, automatic_mode, factor_of, takes_whole
from image_studio.operations.upscale_target import target_size
from image_studio.providers.adapter import Task
from image_studio.schemas.upscale import AUTO, UpscaleAnswer, UpscaleRequest

NAME = STUDIO
#: The prompt of the API reference's example, for models that want one.
DEFAULT_PROMPT = "High fidelity upscale preserving original details"
_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed")


@dataclass(frozen=True, slots=True)
class UpscaleWork:
    """One upscale: the request checked, its picture decoded, mode and models chosen; `target` in pixels."""

    request: UpscaleRequest
    info: OperationInfo
    options: Mapping[str, Any]
    ignored: list[str]
    image: Picture
    target: Size
    choices: list[Choice]

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"{NAME}.{self.info.name}"

    @property
    def factor(self) -> float:
        """How many times larger each side becomes."""
        return factor_of(Size(*self.image.size), self.target)

    def fit(self, choice: Choice) -> Fit:
        """How the picture goes to the model. Raises InvalidImage where it can't."""
        return fit(choice, *self.image.size, self.factor)

    def task(self, choice: Choice) -> Task:
        """The task for the model."""
        asked, takes, way = self.request, self.info.honoured, self.fit(choice)
        prompt = styled(asked.prompt or DEFAULT_PROMPT, asked.style_preset, choice) if "prompt" in takes else ""
        return Task(
            operation=self.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=prompt,
            negative_prompt=asked.negative_prompt if "negative_prompt" in takes else None,
            seed=asked.seed if "seed" in takes else None,
            style_preset=asked.style_preset if "style_preset" in takes else None,
            images={"image": blob(put(self.image, way.frame), choice)},
            settings=dict(self.options),
        )

    def finish(self, result: Picture, choice: Choice) -> Finished:
        """The result at exactly the target's size; beyond what the model reached, the last step is Lanczos."""
        way = self.fit(choice)
        natural = keep_transparency(take_natively(result, way.frame), self.image)
        exact = natural if natural.size == self.target else cover(natural, *self.target)[0]
        notes = fit_notes(choice, self.name, way)
        if factor_of(Size(*natural.size), self.target) > EXACT:
            notes["resampled_from"] = str(Size(*natural.size))
        return exact, {**notes, "ignored": self.ignored}


def estimate(request: UpscaleRequest, studio: Studio) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = prepare(request, studio)
    return price(work.choices[0], work.fit(work.choices[0]))


def upscale(request: UpscaleRequest, studio: Studio) -> UpscaleAnswer:
    """Make the picture larger. Raises the provider's failure."""
    work = prepare(request, studio)
    entry = make(studio, work.choices, work.task, work.finish, request.output_format)
    first = {
        "preset": request.preset,
        "original_width": work.image.width,
        "original_height": work.image.height,
        "upscale_factor": round(work.factor, 4),
    }
    return UpscaleAnswer(mode=work.info.name, **answer_fields(entry, first))


def prepare(request: UpscaleRequest, studio: Studio) -> UpscaleWork:
    """Check the request, decode its picture, settle target, mode and models. Raises what makes it invalid."""
    modes = table(NAME)
    if request.mode != AUTO and request.mode not in modes.operations:
        raise UnknownChoice.of("mode", request.mode, (*modes.operations, AUTO))
    check_style(request.style_preset)
    quality = quality_of(request.options)
    if request.preset:
        target_size((1, 1), None, None, request.preset)  # an unknown preset needs no picture to be refused
    image = open_input(request.image_base64, studio)
    size = Size(*image.size)
    sides = request.target_width, request.target_height
    target = Size(*target_size(size, *sides, request.preset, studio.max_pixels))

    def choices_of(mode: str) -> list[Choice]:
        wish = Wish(operation=f"{NAME}.{mode}", quality=quality, provider=request.provider, model=request.model)
        return choices_for(wish, studio)

    mode = automatic_mode(choices_of, request.model, size, target) if request.mode == AUTO else request.mode
    choices = takers(choices_of(mode), lambda choice: fit(choice, *size))
    info = modes.choose(mode)
    return UpscaleWork(
        request=request,
        info=info,
        options=checked_options(info, request.options),
        ignored=not_honoured(request, info, given_fields(request, _FIELDS)),
        image=image,
        target=target,
        choices=sorted(choices, key=lambda choice: not takes_whole(choice, size)),
    )


OPERATION = Operation(
    name=NAME,
    request=UpscaleRequest,
    answer=UpscaleAnswer,
    run=upscale,
    estimate=estimate,
    failure="Upscaling failed",
)
