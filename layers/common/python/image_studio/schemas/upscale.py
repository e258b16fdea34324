"""Upscale: a picture gets more pixels."""

from typing import Annotated

from pydantic import Field

from image_studio.schemas.create import Side
from image_studio.schemas.delivery import Delivery, PictureAnswer
from image_studio.schemas.image import FileType
from image_studio.schemas.request import ImageText, Options, Prompt, Request, Seed, unless_null

AUTO = "auto"


class UpscaleRequest(Request):
    """POST /upscale."""

    image_base64: ImageText
    mode: Annotated[str, unless_null(AUTO)] = AUTO
    target_width: Side | None = None
    target_height: Side | None = None
    preset: str | None = None
    prompt: Prompt | None = None
    negative_prompt: Prompt | None = None
    provider: str | None = None
    model: str | None = None
    style_preset: str | None = None
    seed: Seed | None = None
    output_format: Annotated[FileType, unless_null(FileType.PNG)] = FileType.PNG
    options: Options = Field(default_factory=dict)
    delivery: Annotated[Delivery, unless_null(Delivery.AUTO)] = Delivery.AUTO


class UpscaleAnswer(PictureAnswer):
    """The documented body of POST /upscale; `mode` is the one that was used."""

    mode: str
