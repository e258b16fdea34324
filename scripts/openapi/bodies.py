"""The shapes of answers that the code builds as plain dictionaries; the tests hold the answers to them.

Nothing beyond these fields is answered (`extra="forbid"`), so a field that is added must be documented here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from image_studio.runtime.settings import TIERS
from image_studio.schemas.catalog import Side
from image_studio.schemas.common import Request
from image_studio.schemas.create import PERSONA_ID, Persona
from image_studio.schemas.limits import MAX_VARIATIONS, Quality
from image_studio.storage.job import Status

Share = Annotated[float, Field(ge=0, lt=0.5)]
Pixels = Annotated[int, Field(ge=1)]
Credits = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[int, Field(description="Epoch milliseconds.")]


class Body(BaseModel):
    """A documented body."""

    model_config = ConfigDict(extra="forbid")


class Error(Body):
    """Every error that a function answers."""

    detail: Annotated[str, Field(description="One sentence that says what to change.")]
    code: Annotated[str, Field(description="A word for programs.", pattern="^[a-z_]+$")]


class GatewayError(Body):
    """What API Gateway answers itself, before a function is reached."""

    message: str | None


class AspectRatio(Body):
    """A template's size in pixels, and what its shape is called."""

    ratio: str
    width: Pixels
    height: Pixels
    label: str


class Template(Body):
    """A named preset for create."""

    id: str
    name: str
    category: str
    platform: str
    aspect_ratio: AspectRatio
    description: str
    recommended_provider: str
    style_preset: str
    quality: str
    use_cases: list[str]


class TemplateList(Body):
    """Templates, in the catalog's order or best first."""

    templates: list[Template]
    total: int


class FoundTemplates(TemplateList):
    """Templates that have the query's words, best first."""

    query: str


class RecommendedTemplates(TemplateList):
    """Templates for a use case, best first."""

    use_case: str


class Provider(Body):
    """What a provider can do; each of `models` can be sent back as `model`, those of `operations` for what they do."""

    name: str
    models: list[str]
    capabilities: list[str]
    max_resolution: str
    cost_range: str
    configured: bool
    healthy: bool
    operations: dict[str, list[str]]


class ProviderList(Body):
    """Providers by the name that `provider` takes."""

    providers: dict[str, Provider]


class EstimateRequest(Request):
    """What an operation would be called with."""

    provider: Annotated[str, Field(min_length=1)]
    model: str | None = None
    operation: str | None = None
    num_images: Annotated[int, Field(ge=1, le=MAX_VARIATIONS)] | None = None
    width: Side | None = None
    height: Side | None = None
    quality: Quality | None = None
    target_width: Side | None = None
    target_height: Side | None = None
    preset: str | None = None


class Estimate(Body):
    """Credits that the operation would reserve."""

    estimated_cost: Credits
    currency: Literal["credits"]
    provider: str
    model: str | None
    operation: str
    num_images: int
    cost_per_image: Credits
    total_cost: Credits
    estimated: Literal[True]


class EditFields(Body):
    """Which inputs an edit operation has."""

    prompt: bool
    mask: bool
    negative_prompt: bool
    search_prompt: bool
    select_prompt: bool
    background: bool
    lighting: bool
    expansion: bool


class ControlFields(Body):
    """Which inputs a control operation has."""

    control_image: bool
    style_image: bool
    control_strength: bool
    fidelity: bool
    style_strength: bool
    aspect_ratio: bool


class EditOperation(Body):
    """An edit operation, and who does it where nobody is chosen."""

    label: str
    description: str
    provider: str
    fields: EditFields


class ControlOperation(Body):
    """A control operation, and who does it where nobody is chosen."""

    label: str
    description: str
    provider: str
    fields: ControlFields


class EditOperationList(Body):
    """Edit operations by the name that `operation` takes."""

    operations: dict[str, EditOperation]


class ControlOperationList(Body):
    """Control operations by the name that `operation` takes."""

    operations: dict[str, ControlOperation]


class EditModel(Body):
    """A model that edits; `cost` is what its provider takes, US dollars."""

    id: str
    name: str
    provider: str
    description: str
    cost: float
    credits: Credits
    tier: str
    max_resolution: Annotated[list[Pixels], Field(min_length=2, max_length=2)]
    capabilities: list[str]
    emulated: list[str]
    use_cases: list[str]
    features: list[str]
    supports_multi_image: bool
    supports_controlnet: bool
    languages: list[str]


class EditModelList(Body):
    """Models that edit."""

    models: list[EditModel]
    total: int


class Resolution(BaseModel):
    """Width and height in pixels."""

    model_config = ConfigDict(extra="allow")

    width: Pixels
    height: Pixels


