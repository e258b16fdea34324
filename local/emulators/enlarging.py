"""Upscaling: Lanczos, then sharpening; the creative way adds contrast and grain, as if it had invented detail."""

from PIL import Image, ImageEnhance, ImageFilter

from local.emulators.painting import Size, add_grain


def enlarge(picture: Image.Image, size: Size) -> Image.Image:
    """A picture at another size (width x height, pixels), sharpened."""
    large = picture.resize(size, Image.Resampling.LANCZOS)
    if large.mode == "RGBA":
        alpha = large.getchannel("A")
        sharp = large.convert("RGB").filter(ImageFilter.UnsharpMask(2, 60, 2))
        sharp.putalpha(alpha)
        return sharp
    return large.filter(ImageFilter.UnsharpMask(2, 60, 2))


def reimagine(picture: Image.Image, size: Size, seed: int, creativity: float) -> Image.Image:
    """A picture at another size with more contrast and grain, by creativity (0 to 1)."""
    large = enlarge(picture.convert("RGB"), size)
    return add_grain(ImageEnhance.Contrast(large).enhance(1 + creativity / 2), seed)


def size_of_area(picture: Image.Image, pixels: int) -> Size:
    """The size with the picture's aspect and about an area in pixels, never above it."""
    scale = (pixels / (picture.width * picture.height)) ** 0.5
    return max(1, int(picture.width * scale)), max(1, int(picture.height * scale))


def size_of_long_side(picture: Image.Image, side: int) -> Size:
    """The size with the picture's aspect and a long side in pixels."""
    scale = side / max(picture.size)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
