"""POST /upscale: an image gets more pixels, up to an exact size; one variation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidImage, UnknownChoice
from image_studio.imaging.encode import check_sides
from image_studio.imaging.geometry import cover, extract_native, place_in_frame
from image_studio.imaging.masks import keep_transparency
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations import single_image
from image_studio.operations.context import OperationContext
from image_studio.operations.model_selection import (
    ROUNDED_FACTOR,
    UPSCALE,
    Candidate,
    ModelQuery,
    automatic_mode,
    fits_unscaled,
    largest_result,
    scale_factor,
)
from image_studio.operations.single_image import FinishedImage, Fit, SingleImageOperation
from image_studio.operations.sizes import target_size
from image_studio.providers import PROVIDERS, SPECS
from image_studio.providers.adapter import Task
from image_studio.schemas.limits import Quality
from image_studio.schemas.single_image import AUTO, UpscaleRequest, UpscaleResponse

NAME = UPSCALE
#: The prompt of the API reference's example, for models that need one.
DEFAULT_PROMPT = "High fidelity upscale preserving original details"
_CHECKED_FIELDS = ("prompt", "negative_prompt", "style_preset", "seed")


def estimate(request: UpscaleRequest, context: OperationContext) -> int:
    return single_image.estimate_credits(resolve_upscale(request, context), context)


def run(request: UpscaleRequest, context: OperationContext) -> UpscaleResponse:
    upscale = resolve_upscale(request, context)
    return UpscaleResponse(mode=upscale.info.name, **single_image.make_image(upscale, context))


@dataclass(frozen=True, kw_only=True)
class Upscale(SingleImageOperation):
    """One upscale to `target` (pixels), its mode chosen.

    `original` is the file's size, of which the image may be a fraction where the target is not larger.
    """

    group: ClassVar[str] = NAME
    request: UpscaleRequest
    options: Mapping[str, Any]
    original: Size
    target: Size

    @property
    def factor(self) -> float:
        return scale_factor(self.original, self.target)

    @property
    def needs_model(self) -> bool:
        """Whether the target is larger than the image."""
        return self.factor > 1.0

    def finish_here(self) -> FinishedImage:
        exact = self.image if self.image.size == self.target else cover(self.image, *self.target)[0]
        reason = "the target is not larger than the image, so it was resized without a model"
        return exact, {"reason": reason, "resized_from": str(self.original)}

    def candidates(self, context: OperationContext) -> list[Candidate]:
        """The models that take the image and make more of it, those first that take it without scaling it down.

        Raises InvalidImage where none does: to pay for fewer pixels than were sent helps nobody.
        """
        size = Size(*self.image.size)
        enlarging = single_image.accepting_models(super().candidates(context), self._check_enlarges)
        return sorted(enlarging, key=lambda candidate: (candidate.avoided, not fits_unscaled(candidate, size)))

    def _check_enlarges(self, candidate: Candidate) -> None:
        size = Size(*self.image.size)
        pixels, most = size.width * size.height, largest_result(candidate.model, size)
        if most > pixels:
            return
        title = f"{candidate.provider.title}'s {candidate.model.name}"
        others = [
            f"{spec.name} {model.name}"
            for spec in SPECS
            for model in spec.live_models()
            if model.does(self.name) and largest_result(model, size) > pixels
        ]
        raise InvalidImage(
            f"The image has {pixels / 1e6:.3g} megapixels, and {title} makes at most {most / 1e6:.3g} of it. Crop the"
            " image first, or choose a target that is not larger than the image, which is free."
            + (f" Models that make more: {', '.join(others)}." if others else "")
        )

    def fit(self, candidate: Candidate) -> Fit:
        return single_image.fit(candidate, *self.image.size, self.factor)

    def task(self, candidate: Candidate) -> Task:
        upscale_fit = self.fit(candidate)
        default = DEFAULT_PROMPT if "prompt" in candidate.model.accepts else ""
        return Task(
            operation=self.name,
            quality=self.quality,
            width=upscale_fit.requested.width,
            height=upscale_fit.requested.height,
            prompt=self.request.prompt or default if "prompt" in self.info.honored else "",
            **self.honored("negative_prompt", "seed", "style_preset"),
            images={"image": single_image.encode_input(place_in_frame(self.image, upscale_fit.frame), candidate)},
            settings=dict(self.options),
        )

    def finish(self, result: DecodedImage, candidate: Candidate) -> FinishedImage:
        """Bring the result to exactly the target's size; what the model didn't reach is resampled."""
        upscale_fit = self.fit(candidate)
        natural = keep_transparency(extract_native(result, upscale_fit.frame), self.image)
        size = Size(*natural.size)
        exact = natural if size == self.target else cover(natural, *self.target)[0]
        notes = self.fit_notes(candidate, upscale_fit)
        if scale_factor(size, self.target) > ROUNDED_FACTOR:
            notes["resampled_from"] = str(size)
        return exact, notes

    def metadata(self) -> dict[str, Any]:
        return {
            "preset": None if self.request.target_width or self.request.target_height else self.request.preset,
            "original_width": self.original.width,
            "original_height": self.original.height,
            "upscale_factor": round(self.factor, 4),
        }


def resolve_upscale(request: UpscaleRequest, context: OperationContext) -> Upscale:
    modes = load_catalog().operations[NAME]
    if modes.short_name(request.mode) not in (*modes.operations, AUTO):
        raise UnknownChoice.of("mode", request.mode, (*modes.operations, AUTO))
    single_image.check_style(request.style_preset)
    quality = single_image.quality_of(request.options)
    if request.preset:
        target_size(Size(1, 1), None, None, request.preset)  # an unknown preset is refused before decoding
    source = single_image.read_image(request.image_base64, context)
    image = single_image.decode_source(source, context)
    size = single_image.own_size(source, context)
    target = target_size(size, request.target_width, request.target_height, request.preset, context.max_pixels)
    if scale_factor(Size(*image.size), target) > 1:
        single_image.check_whole(source, context)  # to pay for fewer pixels than were sent helps nobody
    check_sides(request.output_format, *target, "output_format")
    info = modes.choose(choose_mode(request, quality, size, target, context))
    options = single_image.checked_options(info, request.options)
    if scale_factor(size, target) <= 1.0:  # no model is called, so none of its fields is used
        info = replace(info, takes=(), options={})
    ignored = single_image.unsupported_fields(request, info, single_image.request_fields(request, _CHECKED_FIELDS))
    if request.preset and (request.target_width or request.target_height):
        ignored.append("preset")
    return Upscale(
        request=request,
        info=info,
        quality=quality,
        ignored=ignored,
        source=source,
        image=image,
        options=options,
        original=size,
        target=target,
    )


def choose_mode(request: UpscaleRequest, quality: Quality, size: Size, target: Size, context: OperationContext) -> str:
    """Return the mode. Raises UnknownChoice or UnsupportedChoice for names of providers and models."""
    mode = load_catalog().operations[NAME].short_name(request.mode)
    if scale_factor(size, target) <= 1.0:  # no model is called, so none has to be configured
        context = replace(context, configured=frozenset(PROVIDERS))

    def candidates_of(mode: str) -> list[Candidate]:
        query = ModelQuery(operation=f"{NAME}.{mode}", quality=quality, provider=request.provider, model=request.model)
        return single_image.find_candidates(query, context)

    chosen = automatic_mode(candidates_of, request.model, size, target) if mode == AUTO else mode
    candidates_of(chosen)
    return chosen
