"""Which native output comes nearest to the size that is wanted: pure arithmetic on a model's data."""

import math
from collections.abc import Callable

from image_studio.providers.spec import FreeSize, ModelSpec, Sized

#: Where a larger size costs more, this much enlarging by ourselves (per side) is preferred to paying for it.
PRICED_SHORTFALL = 0.2


def nearest(model: ModelSpec, width: int, height: int) -> Sized:
    """The model's own size (pixels) that needs the least scaling and cropping to become width x height."""
    if model.sizes is None:
        return Sized("", width, height)
    if isinstance(model.sizes, FreeSize):
        return _within(model.sizes, width, height)
    return min(model.sizes, key=lambda size: _distance(size, width, height))


def _distance(size: Sized, width: int, height: int) -> tuple[float, ...]:
    """How far a ratio is from the wanted one; then the cheapest that is large enough, then the smallest."""
    stretch = abs(math.log((size.width * height) / (size.height * width)))
    shortfall = max(0.0, width / size.width - 1.0, height / size.height - 1.0)
    tolerated = PRICED_SHORTFALL if size.usd is not None else 0.0
    return (
        # Half a percent apart is the same ratio: providers round their pixels.
        round(stretch / 0.005) * 0.005,
        max(0.0, shortfall - tolerated),
        size.usd or 0.0,
        shortfall,
        size.width * size.height,
    )


def _within(free: FreeSize, width: int, height: int) -> Sized:
    scale = min(1.0, free.high / max(width, height))
    scale = max(scale, free.low / min(width, height))
    most = free.max_pixels or math.inf
    scale = min(scale, math.sqrt(most / (width * height)))
    # Rounded up so that nothing is enlarged later, but down where the area is bounded: it is what is paid for.
    found = _in_steps(free, width * scale, height * scale, math.ceil)
    return found if found.width * found.height <= most else _in_steps(free, width * scale, height * scale, math.floor)


def _in_steps(free: FreeSize, width: float, height: float, rounded: Callable[[float], int]) -> Sized:
    w, h = (min(max(rounded(round(side / free.step, 6)) * free.step, free.low), free.high) for side in (width, height))
    return Sized(f"{w}*{h}", w, h)
