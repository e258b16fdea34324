"""Social: one image in the sizes that platforms want."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from image_studio.schemas.common import (
    IMAGE_FORMS,
    Deliverable,
    Delivery,
    DeliveryField,
    FaceArea,
    FileType,
    FocalPoint,
    Focus,
    ImageText,
    Model,
    Options,
    OutputFormat,
    Request,
    default_for_null,
    in_lower_case,
)
from image_studio.schemas.limits import Choice

MAX_PLATFORMS = 20  # entries of `platforms`; there are seven
MAX_FORMATS = 20  # names for one platform


class CropMode(Choice):
    """How an image is fitted into another shape: around what matters in it, around its center, or shown whole."""

    SMART = "smart"
    CENTER = "center"
    FIT = "fit"


def _in_one_sentence(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Say what is wrong with a name or a list of names. Pydantic would list the members of its union."""
    try:
        return handler(value)
    except ValidationError:
        sentence = f"Input should be a format's name, or 1 to {MAX_FORMATS} names"
        raise PydanticCustomError("format_names", sentence) from None


FormatName = Annotated[str, Field(min_length=1, max_length=100)]
FormatNames = Annotated[
    FormatName | Annotated[list[FormatName], Field(min_length=1, max_length=MAX_FORMATS)],
    WrapValidator(_in_one_sentence),
]


class SocialRequest(Request):
    """POST /social/optimize. `options.background`: a CSS color or `blur`, behind transparency and around `fit`."""

    image_base64: ImageText = Field(description=f"The image. {IMAGE_FORMS}")
    platforms: Annotated[list[str], Field(min_length=1, max_length=MAX_PLATFORMS)] = Field(
        description="Platforms to make images for."
    )
    format_names: Annotated[dict[str, FormatNames | None], Field(max_length=MAX_PLATFORMS), default_for_null({})] = (
        Field(
            default_factory=dict,
            description="A format's name, or several, for each platform. Without it, the platform's first.",
        )
    )
    formats: Annotated[Literal["all"] | None, in_lower_case] = Field(
        default=None, description="`all`: every format of the platforms."
    )
    show_safe_zones: Annotated[bool, default_for_null(False)] = Field(
        default=False, description="Whether to draw what the platform covers."
    )
    crop_mode: Annotated[CropMode, default_for_null(CropMode.SMART)] = Field(
        default=CropMode.SMART, description="smart: keep what matters; center; fit: the whole image, padded."
    )
    focal_point: FocalPoint | None = Field(
        default=None, description="The point to keep, 0 to 1 from the top left; for smart."
    )
    output_format: OutputFormat = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: DeliveryField = Delivery.AUTO


class SocialCrop(Model):
    """The part of the source that a file shows, in pixels of the upright source, and what placed it."""

    left: int
    top: int
    width: int
    height: int
    focus: Focus = Field(description="What placed the crop.")
    faces: list[FaceArea] = Field(description="The faces that `smart` found in the source.")


class SocialResult(Deliverable):
    """One finished file."""

    as_data_url: ClassVar[bool] = True

    platform: str
    format: str
    width: int
    height: int
    ratio: str
    file_type: str
    bytes: int
    crop: SocialCrop
    safe_zone: dict[str, float] = Field(description="Shares of height (top, bottom) and width (left, right).")
    upscaled: bool
    scale_factor: float = Field(description="Pixels of the result for each pixel of the source.")
    encoding: str = Field(description="How the file was made to fit, in words.")
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        exclude_if=lambda metadata: not metadata,
        description="`inline`: the copy in `image_base64`, where the file doesn't fit into the response.",
    )


class SocialFailure(Model):
    """A format that could not be made, and why."""

    platform: str
    format: str
    detail: str
    code: str


class SocialResponse(Model):
    """The documented body of POST /social/optimize; results and errors in the order of the request."""

    success: bool
    results: list[SocialResult]
    total_optimized: int
    total_failed: int = 0
    errors: list[SocialFailure] = Field(default_factory=list)
    ignored: Annotated[list[str], Field(exclude_if=lambda names: not names)] = Field(
        default_factory=list, description="Fields of the request that had no effect."
    )

    def deliverables(self) -> list[Deliverable]:
        return list(self.results)
