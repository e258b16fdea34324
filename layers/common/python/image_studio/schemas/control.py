"""Control: an image steers how a new one is made."""

from typing import Annotated

from pydantic import ConfigDict, Field

from image_studio.schemas.common import ImageResponse, ImageText, Prompt, SingleImageRequest, Strength, default_for_null


class ControlRequest(SingleImageRequest):
    """POST /control/process. A missing prompt is refused with the operation's own sentence."""

    model_config = ConfigDict(json_schema_extra={"required": ["control_image_base64", "operation", "prompt"]})

    control_image_base64: ImageText
    operation: Annotated[str, Field(min_length=1)]
    prompt: Annotated[Prompt, default_for_null("")] = ""
    style_image_base64: str | None = None
    negative_prompt: Prompt | None = None
    control_strength: Strength | None = None
    fidelity: Strength | None = None
    style_strength: Strength | None = None
    composition_fidelity: Strength | None = None
    change_strength: Strength | None = None
    aspect_ratio: str | None = None


class ControlResponse(ImageResponse):
    """The documented body of POST /control/process; the image is a data URL, or a URL."""

    operation: str
