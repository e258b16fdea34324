"""Create: a prompt becomes one to ten pictures of exactly the size that was asked for."""

import random
from dataclasses import dataclass

from image_studio import catalog
from image_studio.errors import RecordedError
from image_studio.imaging.crop import cover
from image_studio.imaging.encode import encode
from image_studio.imaging.gate import open_picture
from image_studio.operations.choose_model import Choice, Wish, choose
from image_studio.operations.dimensions import Size, check_area, wanted_size
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.operation import Operation
from image_studio.operations.personas import persona_of
from image_studio.operations.produce import Order, Polished, produce
from image_studio.operations.prompts import Wording, asks_for_lettering, settle_wording
from image_studio.operations.studio import Studio
from image_studio.providers.adapter import Task
from image_studio.providers.shapes import nearest
from image_studio.schemas.create import (
    CreateAnswer,
    CreatedPicture,
    CreateEcho,
    CreateRequest,
    VariationFailure,
)
from image_studio.schemas.image import FileType
from image_studio.schemas.limits import MAX_SEED
from image_studio.schemas.quality import Quality

NAME = "create"


@dataclass(frozen=True, slots=True)
class Brief:
    """A request with template and defaults applied."""

    size: Size
    quality: Quality
    style_preset: str | None
    template_name: str | None
    hint: str | None


def brief(request: CreateRequest) -> Brief:
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
    return Brief(
        size=size,
        quality=request.quality or Quality(template.quality if template else Quality.STANDARD),
        style_preset=style,
        template_name=template.name if template else None,
        hint=template.recommended_provider if template else None,
    )


def choices_for(request: CreateRequest, made: Brief, studio: Studio) -> list[Choice]:
    """The models to try, best first."""
    wish = Wish(
        operation=NAME,
        quality=made.quality,
        provider=request.provider,
        model=request.model,
        hint=made.hint,
        lettering=asks_for_lettering(request.prompt),
    )
    return choose(wish, studio.configured, studio.health.is_open)


def estimate(request: CreateRequest, studio: Studio) -> int:
    """Credits to reserve: the first choice's price for every variation. Raises what makes the request invalid."""
    made = brief(request)
    check_area(made.size, studio.max_pixels)
    persona_of(request, studio)
    first = choices_for(request, made, studio)[0].model
    return first.price(nearest(first, *made.size)) * request.num_variations


def create(request: CreateRequest, studio: Studio) -> CreateAnswer:
    """Make the variations, all at the same time. Raises the first failure where none succeeds."""
    made = brief(request)
    choices = choices_for(request, made, studio)
    wording = settle_wording(request, made.style_preset, studio)
    seeds = _seeds(request, studio)

    def task(choice: Choice, seed: int) -> Task:
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
        Order(number, lambda choice, seed=seed: task(choice, seed), lambda data, _: _polish(data, made.size))  # type: ignore[misc]
        for number, seed in enumerate(seeds, start=1)
    ]
    entries = produce(studio, choices, orders)
    return _answer(request, made, wording, entries)


def _seeds(request: CreateRequest, studio: Studio) -> list[int]:
    """Variation i uses seed + i; without a seed, random ones that a second run finds again."""
    first = request.seed
    if first is None:
        known = studio.journal.recall("seed")
        first = int(known) if known else random.randint(0, MAX_SEED)  # noqa: S311  a picture's seed is no secret
        studio.journal.remember("seed", str(first))
    return [(first + number) % (MAX_SEED + 1) for number in range(request.num_variations)]


def _polish(data: bytes, size: Size) -> Polished:
    picture = open_picture(data)
    exact, box = cover(picture, *size)
    metadata = {
        "native_size": f"{picture.width}x{picture.height}",
        "crop": [round(box.left), round(box.top), round(box.right), round(box.bottom)],
        "scale": round(size[0] / (box.right - box.left), 4),
    }
    facts = {"width": size[0], "height": size[1], "metadata": metadata}
    return Polished(encode(exact, FileType.PNG), FileType.PNG.mime, facts)


def _answer(request: CreateRequest, made: Brief, wording: Wording, entries: list[Entry]) -> CreateAnswer:
    done = [entry for entry in entries if entry.stage is Stage.DONE]
    failed = [entry for entry in entries if entry.stage is Stage.FAILED]
    if not done:
        first = failed[0]
        raise RecordedError(first.status or 500, first.code or "", first.detail or "")
    echo = CreateEcho(
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
    return CreateAnswer(
        success=True,
        request=echo,
        results=[_picture(entry) for entry in done],
        total_generated=len(done),
        total_failed=len(failed),
        errors=[VariationFailure(variation=e.variation, detail=e.detail or "", code=e.code or "") for e in failed],
    )


def _picture(entry: Entry) -> CreatedPicture:
    return CreatedPicture(
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
    answer=CreateAnswer,
    run=create,
    estimate=estimate,
    failure="Image generation failed",
    variations=lambda request: request.num_variations,
)
