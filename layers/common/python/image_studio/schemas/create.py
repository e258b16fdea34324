"""POST /create and personas: a prompt becomes images of an exact size."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from image_studio.schemas.common import Deliverable, Delivery, Options, Prompt, Request, Seed, default_for_null
from image_studio.schemas.limits import MAX_SIDE, MAX_VARIATIONS, MIN_SIDE, Quality

MAX_PERSONAS = 30  # of one caller; all of them, at their longest, fit into one page of the table (1 MB)
#: The persona that `use_persona` means where no `persona_id` is given.
DEFAULT_PERSONA = "default"
PERSONA_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def _without_blanks(words: list[str]) -> list[str]:
    """Each word once, in its order; clients send what their input fields hold, empty ones too."""
    return list(dict.fromkeys(word for word in words if word))


_Word = Annotated[str, Field(max_length=60)]
Words = Annotated[list[_Word], Field(max_length=20), AfterValidator(_without_blanks), default_for_null([])]


class Persona(Request):
    """PUT /personas/{id}. Voice and palette tell how images feel and which colors they have."""

    name: Annotated[str, Field(max_length=80), default_for_null("")] = ""
    voice: Annotated[str, Field(max_length=300), default_for_null("")] = ""
    palette: Words = Field(default_factory=list)
    style_words: Words = Field(default_factory=list)
    avoid_words: Words = Field(default_factory=list)


Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]


class CreateRequest(Request):
    """POST /create."""

    prompt: Annotated[Prompt, Field(min_length=1)]
    template_id: str | None = None
    provider: Annotated[str, default_for_null("auto")] = "auto"
    model: str | None = None
    width: Side | None = None
    height: Side | None = None
    aspect_ratio: str | None = None
    style_preset: str | None = None
    quality: Quality | None = None
    negative_prompt: Prompt | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    steps: Annotated[int, Field(ge=1, le=150)] | None = None
    seed: Seed | None = None
    num_variations: Annotated[int, Field(ge=1, le=MAX_VARIATIONS), default_for_null(1)] = 1
    enhance_prompt: Annotated[bool, default_for_null(True)] = True
    use_persona: bool | None = None
    persona_id: str | None = None
    delivery: Annotated[Delivery, default_for_null(Delivery.AUTO)] = Delivery.AUTO
    options: Options = Field(default_factory=dict)

    @property
    def persona(self) -> str | None:
        """The id of the persona to speak for, if any; `use_persona: false` puts a named one aside."""
        if self.use_persona is False:
            return None
        return self.persona_id or (DEFAULT_PERSONA if self.use_persona else None)


class ResolvedFields(BaseModel):
    """What was asked for, with what we settled on."""

    prompt: str
    enhanced_prompt: str | None
    template_id: str | None
    template_name: str | None
    provider: str
    model: str
    dimensions: str
    quality: str
    num_variations: int
    style_preset: str | None
    persona_id: str | None = None
    reason: str


class CreatedImage(Deliverable):
    """One variation; raw base64 PNG, or a URL."""

    width: int
    height: int
    provider: str
    model: str
    variation: int
    seed: int | None
    metadata: dict[str, Any]


class VariationFailure(BaseModel):
    """Why one variation has no image."""

    variation: int
    detail: str
    code: str


class CreateResponse(BaseModel):
    """The documented body of POST /create."""

    success: bool
    request: ResolvedFields
    results: list[CreatedImage]
    total_generated: int
    total_failed: int
    errors: list[VariationFailure] = Field(default_factory=list)

    def deliverables(self) -> list[Deliverable]:
        """The parts that carry an image."""
        return list(self.results)
