"""What requests and responses share: file types, delivery, images and options."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from image_studio.schemas.limits import INIT_IS_KEPT, MAX_PROMPT, MAX_SEED, MAX_SIDE, MIN_SIDE, Choice


def extension_of(mime: str) -> str:
    """Return what the names of files of an image's media type end in."""
    word = mime.removeprefix("image/")
    return "jpg" if word == "jpeg" else word


class AnyFileType(Choice):
    """A file type by its usual word."""

    @property
    def mime(self) -> str:
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        return extension_of(self.mime)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Accept `jpg`, `PNG` and `image/jpeg`, too."""
        word = str(value).strip().lower().removeprefix("image/")
        word = _OTHER_NAMES.get(word, word)
        return next((member for member in cls if member.value == word), None)


_OTHER_NAMES = {"jpg": "jpeg", "tif": "tiff", "heif": "heic"}


class FileType(AnyFileType):
    """The encodings that we write."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"


class InputType(AnyFileType):
    """The encodings that we read."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    HEIC = "heic"


class Model(BaseModel):
    """A part of a body. It is built on its first use, since one request needs few; or at init, where that is kept."""

    model_config = ConfigDict(defer_build=not INIT_IS_KEPT)


class Focus(StrEnum):
    """What a crop was placed by: detected faces, what stands out, the given point, or the image's center."""

    FACE = "face"
    SALIENCY = "saliency"
    FOCAL_POINT = "focal_point"
    CENTER = "center"


class FaceArea(Model):
    """A detected face, from brow to chin, as shares of the image's width and height, 0 to 1."""

    left: float
    top: float
    width: float
    height: float


PUBLIC = {"public": True}  # serialization context: what a caller sees


class Delivery(Choice):
    """`auto` inlines what fits and gives the rest as URLs; `url` gives URLs only."""

    AUTO = "auto"
    URL = "url"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in our bucket: the object's key, its size (bytes) and media type."""

    key: str
    size: int
    mime: str


@dataclass(frozen=True, slots=True)
class InlineCopy:
    """A smaller file of an image, for a response that the image doesn't fit into. `quality` is None for lossless."""

    stored: StoredImage
    quality: int | None
    width: int  # pixels
    height: int

    def describe(self, image: StoredImage) -> dict[str, Any]:
        """What `metadata.inline` tells the caller."""
        file_type = FileType(image.mime).value
        return {
            "file_type": FileType(self.stored.mime).value,
            "quality": "lossless" if self.quality is None else self.quality,
            "bytes": self.stored.size,
            "width": self.width,
            "height": self.height,
            "reason": f"The {file_type} has {image.size:,} bytes, too many for this response. It is at image_url.",
        }


class Deliverable(Model):
    """A part of a response that carries one image: as base64, as a URL (presigned, 15 minutes), or as both.

    With both, `image_base64` is a smaller copy that fits into the response, which `metadata.inline` describes.
    """

    #: Whether `image_base64` is a data URL (edit, upscale, control, social) or raw base64 (create).
    as_data_url: ClassVar[bool] = False

    image_base64: str | None = None
    image_url: str | None = None
    stored: StoredImage | None = None  # the object that holds the image; a caller never sees it
    inline: InlineCopy | None = None  # of an image that may not fit; a caller never sees it
    metadata: dict[str, Any] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        body: dict[str, Any] = handler(self)
        if info.context == PUBLIC:
            del body["stored"], body["inline"]
        return {key: value for key, value in body.items() if value is not None or key not in _OPTIONAL}


class ImageResponse(Deliverable):
    """What the responses of edit, upscale and control share: one image, and how it was made."""

    as_data_url: ClassVar[bool] = True

    success: bool
    provider: str
    model: str
    width: int
    height: int
    metadata: dict[str, Any]

    def deliverables(self) -> list[Deliverable]:
        return [self]


_OPTIONAL = {"image_base64", "image_url", "stored", "inline"}


MAX_OPTIONS = 32  # entries of an `options` object


def default_for_null(default: Any) -> BeforeValidator:
    """Make an explicit null mean `default`, as clients of the original send it."""
    return BeforeValidator(lambda value: default if value is None else value)


#: Makes an empty text or object mean that the field wasn't sent.
none_for_blank = BeforeValidator(lambda value: (value.strip() if isinstance(value, str) else value) or None)


