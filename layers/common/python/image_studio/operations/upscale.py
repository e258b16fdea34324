"""Upscale: an image gets more pixels, up to an exact size; one variation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.catalog.operations import OperationInfo, table
from image_studio.errors import UnknownChoice
from image_studio.imaging.geometry import cover, extract_native, place_in_frame
from image_studio.imaging.masks import keep_transparency
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations.context import OperationContext
from image_studio.operations.inputs import (
    check_style,
    checked_options,
    decode_input,
    quality_of,
    request_fields,
    unsupported_fields,
)
from image_studio.operations.model_selection import (
    EXACT,
    UPSCALE,
    Candidate,
    ModelQuery,
    automatic_mode,
    fits_unscaled,
    scale_factor,
)
from image_studio.operations.operation import Operation
from image_studio.operations.single_image import (
    FinishedImage,
    Fit,
    accepting_models,
    encode_input,
    find_candidates,
    fit,
    fit_notes,
    make,
    price,
    response_fields,
    with_style,
)
from image_studio.operations.sizes import target_size
from image_studio.providers.adapter import Task
from image_studio.schemas.upscale import AUTO, UpscaleRequest, UpscaleResponse

NAME = UPSCALE
#: The prompt of the API reference's example, for models that want one.
DEFAULT_PROMPT = "High fidelity upscale preserving original details"
_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed")


@dataclass(frozen=True, slots=True)
class UpscaleWork:
    """One upscale: the request checked, its image decoded, mode and models chosen; `target` in pixels."""

    request: UpscaleRequest
    info: OperationInfo
    options: Mapping[str, Any]
    ignored: list[str]
    image: DecodedImage
    target: Size
    choices: list[Candidate]

    @property
    def name(self) -> str:
        """The operation as providers' data call it."""
        return f"{NAME}.{self.info.name}"

    @property
    def factor(self) -> float:
        """How many times larger each side becomes."""
        return scale_factor(Size(*self.image.size), self.target)

    def fit(self, choice: Candidate) -> Fit:
        """How the image goes to the model. Raises InvalidImage where it can't."""
        return fit(choice, *self.image.size, self.factor)

    def task(self, choice: Candidate) -> Task:
        """The task for the model."""
        asked, takes, way = self.request, self.info.honored, self.fit(choice)
        prompt = with_style(asked.prompt or DEFAULT_PROMPT, asked.style_preset, choice) if "prompt" in takes else ""
        return Task(
            operation=self.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=prompt,
            negative_prompt=asked.negative_prompt if "negative_prompt" in takes else None,
            seed=asked.seed if "seed" in takes else None,
            style_preset=asked.style_preset if "style_preset" in takes else None,
            images={"image": encode_input(place_in_frame(self.image, way.frame), choice)},
            settings=dict(self.options),
        )

    def finish(self, result: DecodedImage, choice: Candidate) -> FinishedImage:
        """The result at exactly the target's size; beyond what the model reached, the last step is Lanczos."""
        way = self.fit(choice)
        natural = keep_transparency(extract_native(result, way.frame), self.image)
        exact = natural if natural.size == self.target else cover(natural, *self.target)[0]
        notes = fit_notes(choice, self.name, way)
        if scale_factor(Size(*natural.size), self.target) > EXACT:
            notes["resampled_from"] = str(Size(*natural.size))
        return exact, {**notes, "ignored": self.ignored}


def estimate(request: UpscaleRequest, studio: OperationContext) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = prepare(request, studio)
    return price(work.choices[0], work.fit(work.choices[0]))


def upscale(request: UpscaleRequest, studio: OperationContext) -> UpscaleResponse:
    """Make the image larger. Raises the provider's failure."""
    work = prepare(request, studio)
    entry = make(studio, work.choices, work.task, work.finish, request.output_format)
    first = {
        "preset": request.preset,
        "original_width": work.image.width,
        "original_height": work.image.height,
        "upscale_factor": round(work.factor, 4),
    }
    return UpscaleResponse(mode=work.info.name, **response_fields(entry, first))


def prepare(request: UpscaleRequest, studio: OperationContext) -> UpscaleWork:
    """Check the request, decode its image, settle target, mode and models. Raises what makes it invalid."""
    modes = table(NAME)
    if request.mode != AUTO and request.mode not in modes.operations:
        raise UnknownChoice.of("mode", request.mode, (*modes.operations, AUTO))
    check_style(request.style_preset)
    quality = quality_of(request.options)
    if request.preset:
        target_size((1, 1), None, None, request.preset)  # an unknown preset needs no image to be refused
    image = decode_input(request.image_base64, studio)
    size = Size(*image.size)
    sides = request.target_width, request.target_height
    target = Size(*target_size(size, *sides, request.preset, studio.max_pixels))

    def choices_of(mode: str) -> list[Candidate]:
        wish = ModelQuery(operation=f"{NAME}.{mode}", quality=quality, provider=request.provider, model=request.model)
        return find_candidates(wish, studio)

    mode = automatic_mode(choices_of, request.model, size, target) if request.mode == AUTO else request.mode
    choices = accepting_models(choices_of(mode), lambda choice: fit(choice, *size))
    info = modes.choose(mode)
    return UpscaleWork(
        request=request,
        info=info,
        options=checked_options(info, request.options),
        ignored=unsupported_fields(request, info, request_fields(request, _FIELDS)),
        image=image,
        target=target,
        choices=sorted(choices, key=lambda choice: not fits_unscaled(choice, size)),
    )


OPERATION = Operation(
    name=NAME,
    request=UpscaleRequest,
    answer=UpscaleResponse,
    run=upscale,
    estimate=estimate,
    failure="Upscaling failed",
)
