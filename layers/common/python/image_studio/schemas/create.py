"""Create: a prompt becomes pictures of an exact size."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from image_studio.schemas.delivery import Deliverable, Delivery
from image_studio.schemas.limits import MAX_SIDE, MAX_VARIATIONS, MIN_SIDE
from image_studio.schemas.personas import DEFAULT_PERSONA
from image_studio.schemas.quality import Quality
from image_studio.schemas.request import Options, Prompt, Request, Seed, unless_null

Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]


class CreateRequest(Request):
    """POST /create."""

    prompt: Annotated[Prompt, Field(min_length=1)]
    template_id: str | None = None
    provider: Annotated[str, unless_null("auto")] = "auto"
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
    num_variations: Annotated[int, Field(ge=1, le=MAX_VARIATIONS), unless_null(1)] = 1
    enhance_prompt: Annotated[bool, unless_null(True)] = True
    use_persona: bool | None = None
    persona_id: str | None = None
    delivery: Annotated[Delivery, unless_null(Delivery.AUTO)] = Delivery.AUTO
    options: Options = Field(default_factory=dict)

    @property
    def persona(self) -> str | None:
        """The id of the persona to speak for, if any; `use_persona: false` puts a named one aside."""
        if self.use_persona is False:
            return None
        return self.persona_id or (DEFAULT_PERSONA if self.use_persona else None)


class CreateEcho(BaseModel):
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


class CreatedPicture(Deliverable):
    """One variation; raw base64 PNG, or a URL."""

    width: int
    height: int
    provider: str
    model: str
    variation: int
    seed: int | None
    metadata: dict[str, Any]


class VariationFailure(BaseModel):
    """Why one variation has no picture."""

    variation: int
    detail: str
    code: str


class CreateAnswer(BaseModel):
    """The documented body of POST /create."""

    success: bool
    request: CreateEcho
    results: list[CreatedPicture]
    total_generated: int
    total_failed: int
    errors: list[VariationFailure] = Field(default_factory=list)

    def deliverables(self) -> list[Deliverable]:
        """The parts that carry a picture."""
        return list(self.results)
