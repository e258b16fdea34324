"""Compress and convert: one image, or several, as smaller files or as files of another type."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from image_studio.schemas.common import (
    IMAGE_FORMS,
    AnyFileType,
    Deliverable,
    Delivery,
    DeliveryField,
    FileType,
    ImageText,
    Model,
    Request,
    Response,
    default_for_null,
)

MAX_BATCH = 20  # images of one request
LEAST_TARGET = 10  # KB


class TargetType(AnyFileType):
    """The file types that convert-format writes."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"


Percent = Annotated[int, Field(ge=1, le=100)]
ImageField = Annotated[ImageText, Field(description=f"The image. {IMAGE_FORMS}")]
CompressedField = Annotated[
    FileType, Field(description="png, jpeg (or jpg), webp, avif."), default_for_null(FileType.JPEG)
]
OptimizeField = Annotated[
    bool, Field(description="Whether to spend more time on a smaller file."), default_for_null(True)
]
ProgressiveField = Annotated[
    bool, Field(description="Whether a JPEG appears as a whole, then sharper."), default_for_null(True)
]


class CompressRequest(Request):
    """POST /compress. The quality is never lowered below what is asked for; a target that needs it is refused."""

    image_base64: ImageField
    quality: Percent | None = Field(
        default=None,
        description="1 to 100; 85 without it. With `target_size_kb` alone, the best that fits, at least 40. A PNG keeps"
        " every pixel at 100.",
    )
    format: CompressedField = FileType.JPEG
    target_size_kb: Annotated[int, Field(ge=LEAST_TARGET)] | None = Field(
        default=None, description="The largest file that will do, in KB of 1024 bytes."
    )
    strip_metadata: Annotated[bool, default_for_null(True)] = Field(
        default=True, description="Whether EXIF (camera, place, owner) is left out."
    )
    progressive: ProgressiveField = True
    optimize: OptimizeField = True
    delivery: DeliveryField = Delivery.AUTO


class CompressEstimateRequest(Request):
    """POST /compress/estimate."""

    image_base64: ImageField
    format: CompressedField = FileType.JPEG
    quality: Annotated[Percent, Field(description="1 to 100."), default_for_null(85)] = 85


class ConvertRequest(Request):
    """POST /convert-format."""

    image_base64: ImageField
    target_format: TargetType = Field(description="png, jpeg (or jpg), webp, avif, gif, bmp, tiff.")
    preserve_transparency: Annotated[bool, default_for_null(True)] = Field(
        default=True,
        description="Whether transparent parts stay so where the type can; else they get a ground that the image stands"
        " out from: white, or black or gray where white would hide its outline.",
    )
    quality: Percent | None = Field(default=None, description="1 to 100 for jpeg, webp and avif; 95 without it.")
    color_space: Literal["sRGB", "Adobe RGB"] | None = Field(
        default=None, description="The color space of the pixels; sRGB without it."
    )
    strip_metadata: Annotated[bool, default_for_null(False)] = Field(
        default=False, description="Whether EXIF (camera, place, owner) is left out."
    )
    optimize: OptimizeField = True
    progressive: ProgressiveField = True
    delivery: DeliveryField = Delivery.AUTO


class CompressBatchRequest(Request):
    """POST /compress/batch."""

    images: Annotated[list[CompressRequest], Field(min_length=1, max_length=MAX_BATCH, description="The requests.")]
    delivery: DeliveryField = Delivery.AUTO


class ConvertBatchRequest(Request):
    """POST /convert-format/batch."""

    images: Annotated[list[ConvertRequest], Field(min_length=1, max_length=MAX_BATCH, description="The requests.")]
    delivery: DeliveryField = Delivery.AUTO


class Compressed(Deliverable):
    """A compressed image. Sizes are KB of 1024 bytes."""

    as_data_url: ClassVar[bool] = True

    success: bool
    original_size_kb: float
    compressed_size_kb: float
    compression_ratio: float = Field(description="Percent saved; below 0 where the file had to grow.")
    format: str
    width: int
    height: int
    quality_used: int = Field(
        description="100 for a lossless file, 99 for a PNG whose 256 colors hardly differ from the image's."
    )
    metadata_stripped: bool

    def deliverables(self) -> list[Deliverable]:
        return [self]


class Converted(Deliverable):
    """A converted image. Sizes are KB of 1024 bytes."""

    as_data_url: ClassVar[bool] = True

    success: bool
    original_format: str
    target_format: str
    original_size_kb: float
    converted_size_kb: float
    width: int
    height: int
    transparency_preserved: bool
    metadata_preserved: bool
    color_space: str

    def deliverables(self) -> list[Deliverable]:
        return [self]


class FileFailure(Model):
    """An image of a batch that could not be made, and why."""

    success: Literal[False] = False
    index: int = Field(description="Its place in `images`, from 0.")
    detail: str
    code: str


class _Batch(Model):
    success: bool = Field(description="Whether any image was made.")
    total_images: int
    successful: int
    failed: int


class CompressBatch(_Batch):
    """Results in the order of the request."""

    results: list[Compressed | FileFailure]

    def deliverables(self) -> list[Deliverable]:
        return [part for part in self.results if isinstance(part, Deliverable)]


class ConvertBatch(_Batch):
    """Results in the order of the request."""

    results: list[Converted | FileFailure]

    def deliverables(self) -> list[Deliverable]:
        return [part for part in self.results if isinstance(part, Deliverable)]


class CompressEstimate(Response):
    """What a compression would give. It was carried out to know; sizes are KB of 1024 bytes."""

    def deliverables(self) -> list[Deliverable]:
        return []

    original_size_kb: float
    estimated_size_kb: float
    estimated_reduction_percent: float
    width: int
    height: int
    format: str


class CompressFormat(Response):
    id: str
    name: str
    extension: str
    description: str
    supports_transparency: bool
    quality_range: tuple[int, int]
    recommended_quality: int
    use_cases: list[str]


class CompressFormatList(Response):
    formats: list[CompressFormat]


class CompressPreset(Response):
    id: str
    name: str
    description: str
    format: str
    quality: int
    target_size_kb: int | None
    strip_metadata: bool


class CompressPresetList(Response):
    presets: list[CompressPreset]


class SupportedFormat(Response):
    id: str
    name: str
    description: str
    supports_transparency: bool
    supports_lossy: bool
    mime_type: str


class SupportedFormatList(Response):
    formats: list[SupportedFormat]


class FormatRecommendation(Response):
    format: str
    reason: str


class FormatRecommendationList(Response):
    recommendations: list[FormatRecommendation]


class FileTypeLists(Response):
    """The catalog's file of all these lists."""

    compress_formats: list[CompressFormat]
    compress_presets: list[CompressPreset]
    convert_formats: list[SupportedFormat]
    convert_recommendations: dict[str, list[FormatRecommendation]]
