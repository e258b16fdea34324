"""Upscale: an image gets more pixels."""

from typing import Annotated

from pydantic import Field

from image_studio.schemas.common import (
    IMAGE_FORMS,
    ImageResponse,
    ImageText,
    NegativePrompt,
    Prompt,
    Side,
    SingleImageRequest,
    default_for_null,
)

AUTO = "auto"


class UpscaleRequest(SingleImageRequest):
    """POST /upscale."""

    image_base64: ImageText = Field(description=f"The image. {IMAGE_FORMS}")
    mode: Annotated[str, default_for_null(AUTO)] = Field(
        default=AUTO, description="fast (4x), conservative (keeps details), creative (invents them), or auto."
    )
    target_width: Side | None = Field(default=None, description="Pixels of the result.")
    target_height: Side | None = Field(default=None, description="Pixels of the result.")
    preset: str | None = Field(default=None, description="A named long side: web, print or social.")
    prompt: Prompt | None = Field(default=None, description="What the image shows, in words.")
    negative_prompt: NegativePrompt = None


class UpscaleResponse(ImageResponse):
    """The documented body of POST /upscale; `mode` is the one that was used."""

    mode: str
