"""Pixels, with Pillow alone: a function takes an image and returns a new one; only `decode` and `encode` see bytes."""

from contextlib import suppress
from importlib import import_module

from image_studio.schemas.limits import INIT_IS_KEPT

#: For AVIF, HEIC and Content Credentials: 100 ms that few requests need, so these are imported on first use.
ON_FIRST_USE = ("PIL.AvifImagePlugin", "_pi_heif", "c2pa")

if INIT_IS_KEPT:
    for library in ON_FIRST_USE:
        with suppress(ImportError):  # not every platform and function has them
            import_module(library)
