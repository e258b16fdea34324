"""Upscale: an image gets more pixels."""

from typing import Annotated

from image_studio.schemas.common import ImageResponse, ImageText, Prompt, SingleImageRequest, default_for_null
from image_studio.schemas.create import Side

AUTO = "auto"


class UpscaleRequest(SingleImageRequest):
    """POST /upscale."""

    image_base64: ImageText
    mode: Annotated[str, default_for_null(AUTO)] = AUTO
    target_width: Side | None = None
    target_height: Side | None = None
    preset: str | None = None
    prompt: Prompt | None = None
    negative_prompt: Prompt | None = None


class UpscaleResponse(ImageResponse):
    """The documented body of POST /upscale; `mode` is the one that was used."""

    mode: str
