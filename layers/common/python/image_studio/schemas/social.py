"""Social: one image in the sizes that platforms want."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from image_studio.schemas.common import (
    Deliverable,
    Delivery,
    FileType,
    FocalPoint,
    ImageText,
    Options,
    Request,
    default_for_null,
)

MAX_PLATFORMS = 20  # entries of `platforms`; there are seven
MAX_FORMATS = 20  # names for one platform


class CropMode(StrEnum):
    """How the image comes into another shape: by what matters in it, from the middle, or shown whole."""

    SMART = "smart"
    CENTER = "center"
    FIT = "fit"


def _in_one_sentence(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """What is wrong with a name or a list of names, in our words: pydantic would name its union's members."""
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
    """POST /social/optimize. `options.background`: a CSS color or `blur`, for `fit`."""

    image_base64: ImageText
    platforms: Annotated[list[str], Field(min_length=1, max_length=MAX_PLATFORMS)]
    format_names: Annotated[dict[str, FormatNames | None], Field(max_length=MAX_PLATFORMS), default_for_null({})] = (
        Field(default_factory=dict)
    )
    formats: Literal["all"] | None = None
    show_safe_zones: Annotated[bool, default_for_null(False)] = False
    crop_mode: Annotated[CropMode, default_for_null(CropMode.SMART)] = CropMode.SMART
    focal_point: FocalPoint | None = None
    output_format: Annotated[FileType, default_for_null(FileType.PNG)] = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: Annotated[Delivery, default_for_null(Delivery.AUTO)] = Delivery.AUTO


class SocialResult(Deliverable):
    """One finished file; `crop` is the part of the source that it shows, in source pixels."""

    as_data_url: ClassVar[bool] = True

    platform: str
    format: str
    width: int
    height: int
    ratio: str
    file_type: str
    bytes: int
    crop: dict[str, int]  # left, top, width, height
    safe_zone: dict[str, float]  # shares of height (top, bottom) and width (left, right)
    upscaled: bool
    scale_factor: float  # result pixels for each source pixel
    encoding: str  # how the file came to fit, in words


class SocialFailure(BaseModel):
    """A format that could not be made, and why."""

    platform: str
    format: str
    detail: str
    code: str


class SocialResponse(BaseModel):
    """The documented body of POST /social/optimize; results and errors in the order of the request."""

    success: bool
    results: list[SocialResult]
    total_optimized: int
    total_failed: int = 0
    errors: list[SocialFailure] = Field(default_factory=list)

    def deliverables(self) -> list[Deliverable]:
        """Every result carries an image."""
        return list(self.results)
