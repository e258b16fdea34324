"""Draw the zones that a platform may cover with its own buttons and names."""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from image_studio.imaging.types import DecodedImage

#: The shade outside the safe zone, and the frame's two colors, of which one is visible on any image.
_SHADE = (0, 0, 0, 120)
_OUTER, _INNER, _CLEAR = (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)
_LABEL = "SAFE ZONE"


@dataclass(frozen=True, slots=True)
class Zone:
    """Shares of the height (top, bottom) and of the width (left, right) that may be covered, 0 to under 0.5."""

    top: float
    bottom: float
    left: float
    right: float

    def corners(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the visible part, in pixels of a width x height image."""
        return (
            round(self.left * width),
            round(self.top * height),
            round((1 - self.right) * width),
            round((1 - self.bottom) * height),
        )


def draw_safe_zones(image: DecodedImage, zone: Zone) -> DecodedImage:
    """Shade everything outside the zone, and draw a black and white frame with a label around it."""
    overlay = Image.new("RGBA", image.size, _SHADE)
    left, top, right, bottom = zone.corners(*image.size)
    line = max(1, min(image.size) // 300)
    for inset, color in enumerate((_OUTER, _INNER, _OUTER, _CLEAR)):
        step = inset * line
        if left + step < right - step and top + step < bottom - step:
            overlay.paste(color, (left + step, top + step, right - step, bottom - step))
    _write_label(overlay, left + 3 * line, top + 3 * line, min(right - left, (bottom - top) * 8))
    if image.mode == "RGBA":
        return Image.alpha_composite(image, overlay)
    drawn = image.copy()
    drawn.paste(overlay, mask=overlay)
    return drawn


def _write_label(overlay: Image.Image, left: int, top: int, room: int) -> None:
    """Write the label, white on black, sized by the available room (pixels); none below 8 pixels."""
    size = room // 24
    if size < 8:
        return
    pen, font = ImageDraw.Draw(overlay), ImageFont.load_default(size)
    box = pen.textbbox((left + size // 3, top + size // 4), _LABEL, font)
    pen.rectangle((left, top, box[2] + size // 3, box[3] + size // 4), _OUTER)
    pen.text((left + size // 3, top + size // 4), _LABEL, _INNER, font)