#: Makes names of published lists mean the same in any case.
in_lower_case = BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)

#: Categories of characters that show nothing by themselves: controls, formats, separators, marks, unassigned ones.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and a symbol that are drawn as nothing


def is_invisible(text: str) -> bool:
    return all(char in _BLANK or unicodedata.category(char) in _INVISIBLE for char in text)


def _empty_if_invisible(value: Any) -> Any:
    return "" if isinstance(value, str) and len(value) <= MAX_PROMPT and is_invisible(value) else value


def is_none(value: object) -> bool:
    return value is None


IMAGE_FORMS = (
    "Raw base64, a data URL, an https URL, `upload:<id>` of an upload, `job:<id>/<variation>` of an earlier result, or "
    "`asset:<id>` of the library."
)

empty_if_invisible = BeforeValidator(_empty_if_invisible)
Prompt = Annotated[str, Field(max_length=MAX_PROMPT), empty_if_invisible]
ImageText = Annotated[str, Field(min_length=1)]  # one of IMAGE_FORMS
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]  # pixels
Strength = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Credits = Annotated[int, Field(ge=0)]
PROVIDER = "A provider, or `auto`. `ideogram` and `qwen` mean WaveSpeed's models of that name."
ProviderName = Annotated[str, in_lower_case, Field(description=PROVIDER)]
OptionalProvider = Annotated[str | None, in_lower_case, Field(description=PROVIDER)]
ModelName = Annotated[str | None, Field(description="One of the provider's models.")]
StylePreset = Annotated[str | None, in_lower_case, Field(description="A style by name.")]
SeedField = Annotated[Seed | None, Field(description="The same seed gives the same image; variation i uses seed + i.")]
NegativePrompt = Annotated[Prompt | None, Field(description="What the image must not show.")]
GuidanceScale = Annotated[
    Annotated[float, Field(ge=0, le=50)] | None,
    Field(description="How closely the model follows the prompt, if it takes this."),
]
Steps = Annotated[
    Annotated[int, Field(ge=1, le=150)] | None, Field(description="Inference steps, if the model takes them.")
]
Options = Annotated[
    dict[str, Any],
    Field(max_length=MAX_OPTIONS, description="Further settings of the operation."),
    default_for_null({}),
]
DeliveryField = Annotated[
    Delivery,
    Field(
        description="`auto`: every image is in the response; one that doesn't fit is a smaller copy beside the URL of"
        " the whole file. `url`: URLs only (15 minutes)."
    ),
    default_for_null(Delivery.AUTO),
]
WebhookAddress = Annotated[str, Field(min_length=1, max_length=2_048)]
WebhookUrl = Annotated[
    WebhookAddress | None,
    Field(description="An https URL that is called when the job ends; `GET /webhook-secret` signs the call."),
]
OutputFormat = Annotated[FileType, Field(description="png, jpeg (or jpg), webp, avif."), default_for_null(FileType.PNG)]


class Response(Model):
    """A response body. It has exactly the fields that are declared."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Request(Model):
    """A request body, or an object in one. `take_ignored` removes unknown fields, so that a response can name them."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)

    def take_ignored(self) -> list[str]:
        """Remove the fields that we don't know, and return their names: here sorted, then inside, as `images.0.x`."""
        extra = self.__pydantic_extra__ or {}
        names = sorted(extra)
        extra.clear()
        for name, value in self:
            listed = isinstance(value, list)
            for index, part in enumerate(value if listed else [value]):
                if isinstance(part, Request):
                    path = f"{name}.{index}" if listed else name
                    names += [f"{path}.{unknown}" for unknown in part.take_ignored()]
        return names


class FocalPoint(Request):
    """The point a crop must keep, as shares of width and height from the top left, 0 to 1."""

    x: Annotated[float, Field(ge=0, le=1, description="Share of the width from the left.")]
    y: Annotated[float, Field(ge=0, le=1, description="Share of the height from the top.")]


class SingleImageRequest(Request):
    """What the requests of edit, upscale and control share: the model, and how the one image is returned."""

    provider: OptionalProvider = None
    model: ModelName = None
    style_preset: StylePreset = None
    seed: SeedField = None
    output_format: OutputFormat = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: DeliveryField = Delivery.AUTO
    webhook_url: WebhookUrl = None
