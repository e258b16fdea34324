"""HEIC files as Pillow images: the primary image and its profile, by libheif.

Not by pi-heif's own plugin: that reads all metadata, previews and depth maps, too, and ends the process on metadata
whose type is no text.
"""

from typing import Any

import _pi_heif
from PIL import ImageFile

_THREADS = 4  # that decode the tiles


class HeicImageFile(ImageFile.ImageFile):
    """The primary image, upright: libheif turns it by the boxes, and EXIF's orientation doesn't count."""

    format = "HEIF"

    def _open(self) -> None:
        data = self.fp.read() if self.fp else b""
        to_8_bits, bgr, without_stride, to_16_bits, decoder, without_limits = True, False, False, False, "", False
        options = (_THREADS, to_8_bits, bgr, without_stride, to_16_bits, decoder, without_limits)
        images = [image for image in _pi_heif.load_file(data, *options) if image and image.primary]
        self._image = images[0]
        self._size, self._mode = self._image.size_mode
        profile = self._image.color_profile
        if profile and profile["type"] in {"prof", "rICC"}:
            self.info["icc_profile"] = profile["data"]

    def load(self) -> Any:
        if self._image:
            data = self._image.data
            self._size, self._mode = self._image.size_mode  # what the stream has may differ from what the boxes say
            self.load_prepare()
            self.frombytes(data, "raw", (self._mode, self._image.stride))
            self._image = None
        return super().load()
