"""Create: a prompt becomes one to ten images of exactly the size that was asked for."""

import secrets
from dataclasses import dataclass

from image_studio import catalog
from image_studio.errors import JobFailed
from image_studio.imaging.decode import decode
from image_studio.imaging.encode import encode
from image_studio.imaging.geometry import cover
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate, ModelQuery, select_candidates
from image_studio.operations.operation import Operation
from image_studio.operations.prompts import ResolvedPrompt, persona_of, quotes_words, resolve_prompt
from image_studio.operations.sizes import Size, check_area, wanted_size
from image_studio.providers.adapter import Task
from image_studio.providers.spec import nearest_size
from image_studio.schemas.common import FileType
from image_studio.schemas.create import CreatedImage, CreateRequest, CreateResponse, ResolvedFields, VariationFailure
from image_studio.schemas.limits import MAX_SEED, Quality

NAME = "create"


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    """A request with template and defaults applied."""

    size: Size
    quality: Quality
    style_preset: str | None
    template_name: str | None
    hint: str | None


def resolve(request: CreateRequest) -> ResolvedRequest:
    """Settle size, quality and style; the caller's values win over the template's.

    Raises NotFound for an unknown template, UnknownChoice for a style, InvalidRequest for a ratio.
    """
    template = catalog.template(request.template_id) if request.template_id else None
    size = wanted_size(
        request.width,
        request.height,
        request.aspect_ratio,
        (template.width, template.height) if template else None,
    )
    style = request.style_preset or (template.style_preset if template else None)
    if style:
        catalog.style_words(style)
    return ResolvedRequest(
        size=size,
        quality=request.quality or Quality(template.quality if template else Quality.STANDARD),
        style_preset=style,
        template_name=template.name if template else None,
        hint=template.recommended_provider if template else None,
    )


def candidates_for(request: CreateRequest, made: ResolvedRequest, studio: OperationContext) -> list[Candidate]:
    """The models to try, best first."""
    wish = ModelQuery(
        operation=NAME,
        quality=made.quality,
        provider=request.provider,
        model=request.model,
        hint=made.hint,
        lettering=quotes_words(request.prompt),
    )
    return select_candidates(wish, studio.configured, studio.health.is_open)


def estimate(request: CreateRequest, studio: OperationContext) -> int:
    """Credits to reserve: the first choice's price for every variation. Raises what makes the request invalid."""
    made = resolve(request)
    check_area(made.size, studio.max_pixels)
    persona_of(request, studio)
    first = candidates_for(request, made, studio)[0].model
    return first.price(nearest_size(first, *made.size)) * request.num_variations


def create(request: CreateRequest, studio: OperationContext) -> CreateResponse:
    """Make the variations, all at the same time. Raises the first failure where none succeeds."""
    made = resolve(request)
    choices = candidates_for(request, made, studio)
    wording = resolve_prompt(request, made.style_preset, studio)
    seeds = _seeds(request, studio)

    def task(choice: Candidate, seed: int) -> Task:
        # A seed nobody asked for is sent only where the model takes one: then the one really used is known.
        takes_seed = request.seed is not None or "seed" in choice.model.accepts
        return Task(
            operation=NAME,
            width=made.size[0],
            height=made.size[1],
            prompt=wording.prompt,
            negative_prompt=wording.negative_prompt,
            seed=seed if takes_seed else None,
            style_preset=made.style_preset,
            guidance_scale=request.guidance_scale,
            steps=request.steps,
        )

    orders = [
        VariationTask(number, lambda choice, seed=seed: task(choice, seed), lambda data, _: _polish(data, made.size))  # type: ignore[misc]
        for number, seed in enumerate(seeds, start=1)
    ]
    entries = generate(studio, choices, orders)
    return _answer(request, made, wording, entries)


def _seeds(request: CreateRequest, studio: OperationContext) -> list[int]:
    """Variation i uses seed + i; without a seed, random ones that a second run finds again.

    From `secrets`: restored snapshots share the state of the `random` module.
    """
    first = request.seed
    if first is None:
        known = studio.journal.recall("seed")
        first = (
            int(known) if known else secrets.randbelow(MAX_SEED + 1)
        )  # `random` would repeat itself in each restored snapshot
        studio.journal.remember("seed", str(first))
    return [(first + number) % (MAX_SEED + 1) for number in range(request.num_variations)]


def _polish(data: bytes, size: Size) -> EncodedImage:
    image = decode(data)
    exact, box = cover(image, *size)
    metadata = {
        "native_size": f"{image.width}x{image.height}",
        "crop": [round(box.left), round(box.top), round(box.right), round(box.bottom)],
        "scale": round(size[0] / (box.right - box.left), 4),
    }
    facts = {"width": size[0], "height": size[1], "metadata": metadata}
    return EncodedImage(encode(exact, FileType.PNG), FileType.PNG.mime, facts)


def _answer(
    request: CreateRequest, made: ResolvedRequest, wording: ResolvedPrompt, entries: list[Entry]
) -> CreateResponse:
    done = [entry for entry in entries if entry.stage is Stage.DONE]
    failed = [entry for entry in entries if entry.stage is Stage.FAILED]
    if not done:
        first = failed[0]
        raise JobFailed(first.status or 500, first.code or "", first.detail or "")
    echo = ResolvedFields(
        prompt=request.prompt,
        enhanced_prompt=wording.prompt if wording.changed else None,
        template_id=request.template_id,
        template_name=made.template_name,
        provider=done[0].provider,
        model=done[0].model,
        dimensions=f"{made.size[0]}x{made.size[1]}",
        quality=made.quality,
        num_variations=request.num_variations,
        style_preset=made.style_preset,
        persona_id=request.persona,
        reason=done[0].facts["metadata"].get("reason", ""),
    )
    return CreateResponse(
        success=True,
        request=echo,
        results=[_image(entry) for entry in done],
        total_generated=len(done),
        total_failed=len(failed),
        errors=[VariationFailure(variation=e.variation, detail=e.detail or "", code=e.code or "") for e in failed],
    )


def _image(entry: Entry) -> CreatedImage:
    return CreatedImage(
        stored=entry.stored,
        provider=entry.provider,
        model=entry.model,
        variation=entry.variation,
        seed=entry.seed,
        **entry.facts,
    )


OPERATION = Operation(
    name=NAME,
    request=CreateRequest,
    answer=CreateResponse,
    run=create,
    estimate=estimate,
    failure="Image generation failed",
    variations=lambda request: request.num_variations,
)
