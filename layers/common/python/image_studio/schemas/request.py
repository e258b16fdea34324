"""What every request body has in common: unknown fields are ignored but named, null means "not given"."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from image_studio.schemas.delivery import Delivery
from image_studio.schemas.image import FileType
from image_studio.schemas.limits import MAX_PROMPT, MAX_SEED

MAX_OPTIONS = 32  # entries of an `options` object


def unless_null(default: Any) -> BeforeValidator:
    """Make an explicit null mean `default`, as clients of the original send it."""
    return BeforeValidator(lambda value: default if value is None else value)


Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
ImageText = Annotated[str, Field(min_length=1)]  # base64, a data URL, upload:<id> or job:<id>[/<variation>]
Strength = Annotated[float, Field(ge=0, le=1)]
Options = Annotated[dict[str, Any], Field(max_length=MAX_OPTIONS), unless_null({})]
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


class PictureRequest(Request):
    """What the requests of edit, upscale and control have in common: who makes the one picture, and how it comes."""

    provider: str | None = None
    model: str | None = None
    style_preset: str | None = None
    seed: Seed | None = None
    output_format: Annotated[FileType, unless_null(FileType.PNG)] = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: Annotated[Delivery, unless_null(Delivery.AUTO)] = Delivery.AUTO
