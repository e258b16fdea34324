"""How a picture reaches the caller: inside the answer, or as a URL that lives for a while."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

PUBLIC = {"public": True}  # serialization context: what a caller sees


class Delivery(StrEnum):
    """`auto` inlines what fits and gives the rest as URLs; `url` gives URLs only."""

    AUTO = "auto"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture in our bucket: the object's key, its size (bytes) and media type."""

    key: str
    size: int
    mime: str


class Deliverable(BaseModel):
    """A part of an answer that carries one picture, as base64 or as a URL (presigned, 15 minutes)."""

    #: Whether `image_base64` is a data URL (edit, upscale, control, social) or raw base64 (create).
    as_data_url: ClassVar[bool] = False

    image_base64: str | None = None
    image_url: str | None = None
    #: The object that holds the picture; a caller never sees it.
    stored: Stored | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        body: dict[str, Any] = handler(self)
        if info.context == PUBLIC:
            del body["stored"]
        return {key: value for key, value in body.items() if value is not None or key not in _ONE_OF}


class PictureAnswer(Deliverable):
    """What the answers of edit, upscale and control have in common: one picture and how it was made."""

    as_data_url: ClassVar[bool] = True

    success: bool
    provider: str
    model: str
    width: int
    height: int
    metadata: dict[str, Any]

    def deliverables(self) -> list[Deliverable]:
        """The answer itself carries the picture."""
        return [self]


_ONE_OF = {"image_base64", "image_url", "stored"}


class Answer(Protocol):
    """The body of an operation's answer: a pydantic model that knows its pictures."""

    def deliverables(self) -> list[Deliverable]:
        """The parts that carry a picture."""
        ...

    def model_dump_json(self, *, context: Any = None) -> str:
        """The JSON, as pydantic writes it."""
        ...
