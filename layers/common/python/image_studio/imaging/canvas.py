"""What lies around an image: borders, backgrounds, flattening."""

from PIL import Image, ImageFilter, ImageOps, ImageStat

from image_studio.imaging.types import DecodedImage

Color = str | tuple[int, ...]


def flatten(image: DecodedImage, background: Color = "white") -> DecodedImage:
    """The image on an opaque background (a CSS color or 0-255 numbers), RGB."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    flat = Image.new("RGB", image.size, background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def extend_canvas(
    image: DecodedImage, left: int, top: int, right: int, bottom: int, *, fill: Color = (0, 0, 0, 0)
) -> DecodedImage:
    """The image with so many pixels of `fill` added on each side; a transparent fill makes it RGBA."""
    width, height = image.width + left + right, image.height + top + bottom
    transparent = isinstance(fill, tuple) and len(fill) == 4 and fill[3] < 255
    mode = "RGBA" if transparent or image.mode == "RGBA" else "RGB"
    canvas = Image.new(mode, (width, height), fill)
    canvas.paste(image if image.mode == mode else image.convert(mode), (left, top))
    return canvas


def edge_color(image: DecodedImage, sides: bool) -> Color:
    """The median color of the left and right edges (`sides`) or of the top and bottom ones, 0-255 numbers.

    A mostly transparent edge gives a transparent white.
    """
    width, height = image.size
    near, far = (
        ((0, 0, 1, height), (width - 1, 0, width, height))
        if sides
        else ((0, 0, width, 1), (0, height - 1, width, height))
    )
    first, second = image.crop(near), image.crop(far)
    both = Image.new(image.mode, (first.width, first.height * 2))
    both.paste(first, (0, 0))
    both.paste(second, (0, first.height))
    color = tuple(ImageStat.Stat(both).median)
    return (255, 255, 255, 0) if len(color) == 4 and color[3] < 128 else color


def blurred_backdrop(image: DecodedImage, width: int, height: int) -> DecodedImage:
    """The image enlarged over width x height pixels and blurred out of recognition, opaque."""
    small = ImageOps.fit(flatten(image), (max(1, width // 16), max(1, height // 16)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(3)).resize((width, height), Image.Resampling.BICUBIC)
