"""Edit: an image is changed."""

from typing import Annotated

from pydantic import Field

from image_studio.schemas.common import (
    IMAGE_FORMS,
    GuidanceScale,
    ImageResponse,
    ImageText,
    NegativePrompt,
    Prompt,
    SingleImageRequest,
    Steps,
    default_for_null,
)

MAX_EXPANSION = 2_000  # pixels a side, the largest that a provider takes (Stability)

Expansion = Annotated[int, Field(ge=0, le=MAX_EXPANSION), default_for_null(0)]


class EditRequest(SingleImageRequest):
    """POST /edit/process."""

    image_base64: ImageText = Field(description=f"The image. {IMAGE_FORMS}")
    operation: Annotated[str, Field(min_length=1, description="What to do.")]
    prompt: Prompt | None = Field(default=None, description="What to change, in words.")
    negative_prompt: NegativePrompt = None
    mask_base64: str | None = Field(default=None, description=f"White is changed, black is kept. {IMAGE_FORMS}")
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
