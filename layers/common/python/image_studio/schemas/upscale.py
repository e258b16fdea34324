"""Upscale: a picture gets more pixels."""

from typing import Annotated

from image_studio.schemas.create import Side
from image_studio.schemas.delivery import PictureAnswer
from image_studio.schemas.request import ImageText, PictureRequest, Prompt, unless_null

AUTO = "auto"


class UpscaleRequest(PictureRequest):
    """POST /upscale."""

    image_base64: ImageText
    mode: Annotated[str, unless_null(AUTO)] = AUTO
    target_width: Side | None = None
    target_height: Side | None = None
    preset: str | None = None
    prompt: Prompt | None = None
    negative_prompt: Prompt | None = None


class UpscaleAnswer(PictureAnswer):
    """The documented body of POST /upscale; `mode` is the one that was used."""

    mode: str
