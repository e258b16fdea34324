"""A persona: what a brand sounds and looks like, kept by its caller and put into prompts on request."""

from typing import Annotated

from pydantic import AfterValidator, Field

from image_studio.schemas.request import Request, unless_null

MAX_PERSONAS = 30  # of one caller; all of them, at their longest, fit into one page of the table (1 MB)
#: The persona that `use_persona` means where no `persona_id` is given.
DEFAULT_PERSONA = "default"
PERSONA_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def _without_blanks(words: list[str]) -> list[str]:
    """Each word once, in its order; clients send what their input fields hold, empty ones too."""
    return list(dict.fromkeys(word for word in words if word))


_Word = Annotated[str, Field(max_length=60)]
Words = Annotated[list[_Word], Field(max_length=20), AfterValidator(_without_blanks), unless_null([])]


class Persona(Request):
    """PUT /personas/{id}. Voice and palette tell how pictures feel and which colours they have."""

    name: Annotated[str, Field(max_length=80), unless_null("")] = ""
    voice: Annotated[str, Field(max_length=300), unless_null("")] = ""
    palette: Words = Field(default_factory=list)
    style_words: Words = Field(default_factory=list)
    avoid_words: Words = Field(default_factory=list)
