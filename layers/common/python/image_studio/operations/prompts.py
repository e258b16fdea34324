"""Prompt and negative prompt as the provider gets them: the caller's words, the style's, the persona's."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from image_studio import catalog
from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.context import OperationContext
from image_studio.schemas.create import DEFAULT_PERSONA, CreateRequest, Persona
from image_studio.schemas.limits import MAX_PROMPT


def persona_of(request: CreateRequest, studio: OperationContext) -> Persona | None:
    """The persona that the request uses, if any.

    Raises NotFound for an id that the caller doesn't have, InvalidRequest where `use_persona` finds no default.
    """
    persona_id = request.persona
    if persona_id is None:
        return None
    try:
        return Persona.model_validate(studio.library.persona(persona_id))
    except NotFound:
        if request.persona_id:
            raise
        raise InvalidRequest(
            f"use_persona needs a persona_id, or a persona named '{DEFAULT_PERSONA}':"
            f" PUT /api/image-studio/personas/{DEFAULT_PERSONA}."
        ) from None


def persona_phrases(persona: Persona) -> list[str]:
    """What the persona adds to a prompt, phrase by phrase; a brand's voice is an image's mood."""
    colors = f"colors: {', '.join(persona.palette)}" if persona.palette else ""
    mood = f"mood: {persona.voice}" if persona.voice else ""
    return [phrase for phrase in (*persona.style_words, colors, mood) if phrase]


NOTE = "wording"  # its name in the journal
#: A phrase in double quotes: words that are to stand in the image. An inch mark follows its number and is none.
_QUOTED = re.compile(r"(?<![^\s(:])[\"“„«](?=[^\"“”„«»]*\w)[^\"“”„«»]{1,80}[\"”“»](?!\w)")


@dataclass(frozen=True, slots=True)
class ResolvedPrompt:
    """Prompt and negative prompt as they are sent; `changed` where the prompt isn't the caller's own any more."""

    prompt: str
    negative_prompt: str | None
    changed: bool


def resolve_prompt(request: CreateRequest, style_preset: str | None, studio: OperationContext) -> ResolvedPrompt:
    """Decide the words of a job, once: a later run finds them in the journal, whatever a text model says by then.

    Raises NotFound for an unknown persona.
    """
    known = studio.journal.recall(NOTE)
    if known:
        return ResolvedPrompt(**json.loads(known))
    wording = _worded(request, style_preset, studio)
    studio.journal.remember(NOTE, json.dumps(asdict(wording)))
    return wording


def _worded(request: CreateRequest, style_preset: str | None, studio: OperationContext) -> ResolvedPrompt:
    persona = persona_of(request, studio)
    prompt, negative = request.prompt, request.negative_prompt
    if request.enhance_prompt:
        prompt = _richer(prompt, style_preset, studio)
    if persona:
        prompt = join_phrases(prompt, persona_phrases(persona))
        negative = join_phrases(negative or "", persona.avoid_words) or None
    return ResolvedPrompt(prompt, negative, changed=request.enhance_prompt or persona is not None)


def _richer(prompt: str, style_preset: str | None, studio: OperationContext) -> str:
    """The prompt made richer by a text model; where that fails, or says nothing of use, by the style's words."""
    words = catalog.style_words(style_preset) if style_preset else ""
    said = (studio.rewriter.rewrite(prompt, words) or "").strip()
    return said if 0 < len(said) <= MAX_PROMPT else enhance(prompt, style_preset)


def enhance(prompt: str, style_preset: str | None) -> str:
    """The prompt with the style's words appended, unless it has them; without a style, as it is."""
    return join_phrases(prompt, [catalog.style_words(style_preset)] if style_preset else [])


def quotes_words(prompt: str) -> bool:
    """Whether the prompt quotes words that are to be set in the image."""
    return _QUOTED.search(prompt) is not None


def join_phrases(text: str, phrases: Iterable[str]) -> str:
    """The text with those phrases appended that it doesn't have yet, as far as a prompt may be long."""
    for phrase in phrases:
        longer = f"{text}, {phrase}" if text else phrase
        if phrase and phrase.lower() not in text.lower() and len(longer) <= MAX_PROMPT:
            text = longer
    return text
