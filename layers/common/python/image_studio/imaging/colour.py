"""Any decoded mode to 8-bit sRGB, RGB or RGBA."""

import io

from PIL import Image

#: Profiles above this many bytes are ignored: real ones have 0.5 KB to 2 MB (CMYK presses).
_LARGEST_PROFILE = 4_000_000


def to_srgb(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent; profiles, CMYK, 16 bits and palettes are converted."""
    profile = image.info.get("icc_profile")
    plain = _to_eight_bits(image)
    if profile and len(profile) <= _LARGEST_PROFILE and not _says_srgb(profile):
        plain = _through_profile(plain, profile)
    return _to_rgb(plain)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit gray; a plain convert would clip instead of scale
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in {"LA", "PA", "RGBA", "La", "RGBa"} or "transparency" in image.info


def _to_rgb(image: Image.Image) -> Image.Image:
    if not _has_alpha(image):
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    opaque = image.getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB") if opaque else image


def _says_srgb(profile: bytes) -> bool:
    """Whether the profile's own description is of sRGB, so that a conversion would change nothing."""
    return b"sRGB" in profile[:4096] or "sRGB".encode("utf-16-be") in profile[:4096]


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB, changed in place to spare memory; a profile broken or for another mode is ignored."""
    from PIL import ImageCms  # noqa: PLC0415  # costs a cold start 5 ms and few pictures need it

    if image.mode not in {"RGB", "RGBA", "L", "CMYK"}:
        image = _to_rgb(image)
    coloured = image.mode.startswith("RGB")
    mode = image.mode if coloured else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode, inPlace=coloured)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
