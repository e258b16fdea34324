"""Resolve prompt and negative prompt: the caller's words, the style's, the persona's."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.context import OperationContext
from image_studio.schemas.create import DEFAULT_PERSONA, CreateRequest, Persona
from image_studio.schemas.limits import MAX_PROMPT


def find_persona(request: CreateRequest, context: OperationContext) -> Persona | None:
    """Return the request's persona, if any. Raises NotFound, or InvalidRequest where no default one exists."""
    persona_id = request.persona
    if persona_id is None:
        return None
    try:
        return Persona.model_validate(context.references.persona(persona_id))
    except NotFound:
        if request.persona_id:
            raise
        raise InvalidRequest(
            f"use_persona needs a persona_id, or a persona named '{DEFAULT_PERSONA}':"
            f" PUT /api/image-studio/personas/{DEFAULT_PERSONA}."
        ) from None


def persona_phrases(persona: Persona) -> list[str]:
    colors = f"colors: {', '.join(persona.palette)}" if persona.palette else ""
    mood = f"mood: {persona.voice}" if persona.voice else ""
    return [phrase for phrase in (*persona.style_words, colors, mood) if phrase]


JOURNAL_NAME = "wording"  # of the resolved prompt; stored in job records
#: A phrase in double quotes: text to set in the image. An inch mark follows a number and is no quote.
_QUOTED = re.compile(r"(?<![^\s(:])[\"“„«](?=[^\"“”„«»]*\w)[^\"“”„«»]{1,80}[\"”“»](?!\w)")


@dataclass(frozen=True, slots=True)
class ResolvedPrompt:
    """Prompt and negative prompt as they are sent; `changed` where the prompt differs from the caller's."""

    prompt: str
    negative_prompt: str | None
    changed: bool


def resolve_prompt(request: CreateRequest, style_preset: str | None, context: OperationContext) -> ResolvedPrompt:
    """Resolve a job's prompt once: a later run finds it in the journal, whatever a text model returns by then."""
    recorded = context.journal.recall(JOURNAL_NAME)
    if recorded:
        return ResolvedPrompt(**json.loads(recorded))
    resolved = _resolve(request, style_preset, context)
    context.journal.remember(JOURNAL_NAME, json.dumps(asdict(resolved)))
    return resolved


def _resolve(request: CreateRequest, style_preset: str | None, context: OperationContext) -> ResolvedPrompt:
    persona = find_persona(request, context)
    prompt, negative = request.prompt, request.negative_prompt
    if request.enhance_prompt:
        prompt = _enhance(prompt, style_preset, context)
    if persona:
        prompt = join_phrases(prompt, persona_phrases(persona))
        negative = join_phrases(negative or "", persona.avoid_words) or None
    return ResolvedPrompt(prompt, negative, changed=request.enhance_prompt or persona is not None)


def _enhance(prompt: str, style_preset: str | None, context: OperationContext) -> str:
    """Enrich the prompt by a text model; by the style's words where that fails or returns nothing usable."""
    words = load_catalog().style_words(style_preset) if style_preset else ""
    enriched = (context.enrich_prompt(prompt, words) or "").strip()
    return enriched if 0 < len(enriched) <= MAX_PROMPT else append_style(prompt, style_preset)


def append_style(prompt: str, style_preset: str | None) -> str:
    return join_phrases(prompt, [load_catalog().style_words(style_preset)] if style_preset else [])


def has_quoted_text(prompt: str) -> bool:
    return _QUOTED.search(prompt) is not None


def join_phrases(text: str, phrases: Iterable[str]) -> str:
    """Append the phrases that the text doesn't have yet, up to the longest prompt."""
    for phrase in phrases:
        longer = f"{text}, {phrase}" if text else phrase
        if phrase and phrase.lower() not in text.lower() and len(longer) <= MAX_PROMPT:
            text = longer
    return text
