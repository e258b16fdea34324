"""What the free reads take and return: providers, estimates, operations, edit models, platforms, health."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from image_studio.schemas.common import (
    Credits,
    Model,
    ModelName,
    ProviderName,
    Request,
    Response,
    Side,
    default_for_null,
    in_lower_case,
    is_none,
    none_for_blank,
)
from image_studio.schemas.limits import MAX_VARIATIONS, Quality

Cost = Annotated[float, Field(description="What the provider charges for one image, US dollars.")]
Available = Literal["available", "unavailable"]


class ModelDates(Response):
    """The dates that a provider announced for one of its models. From two weeks before its end `auto` avoids it."""

    deprecated: date | None
    retires: date | None = Field(description="The first day without it.")
    available: bool = Field(description="Whether requests for it are still accepted.")
    source: str


class ProviderInfo(Response):
    """What a provider can do. `model` takes each of `models`, and those of `operations` for that operation."""

    name: str
    models: list[str] = Field(description="Models that create images from a prompt.")
    capabilities: list[str]
    max_resolution: str = Field(description="The largest image, width x height, pixels.")
    cost_range: str = Field(description="Credits of one created image, least to most.")
    configured: bool = Field(description="Whether it has a key, or is enabled.")
    healthy: bool = Field(description="False for a while after repeated failures.")
    operations: dict[str, list[str]] = Field(description="Models by the operation that they can do.")
    lifecycle: dict[str, ModelDates] = Field(description="Announced dates by model, of those that have any.")


class ProviderList(Response):
    """Providers by the name that `provider` takes."""

    providers: dict[str, ProviderInfo]


class EstimateRequest(Request):
    """The operation to estimate."""

    provider: Annotated[ProviderName, Field(min_length=1)]
    model: Annotated[ModelName, none_for_blank] = None
    operation: Annotated[str | None, none_for_blank] = Field(
        default=None, description="`generate`, or an operation such as `edit.inpaint`, `upscale.fast` or `social`."
    )
    mode: Annotated[str | None, none_for_blank] = Field(default=None, description="Of `upscale`: its mode.")
    request: Annotated[dict[str, Any] | None, none_for_blank] = Field(
        default=None,
        description="With `edit`, `control` or `upscale`: its body, of which `operation` or `mode` is read.",
    )
    num_images: Annotated[int, Field(ge=1, le=MAX_VARIATIONS), default_for_null(1)] = Field(
        default=1, description=f"Images, 1 to {MAX_VARIATIONS}."
    )
    width: Side | None = Field(default=None, description="Pixels of the image that is created or sent.")
    height: Side | None = Field(default=None, description="Pixels of the image that is created or sent.")
    quality: Annotated[Quality | None, none_for_blank] = Field(
        default=None, description="How much to spend: draft, standard or premium."
    )
    aspect_ratio: Annotated[str | None, none_for_blank] = Field(
        default=None, description="The request's, where it has one: of `generate` and `control.style`."
    )
    prompt: Annotated[str | None, none_for_blank] = Field(
        default=None, description="Of `generate`: quoted text in it makes `auto` take a model that can write."
    )
    template_id: Annotated[str | None, none_for_blank] = Field(
        default=None, description="Of `generate`: a template may have a size, a quality and a provider."
    )
    target_width: Side | None = Field(default=None, description="Pixels of an upscale's or `edit.outpaint`'s result.")
    target_height: Side | None = Field(default=None, description="Pixels of an upscale's or `edit.outpaint`'s result.")
    preset: Annotated[str | None, none_for_blank] = Field(
        default=None, description="An upscale's long side by name: web, print or social."
    )

    @property
    def part(self) -> str | None:
        """What `edit`, `control` or `upscale` is to do."""
        body = self.request or {}
        part = self.mode or body.get("operation") or body.get("mode")
        return part if isinstance(part, str) else None


class Estimate(Response):
    """The credits that the operation would reserve."""

    estimated_cost: Credits
    currency: Literal["credits"]
    provider: str
    model: str | None
    operation: str
    num_images: int
    cost_per_image: Credits
    total_cost: Credits
    estimated: Literal[True]


class EditFields(Response):
    """The inputs that an edit operation has."""

    prompt: bool
    mask: bool
    negative_prompt: bool
    search_prompt: bool
    select_prompt: bool
    background: bool
    lighting: bool
    expansion: bool


class ControlFields(Response):
    """The inputs that a control operation has."""

    control_image: bool
    style_image: bool
    control_strength: bool
    fidelity: bool
    style_strength: bool
    aspect_ratio: bool


class OperationEntry(Response):
    """An operation, and the provider that `auto` tries first."""

    label: str
    description: str
    provider: str


class EditOperation(OperationEntry):
    """An edit operation, and the provider that `auto` tries first."""

    fields: EditFields


class ControlOperation(OperationEntry):
    """A control operation, and the provider that `auto` tries first."""

    fields: ControlFields


class EditOperationList(Response):
    """Edit operations by the name that `operation` takes."""

    operations: dict[str, EditOperation]


class ControlOperationList(Response):
    """Control operations by the name that `operation` takes."""

    operations: dict[str, ControlOperation]


class EditModel(Response):
    """A model that edits images."""

    id: str
    name: str
    provider: str
    description: str
    cost: Cost
    credits: Credits
    tier: str = Field(description="The price class of one image: budget, mid or premium.")
    max_resolution: tuple[int, int] = Field(description="Width and height, pixels.")
    capabilities: list[str] = Field(description="The edit operations that it can do.")
    emulated: list[str] = Field(description="Those of them that we build from another operation.")
    use_cases: list[str]
    features: list[str]
    supports_multi_image: bool
    supports_controlnet: bool
    languages: list[str]


class EditModelList(Response):
    """Models that edit images."""

    models: list[EditModel]
    total: int


class Resolution(Model):
    """Width and height in pixels."""

    model_config = ConfigDict(extra="allow")

    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Preferences(Model):
    """What matters most."""

    model_config = ConfigDict(extra="allow")

    prioritize_quality: Annotated[bool, default_for_null(False)] = False
    prioritize_cost: Annotated[bool, default_for_null(False)] = False


class RecommendRequest(Request):
    """The edit to recommend a model for."""

    operation: Annotated[str, Field(min_length=1, description="An operation of GET /edit/operations.")]
    image_resolution: Annotated[Resolution | None, none_for_blank] = Field(
        default=None, description="The image's size in pixels."
    )
    user_tier: Annotated[str | None, in_lower_case] = Field(
        default=None, description="The caller's tier. `free` prefers what costs the least."
    )
    preferences: Annotated[Preferences | None, none_for_blank] = Field(
        default=None, description="prioritize_quality or prioritize_cost."
    )


class Alternative(Response):
    """Another model that can do it."""

    model_id: str
    name: str
    provider: str
    cost: Cost
    credits: Credits
    reason: str


class Recommendation(Response):
    """A model for an edit, and why."""

    recommended_model: str
    provider: str
    reason: str
    alternatives: list[Alternative]


def file_type_name(file_type: str) -> str:
    """The API reference's word for a file type: `jpeg` is shown as `JPG`."""
    return "JPG" if file_type == "jpeg" else file_type.upper()


