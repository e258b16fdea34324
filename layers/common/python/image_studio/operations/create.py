"""POST /create: a prompt becomes one to ten images of exactly the requested size."""

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_studio.catalog.load import load_catalog
from image_studio.errors import JobFailed
from image_studio.imaging.content_credentials import History
from image_studio.imaging.decode import RESULT_LIMITS, decode
from image_studio.imaging.geometry import cover
from image_studio.imaging.types import Size
from image_studio.operations import provenance
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, encode_image, generate, inline_share
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate, ModelQuery, select_candidates
from image_studio.operations.prompts import ResolvedPrompt, find_persona, has_quoted_text, resolve_prompt
from image_studio.operations.sizes import check_area, same_ratio, wanted_size
from image_studio.providers.adapter import Task
from image_studio.providers.spec import nearest_size
from image_studio.schemas.common import FileType
from image_studio.schemas.create import CreatedImage, CreateRequest, CreateResponse, ResolvedFields, VariationFailure
from image_studio.schemas.limits import MAX_SEED, Quality, SourceType

NAME = "create"
_SAME = ("stored", "provider", "model", "variation", "seed")  # fields of an entry and of a created image


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    size: Size
    quality: Quality
    style_preset: str | None
    template_name: str | None
    recommended: str | None  # the template's provider


def resolve(request: CreateRequest) -> ResolvedRequest:
    """Resolve size, quality and style; the caller's values win over the template's. Raises NotFound, InvalidRequest."""
    template = load_catalog().template(request.template_id) if request.template_id else None
    template_size = Size(template.aspect_ratio.width, template.aspect_ratio.height) if template else None
    style = request.style_preset or (template.style_preset if template else None)
    size = wanted_size(request.width, request.height, request.aspect_ratio, template_size)
    if style:
        load_catalog().style_words(style)
    return ResolvedRequest(
        size=size,
        quality=request.quality or Quality(template.quality if template else Quality.STANDARD),
        style_preset=style,
        template_name=template.name if template else None,
        recommended=template.recommended_provider if template else None,
    )


def candidates_for(request: CreateRequest, resolved: ResolvedRequest, context: OperationContext) -> list[Candidate]:
    query = ModelQuery(
        operation=NAME,
        quality=resolved.quality,
        provider=request.provider,
        model=request.model,
        recommended=resolved.recommended,
        lettering=has_quoted_text(request.prompt),
        not_ready=context.not_ready,
    )
    return select_candidates(query, context.configured, context.circuits.is_open)


def estimate(request: CreateRequest, context: OperationContext) -> int:
    """Return the credits to reserve, by the first candidate's price. Raises what makes the request invalid."""
    resolved = resolve(request)
    check_area(resolved.size, context.max_pixels)
    find_persona(request, context)
    first = candidates_for(request, resolved, context)[0].model
    return first.price(nearest_size(first, *resolved.size)) * request.num_variations


def run(request: CreateRequest, context: OperationContext) -> CreateResponse:
    """Make the variations in parallel. Raises JobFailed with the first failure where none succeeds."""
    resolved = resolve(request)
    candidates = candidates_for(request, resolved, context)
    prompt = resolve_prompt(request, resolved.style_preset, context)

    def encode(data: bytes, entry: Entry) -> EncodedImage:
        history = provenance.history_of(context, entry, SourceType.TRAINED, prompt.prompt)
        return _encode(request, resolved.size, data, entry, history)

    tasks = [
        VariationTask(number, partial(_task, request, resolved, prompt, seed), encode)
        for number, seed in enumerate(_seeds(request, context), start=1)
    ]
    return _response(request, resolved, prompt, generate(context, candidates, tasks))


def _task(
    request: CreateRequest, resolved: ResolvedRequest, prompt: ResolvedPrompt, seed: int, candidate: Candidate
) -> Task:
    # A drawn seed is sent only to a model that takes one, so that the response states the seed that was used.
    # Style words are in an enhanced prompt already.
    takes_style = not request.enhance_prompt or "style_preset" in candidate.model.accepts
    takes_seed = request.seed is not None or "seed" in candidate.model.accepts
    return Task(
        operation=NAME,
        width=resolved.size.width,
        height=resolved.size.height,
        prompt=prompt.prompt,
        negative_prompt=prompt.negative_prompt,
        seed=seed if takes_seed else None,
        quality=resolved.quality,
        style_preset=resolved.style_preset if takes_style else None,
        guidance_scale=request.guidance_scale,
        steps=request.steps,
    )


def _seeds(request: CreateRequest, context: OperationContext) -> list[int]:
    """Variation i uses seed + i. Without a seed the first one is drawn and recorded, so that a second run finds it."""
    first = request.seed
    if first is None:
        recorded = context.journal.recall("seed")
        # From `secrets`: restored snapshots share the state of the `random` module.
        first = int(recorded) if recorded else secrets.randbelow(MAX_SEED + 1)
        context.journal.remember("seed", str(first))
    return [(first + number) % (MAX_SEED + 1) for number in range(request.num_variations)]


def unread_fields(request: CreateRequest) -> list[str]:
    """The request's fields and options that have no effect beside its others."""
    unread = [f"options.{name}" for name in request.options]
    if request.persona_id and not request.use_persona:
        unread.append("persona_id")
    width, height = request.width, request.height
    if width and height and request.aspect_ratio and not same_ratio(request.aspect_ratio, Size(width, height)):
        unread.append("aspect_ratio")
    return unread


def _encode(request: CreateRequest, size: Size, data: bytes, entry: Entry, history: History) -> EncodedImage:
    image = decode(data, RESULT_LIMITS)
    exact, crop = cover(image, *size)
    metadata: dict[str, Any] = {
        "native_size": f"{image.width}x{image.height}",
        "crop": [round(side) for side in crop.box],
        "focus": crop.focus.value,
        "faces": [face.model_dump() for face in crop.faces],
        "scale": round(size.width / crop.box.width, 4),
    }
    ignored = [*unread_fields(request), *entry.facts.get("ignored", ())]
    if ignored:
        metadata["ignored"] = ignored
    facts = {"width": size.width, "height": size.height, "metadata": metadata}
    share = inline_share(request.delivery, request.num_variations)
    return encode_image(exact, FileType.PNG, facts, share, history)


def _response(
    request: CreateRequest, resolved: ResolvedRequest, prompt: ResolvedPrompt, entries: list[Entry]
) -> CreateResponse:
    done = [entry for entry in entries if entry.stage is Stage.DONE]
    failed = [entry for entry in entries if entry.stage is Stage.FAILED]
    if not done:
        first = failed[0]
        raise JobFailed(first.status or 500, first.code or "", first.detail or "")
    fields = ResolvedFields(
        prompt=request.prompt,
        enhanced_prompt=prompt.prompt if prompt.changed else None,
        template_id=request.template_id,
        template_name=resolved.template_name,
        provider=done[0].provider,
        model=done[0].model,
        dimensions=str(resolved.size),
        quality=resolved.quality,
        num_variations=request.num_variations,
        style_preset=resolved.style_preset,
        persona_id=request.persona,
        reason=done[0].facts["metadata"].get("reason", ""),
    )
    return CreateResponse(
        success=True,
        request=fields,
        results=[CreatedImage(**{name: getattr(entry, name) for name in _SAME}, **entry.facts) for entry in done],
        total_generated=len(done),
        total_failed=len(failed),
        errors=[VariationFailure(variation=e.variation, detail=e.detail or "", code=e.code or "") for e in failed],
    )
