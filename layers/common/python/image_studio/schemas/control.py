"""Control: an image steers how a new one is made."""

from typing import Annotated

from pydantic import ConfigDict, Field

from image_studio.schemas.common import (
    IMAGE_FORMS,
    ImageResponse,
    ImageText,
    NegativePrompt,
    Prompt,
    SingleImageRequest,
    Strength,
    default_for_null,
)


class ControlRequest(SingleImageRequest):
    """POST /control/process. A missing prompt is refused with the operation's own sentence."""

    model_config = ConfigDict(json_schema_extra={"required": ["control_image_base64", "operation", "prompt"]})

    control_image_base64: ImageText = Field(description=f"The sketch, structure or style. {IMAGE_FORMS}")
    operation: Annotated[str, Field(min_length=1, description="What to do.")]
    prompt: Annotated[Prompt, default_for_null("")] = Field(default="", description="What the image must show.")
    style_image_base64: str | None = Field(default=None, description=f"The style to transfer. {IMAGE_FORMS}")
    negative_prompt: NegativePrompt = None
    control_strength: Strength | None = Field(default=None, description="0 to 1; for sketch and structure.")
    fidelity: Strength | None = Field(default=None, description="0 to 1; how close to the style image.")
    style_strength: Strength | None = Field(default=None, description="0 to 1; for style_transfer.")
    composition_fidelity: Strength | None = Field(default=None, description="0 to 1; for style_transfer.")
    change_strength: Strength | None = Field(default=None, description="0 to 1; for style_transfer.")
    aspect_ratio: str | None = Field(default=None, description="Such as 16:9; for style.")


class ControlResponse(ImageResponse):
    """The documented body of POST /control/process; the image is a data URL, or a URL."""

    operation: str
