"""Edit, upscale and control: one image, or a control image, becomes one image."""

from typing import Annotated

from pydantic import ConfigDict, Field

from image_studio.schemas.common import (
    IMAGE_FORMS,
    GuidanceScale,
    ImageResponse,
    ImageText,
    NegativePrompt,
    Prompt,
    Side,
    SingleImageRequest,
    Steps,
    Strength,
    default_for_null,
)

AUTO = "auto"  # of upscale's modes
MAX_EXPANSION = 2_000  # pixels a side, the largest that a provider takes (Stability)

MASK_RULE = "White is changed, black is kept; in a colored or transparent mask, what was painted or cut out is changed."

Expansion = Annotated[int, Field(ge=0, le=MAX_EXPANSION), default_for_null(0)]


class EditRequest(SingleImageRequest):
    """POST /edit/process."""

    image_base64: ImageText = Field(description=f"The image. {IMAGE_FORMS}")
    operation: Annotated[str, Field(min_length=1, description="What to do.")]
    prompt: Prompt | None = Field(default=None, description="What to change, in words.")
    negative_prompt: NegativePrompt = None
    mask_base64: str | None = Field(default=None, description=f"{MASK_RULE} {IMAGE_FORMS}")
    search_prompt: Prompt | None = Field(default=None, description="What to look for in the image.")
    select_prompt: Prompt | None = Field(default=None, description="What to recolor.")
    background_image_base64: str | None = Field(default=None, description=f"The new background. {IMAGE_FORMS}")
    lighting_image_base64: str | None = Field(default=None, description=f"Where the light comes from. {IMAGE_FORMS}")
    expand_left: Expansion = Field(default=0, description="Pixels to add at the left.")
    expand_right: Expansion = Field(default=0, description="Pixels to add at the right.")
    expand_up: Expansion = Field(default=0, description="Pixels to add at the top.")
    expand_down: Expansion = Field(default=0, description="Pixels to add at the bottom.")
    guidance_scale: GuidanceScale = None
    steps: Steps = None

    @property
    def expansion(self) -> tuple[int, int, int, int]:
        """Pixels to add at the left, top, right and bottom."""
        return self.expand_left, self.expand_up, self.expand_right, self.expand_down


class EditResponse(ImageResponse):
    """The documented body of POST /edit/process; the image is a data URL, or a URL."""

    operation: str


class UpscaleRequest(SingleImageRequest):
    """POST /upscale. A target that is not larger than the image is resized for 0 credits, without a model."""

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
