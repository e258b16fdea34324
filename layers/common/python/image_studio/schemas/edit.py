"""Edit: an image is changed."""

from typing import Annotated

from pydantic import Field

from image_studio.schemas.common import ImageResponse, ImageText, Prompt, SingleImageRequest, default_for_null

MAX_EXPANSION = 2_000  # pixels a side, the largest that a provider takes (Stability)

Expansion = Annotated[int, Field(ge=0, le=MAX_EXPANSION), default_for_null(0)]


class EditRequest(SingleImageRequest):
    """POST /edit/process."""

    image_base64: ImageText
    operation: Annotated[str, Field(min_length=1)]
    prompt: Prompt | None = None
    negative_prompt: Prompt | None = None
    mask_base64: str | None = None
    search_prompt: Prompt | None = None
    select_prompt: Prompt | None = None
    background_image_base64: str | None = None
    lighting_image_base64: str | None = None
    expand_left: Expansion = 0
    expand_right: Expansion = 0
    expand_up: Expansion = 0
    expand_down: Expansion = 0
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    steps: Annotated[int, Field(ge=1, le=150)] | None = None

    @property
    def expansion(self) -> tuple[int, int, int, int]:
        """Pixels to add at the left, top, right and bottom."""
        return self.expand_left, self.expand_up, self.expand_right, self.expand_down


class EditResponse(ImageResponse):
    """The documented body of POST /edit/process; the image is a data URL, or a URL."""

    operation: str
