"""How many pixels a picture that is sent may have. No Pillow here: estimates ask, too."""

from image_studio.errors import InvalidImage


def check_pixels(width: int, height: int, most: int) -> None:
    """Raise InvalidImage where width x height is above `most` pixels."""
    if width * height > most:
        raise InvalidImage(
            f"The image has {width}x{height} pixels; at most {most / 1e6:g} megapixels are accepted. Scale it down."
        )
