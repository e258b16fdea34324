"""Which native output comes nearest to the size that is wanted: pure arithmetic on a model's data."""

import math

from image_studio.providers.spec import FreeSize, ModelSpec, Sized


def nearest(model: ModelSpec, width: int, height: int) -> Sized:
    """The model's own size (pixels) that needs the least scaling and cropping to become width x height."""
    if model.sizes is None:
        return Sized("", width, height)
    if isinstance(model.sizes, FreeSize):
        return _within(model.sizes, width, height)
    return min(model.sizes, key=lambda size: _distance(size, width, height))


def _distance(size: Sized, width: int, height: int) -> tuple[float, float, int]:
    """How far a ratio is from the wanted one; among equals the smallest size that isn't scaled up wins."""
    stretch = abs(math.log((size.width * height) / (size.height * width)))
    # Half a percent apart is the same ratio: providers round their pixels.
    shortfall = max(0.0, width / size.width - 1.0, height / size.height - 1.0)
    return round(stretch / 0.005) * 0.005, shortfall, size.width * size.height


def _within(free: FreeSize, width: int, height: int) -> Sized:
    scale = min(1.0, free.high / max(width, height))
    scale = max(scale, free.low / min(width, height))
    if free.max_pixels:
        scale = min(scale, math.sqrt(free.max_pixels / (width * height)))

    def side(value: int) -> int:
        stepped = math.ceil(value * scale / free.step - 1e-9) * free.step
        return min(max(stepped, free.low), free.high)

    w, h = side(width), side(height)
    return Sized(f"{w}*{h}", w, h)
