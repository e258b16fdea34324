"""Upscaling: Lanczos, then sharpening; the creative way adds contrast and grain, as if it had invented detail."""

from PIL import Image, ImageEnhance, ImageFilter

from local.emulators.painting import Size, add_grain


def enlarge(image: Image.Image, size: Size) -> Image.Image:
    """An image at another size (width x height, pixels), sharpened."""
    large = image.resize(size, Image.Resampling.LANCZOS)
    if large.mode == "RGBA":
        alpha = large.getchannel("A")
        sharp = large.convert("RGB").filter(ImageFilter.UnsharpMask(2, 60, 2))
        sharp.putalpha(alpha)
        return sharp
    return large.filter(ImageFilter.UnsharpMask(2, 60, 2))


def reimagine(image: Image.Image, size: Size, seed: int, creativity: float) -> Image.Image:
    """An image at another size with more contrast and grain, by creativity (0 to 1)."""
    large = enlarge(image.convert("RGB"), size)
    return add_grain(ImageEnhance.Contrast(large).enhance(1 + creativity / 2), seed)


def size_of_area(image: Image.Image, pixels: int) -> Size:
    """The size with the image's aspect and about an area in pixels, never above it."""
    scale = (pixels / (image.width * image.height)) ** 0.5
    return max(1, int(image.width * scale)), max(1, int(image.height * scale))


def size_of_long_side(image: Image.Image, side: int) -> Size:
    """The size with the image's aspect and a long side in pixels."""
    scale = side / max(image.size)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))