FileTypeName = Annotated[str, AfterValidator(file_type_name)]
PixelLimit = Annotated[int | None, Field(exclude_if=is_none)]
Pixels = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=0.5)]


class SafeZone(Response):
    """Shares of height (top, bottom) and width (left, right) that a platform may cover."""

    top: Share
    bottom: Share
    left: Share
    right: Share


class PlatformLimits(Response):
    """What the platform itself accepts: megabytes of 10^6 bytes, sides in pixels. Left out where it has no limit."""

    file_types: list[FileTypeName]
    max_size_mb: float
    min_width: PixelLimit = None
    min_height: PixelLimit = None
    max_width: PixelLimit = None
    max_height: PixelLimit = None
    max_pixels: PixelLimit = None
    notes: Annotated[list[str], Field(exclude_if=lambda notes: not notes)] = Field(default_factory=list)


class PlatformFormat(Response):
    """A named size of a platform."""

    name: str
    width: Pixels
    height: Pixels
    ratio: str
    safe_zone: SafeZone
    file_type: FileTypeName
    max_size_mb: float = Field(description="Our result is smaller, megabytes of 10^6 bytes.")
    label: str
    aliases: list[str] = Field(description="Other names that `format_names` takes.")
    limits: PlatformLimits


class PlatformFormatList(Response):
    """A platform's formats, its default first."""

    formats: list[PlatformFormat]


class FormatSummary(Response):
    """A format in brief."""

    name: str
    ratio: str
    size: str


class PlatformSpecs(Response):
    """A platform's formats, file types and limits."""

    name: str
    formats: list[FormatSummary]
    file_types: list[FileTypeName]
    max_file_size: str
    limits: PlatformLimits


class Modules(Response):
    """The parts of the API."""

    create_studio: Available
    templates: Available
    providers: Available


class Health(Response):
    """Whether the API can work; cached for 30 seconds."""

    status: Literal["healthy", "degraded"]
    service: Literal["image_studio"]
    version: str
    modules: Modules
