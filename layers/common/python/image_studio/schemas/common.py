"""What requests and responses share: file types, delivery, images and options."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from image_studio.schemas.limits import MAX_PROMPT, MAX_SEED


class FileType(StrEnum):
    """The encodings that we take and give."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"

    @property
    def mime(self) -> str:
        """The media type, as in `image/png`."""
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The extension of a file's name, as in `jpg`."""
        return "jpg" if self is FileType.JPEG else self.value

    @classmethod
    def _missing_(cls, value: object) -> "FileType | None":
        """`jpg`, `PNG` and `image/jpeg` mean what people mean by them."""
        word = str(value).lower().removeprefix("image/")
        if word == "jpg":
            return cls.JPEG
        return next((member for member in cls if member.value == word), None)


class FocalPoint(BaseModel):
    """The point a crop must keep, as shares of width and height from the top left, 0 to 1."""

    x: Annotated[float, Field(ge=0, le=1)]
    y: Annotated[float, Field(ge=0, le=1)]


PUBLIC = {"public": True}  # serialization context: what a caller sees


class Delivery(StrEnum):
    """`auto` inlines what fits and gives the rest as URLs; `url` gives URLs only."""

    AUTO = "auto"
    URL = "url"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in our bucket: the object's key, its size (bytes) and media type."""

    key: str
    size: int
    mime: str


class Deliverable(BaseModel):
    """A part of an answer that carries one image, as base64 or as a URL (presigned, 15 minutes)."""

    #: Whether `image_base64` is a data URL (edit, upscale, control, social) or raw base64 (create).
    as_data_url: ClassVar[bool] = False

    image_base64: str | None = None
    image_url: str | None = None
    #: The object that holds the image; a caller never sees it.
    stored: StoredImage | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        body: dict[str, Any] = handler(self)
        if info.context == PUBLIC:
            del body["stored"]
        return {key: value for key, value in body.items() if value is not None or key not in _ONE_OF}


class ImageResponse(Deliverable):
    """What the answers of edit, upscale and control have in common: one image and how it was made."""

    as_data_url: ClassVar[bool] = True

    success: bool
    provider: str
    model: str
    width: int
    height: int
    metadata: dict[str, Any]

    def deliverables(self) -> list[Deliverable]:
        """The answer itself carries the image."""
        return [self]


_ONE_OF = {"image_base64", "image_url", "stored"}


class Answer(Protocol):
    """The body of an operation's answer: a pydantic model that knows its images."""

    def deliverables(self) -> list[Deliverable]:
        """The parts that carry an image."""
        ...

    def model_dump_json(self, *, context: Any = None) -> str:
        """The JSON, as pydantic writes it."""
        ...


MAX_OPTIONS = 32  # entries of an `options` object


def default_for_null(default: Any) -> BeforeValidator:
    """Make an explicit null mean `default`, as clients of the original send it."""
    return BeforeValidator(lambda value: default if value is None else value)


Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
ImageText = Annotated[str, Field(min_length=1)]  # base64, a data URL, upload:<id> or job:<id>[/<variation>]
Strength = Annotated[float, Field(ge=0, le=1)]
Options = Annotated[dict[str, Any], Field(max_length=MAX_OPTIONS), default_for_null({})]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class Request(BaseModel):
    """A request body. Extra fields are kept apart by `take_ignored` so that an answer can name them."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)

    def take_ignored(self) -> list[str]:
        """Drop the fields that we don't know and return their names, sorted."""
        extra = self.__pydantic_extra__ or {}
        names = sorted(extra)
        extra.clear()
        return names


class SingleImageRequest(Request):
    """What the requests of edit, upscale and control have in common: who makes the one image, and how it comes."""

    provider: str | None = None
    model: str | None = None
    style_preset: str | None = None
    seed: Seed | None = None
    output_format: Annotated[FileType, default_for_null(FileType.PNG)] = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: Annotated[Delivery, default_for_null(Delivery.AUTO)] = Delivery.AUTO