class RecommendRequest(Request):
    """What an edit is about."""

    operation: Annotated[str, Field(min_length=1)]
    image_resolution: Resolution | None = None
    user_tier: str | None = None
    preferences: dict[str, Any] | None = None


class Alternative(Body):
    """Another model that could do it; `cost` is in US dollars."""

    model_id: str
    name: str
    provider: str
    cost: float
    credits: Credits
    reason: str


class Recommendation(Body):
    """A model for an edit, and why."""

    recommended_model: str
    provider: str
    reason: str
    alternatives: list[Alternative]


class SafeZone(Body):
    """Shares of height (top, bottom) and width (left, right) that a platform may cover."""

    top: Share
    bottom: Share
    left: Share
    right: Share


class PlatformLimits(Body):
    """What the platform itself accepts; megabytes of 10^6 bytes, sides in pixels."""

    file_types: list[str]
    max_size_mb: float
    min_width: int | None = None
    min_height: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    max_pixels: int | None = None
    notes: list[str] | None = None


class PlatformFormat(Body):
    """A named size of a platform, in pixels; `max_size_mb` is what our result stays under."""

    name: str
    width: Pixels
    height: Pixels
    ratio: str
    safe_zone: SafeZone
    file_type: str
    max_size_mb: float
    label: str
    aliases: list[str]
    limits: PlatformLimits


class PlatformFormatList(Body):
    """A platform's formats, its default first."""

    formats: list[PlatformFormat]


class FormatSummary(Body):
    """A format in brief."""

    name: str
    ratio: str
    size: str


class PlatformSpecs(Body):
    """What a platform wants."""

    name: str
    formats: list[FormatSummary]
    file_types: list[str]
    max_file_size: str
    limits: PlatformLimits


class Modules(Body):
    """The parts of the service."""

    create_studio: Literal["available", "unavailable"]
    templates: Literal["available", "unavailable"]
    providers: Literal["available", "unavailable"]


class Health(Body):
    """Whether the service can work; cached for 30 seconds."""

    status: Literal["healthy", "degraded"]
    service: Literal["image_studio"]
    version: str
    modules: Modules


class StoredPersona(Persona):
    """A persona as it is kept."""

    model_config = ConfigDict(extra="forbid")

    persona_id: Annotated[str, Field(pattern=f"^{PERSONA_ID}$")]


class PersonaList(Body):
    """The caller's personas, by id."""

    personas: list[StoredPersona]
    total: int


class PersonaDeleted(Body):
    """The persona is gone."""

    persona_id: str
    deleted: Literal[True]


class JobLinks(Body):
    """A job, and where to look for it."""

    job_id: str
    status: Status
    status_url: str
    result_url: str


class JobProgress(Body):
    """How many variations there are, how many are done and how many failed."""

    total: int
    done: int
    failed: int


class JobVariation(Body):
    """One image of a job; `detail` and `code` say why it failed."""

    variation: int
    status: Status
    provider: str
    model: str
    detail: str | None = None
    code: str | None = None


class JobCredits(Body):
    """What a job reserved, what it was charged, and what is held until an unknown charge is cleared up."""

    reserved: Credits
    charged: Credits
    held: Credits


class JobError(Body):
    """How a job failed: the status and the body that its result answers."""

    status: int
    code: str
    detail: str


class Job(JobLinks):
    """A job's record."""

    operation: str
    created_at: Milliseconds
    started_at: Milliseconds | None
    finished_at: Milliseconds | None
    expires_at: Milliseconds
    provider: str | None
    model: str | None
    progress: JobProgress
    variations: list[JobVariation]
    credits: JobCredits
    awaits_upload: str | None
    error: JobError | None


class JobList(Body):
    """The caller's jobs, newest first; `next` is the address of the next page."""

    jobs: list[Job]
    next: str | None


class JobEnded(Body):
    """The job is gone (`deleted`), or was stopped before anything was paid (`stopped`)."""

    job_id: str
    deleted: Literal[True] | None = None
    stopped: Literal[True] | None = None


class UsageLimits(Body):
    """What the caller's tier allows."""

    requests_per_minute: int
    requests_per_day: int
    variations_in_flight: int
    open_waits: int
    max_pixels: int


class Usage(Body):
    """The caller's credits of this month; `reset` is when the next month begins, epoch seconds."""

    tier: Annotated[str, Field(json_schema_extra={"enum": list(TIERS)})]
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    limit: Credits
    used: Credits
    reserved: Credits
    remaining: Credits
    reset: int
    resets_at: str
    by_studio: dict[str, Credits]
    by_provider: dict[str, Credits]
    in_flight: int
    limits: UsageLimits
