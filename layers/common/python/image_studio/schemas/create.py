"""POST /create and personas: a prompt becomes images of an exact size."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from image_studio.schemas.common import (
    Deliverable,
    Delivery,
    DeliveryField,
    GuidanceScale,
    Model,
    ModelName,
    NegativePrompt,
    Options,
    ProviderName,
    Request,
    Response,
    SeedField,
    Side,
    Steps,
    StylePreset,
    WebhookUrl,
    default_for_null,
    empty_if_invisible,
)
from image_studio.schemas.limits import MAX_PROMPT, MAX_VARIATIONS, Quality

MAX_PERSONAS = 30  # of one caller; all of them, at their longest, fit into one page of the table (1 MB)
DEFAULT_PERSONA = "default"  # the persona that `use_persona` means where no `persona_id` is given
PERSONA_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def _without_blanks(words: list[str]) -> list[str]:
    """Each word once, in its order; clients send what their input fields hold, empty ones too."""
    return list(dict.fromkeys(word for word in words if word))


_Word = Annotated[str, Field(max_length=60)]
Words = Annotated[list[_Word], Field(max_length=20), AfterValidator(_without_blanks), default_for_null([])]


class Persona(Request):
    """PUT /personas/{id}: how a brand's images feel, and which colors they have."""

    name: Annotated[str, Field(max_length=80), default_for_null("")] = Field(default="", description="A display name.")
    voice: Annotated[str, Field(max_length=300), default_for_null("")] = Field(
        default="", description="How the brand sounds, in words."
    )
    palette: Words = Field(default_factory=list, description="Colors.")
    style_words: Words = Field(default_factory=list, description="Words for the look.")
    avoid_words: Words = Field(default_factory=list, description="What an image must never show.")


class StoredPersona(Persona):
    """A persona as it is stored."""

    model_config = ConfigDict(extra="forbid")

    persona_id: Annotated[str, Field(pattern=f"^{PERSONA_ID}$", description="The id, as in the path.")]


class PersonaList(Response):
    """The caller's personas, by id."""

    personas: list[StoredPersona]
    total: int


class PersonaDeleted(Response):
    """The persona was deleted."""

    persona_id: str
    deleted: Literal[True]


class CreateRequest(Request):
    """POST /create."""

    prompt: Annotated[
        str, Field(min_length=1, max_length=MAX_PROMPT, description="What the image must show."), empty_if_invisible
    ]
    template_id: str | None = Field(
        default=None,
        description="A template of GET /templates: its size, style and quality, unless the request has them.",
    )
    provider: Annotated[ProviderName, default_for_null("auto")] = "auto"
    model: ModelName = None
    width: Side | None = Field(default=None, description="Pixels.")
    height: Side | None = Field(default=None, description="Pixels.")
    aspect_ratio: str | None = Field(default=None, description="Such as 16:9, unless both width and height are there.")
    style_preset: StylePreset = None
    quality: Quality | None = Field(default=None, description="How much to spend: draft, standard or premium.")
    negative_prompt: NegativePrompt = None
    guidance_scale: GuidanceScale = None
    steps: Steps = None
    seed: SeedField = None
    num_variations: Annotated[int, Field(ge=1, le=MAX_VARIATIONS), default_for_null(1)] = Field(
        default=1, description=f"Images to create at the same time, 1 to {MAX_VARIATIONS}."
    )
    enhance_prompt: Annotated[bool, default_for_null(True)] = Field(
        default=True, description="Whether to enrich the prompt first."
    )
    use_persona: Annotated[bool, default_for_null(False)] = Field(
        default=False, description="Whether a persona's voice, colors and words go into the prompt."
    )
    persona_id: str | None = Field(
        default=None, description="The persona, with use_persona. Without it, the one called `default`."
    )
    delivery: DeliveryField = Delivery.AUTO
    webhook_url: WebhookUrl = None
    options: Options = Field(default_factory=dict)

    @property
    def persona(self) -> str | None:
        """The id of the persona to use, if any."""
        return (self.persona_id or DEFAULT_PERSONA) if self.use_persona else None


class ResolvedFields(Model):
    """The request, with the template and the defaults applied."""

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


class VariationFailure(Model):
    """Why one variation has no image."""

    variation: int
    detail: str
    code: str


class CreateResponse(Model):
    """The documented body of POST /create."""

    success: bool
    request: ResolvedFields
    results: list[CreatedImage]
    total_generated: int
    total_failed: int
    errors: list[VariationFailure] = Field(default_factory=list)

    def deliverables(self) -> list[Deliverable]:
        return list(self.results)
