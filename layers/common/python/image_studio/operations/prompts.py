"""What goes to the provider as prompt and negative prompt: the caller's words, the style's, the persona's."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from image_studio import catalog
from image_studio.operations.personas import persona_of, spoken
from image_studio.operations.studio import Studio
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.limits import MAX_PROMPT

NOTE = "wording"  # its name in the journal
#: A phrase in double quotes: words that are to stand in the picture. An inch mark follows its number and is none.
_QUOTED = re.compile(r"(?<![^\s(:])[\"“„«](?=[^\"“”„«»]*\w)[^\"“”„«»]{1,80}[\"”“»](?!\w)")


@dataclass(frozen=True, slots=True)
class Wording:
    """Prompt and negative prompt as they are sent; `changed` where the prompt isn't the caller's own any more."""

    prompt: str
    negative_prompt: str | None
    changed: bool


def settle_wording(request: CreateRequest, style_preset: str | None, studio: Studio) -> Wording:
    """Decide the words of a job, once: a later run finds them in the journal, whatever a text model says by then.

    Raises NotFound for an unknown persona.
    """
    known = studio.journal.recall(NOTE)
    if known:
        return Wording(**json.loads(known))
    wording = _worded(request, style_preset, studio)
    studio.journal.remember(NOTE, json.dumps(asdict(wording)))
    return wording


def _worded(request: CreateRequest, style_preset: str | None, studio: Studio) -> Wording:
    persona = persona_of(request, studio)
    prompt, negative = request.prompt, request.negative_prompt
    if request.enhance_prompt:
        prompt = _richer(prompt, style_preset, studio)
    if persona:
        prompt = joined(prompt, spoken(persona))
        negative = joined(negative or "", persona.avoid_words) or None
    return Wording(prompt, negative, changed=request.enhance_prompt or persona is not None)


def _richer(prompt: str, style_preset: str | None, studio: Studio) -> str:
    """The prompt made richer by a text model; where that fails, or says nothing of use, by the style's words."""
    words = catalog.style_words(style_preset) if style_preset else ""
    said = (studio.rewriter.rewrite(prompt, words) or "").strip()
    return said if 0 < len(said) <= MAX_PROMPT else enhance(prompt, style_preset)


def enhance(prompt: str, style_preset: str | None) -> str:
    """The prompt with the style's words appended, unless it has them; without a style, as it is."""
    return joined(prompt, [catalog.style_words(style_preset)] if style_preset else [])


def asks_for_lettering(prompt: str) -> bool:
    """Whether the prompt quotes words that are to be set in the picture."""
    return _QUOTED.search(prompt) is not None


def joined(text: str, phrases: Iterable[str]) -> str:
    """The text with those phrases appended that it doesn't have yet, as far as a prompt may be long."""
    for phrase in phrases:
        longer = f"{text}, {phrase}" if text else phrase
        if phrase and phrase.lower() not in text.lower() and len(longer) <= MAX_PROMPT:
            text = longer
    return text
