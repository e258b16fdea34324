"""Which persona a request speaks for, and what that adds to its prompt and its negative prompt."""

from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.studio import Studio
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.personas import DEFAULT_PERSONA, Persona


def persona_of(request: CreateRequest, studio: Studio) -> Persona | None:
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


def spoken(persona: Persona) -> list[str]:
    """What the persona adds to a prompt, phrase by phrase; a brand's voice is a picture's mood."""
    colours = f"colours: {', '.join(persona.palette)}" if persona.palette else ""
    mood = f"mood: {persona.voice}" if persona.voice else ""
    return [phrase for phrase in (*persona.style_words, colours, mood) if phrase]
