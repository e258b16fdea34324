"""Pictures as the API speaks of them: file types, points and boxes. No pixels here."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field


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
    def lossless(self) -> bool:
        """Whether we write it without loss (PNG only; our WebP is lossy)."""
        return self is FileType.PNG

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
