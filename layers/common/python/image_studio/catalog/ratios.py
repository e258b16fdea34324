"""Ratios computed from a size, named as people name them."""

from math import gcd
from typing import Final

# Shapes whose everyday name isn't their reduced fraction: link previews, and 64:27 screens sold as 21:9.
NAMED: Final = {"1.91:1": 1.91, "21:9": 64 / 27}
TOLERANCE: Final = 0.005  # 1200x630, 1200x628, 1200x627 and 1080x566 are all called 1.91:1
SMALL: Final = 16  # 16:9 is read as a ratio, 205:78 isn't


def ratio_of(width: int, height: int) -> str:
    """Name the shape of width x height pixels: `4:5`, `1.91:1`, or decimals such as `2.63:1`."""
    if width < 1 or height < 1:
        raise ValueError(f"{width}x{height} has no ratio")
    for name, value in NAMED.items():
        if abs(width / height - value) <= value * TOLERANCE:
            return name
    divisor = gcd(width, height)
    if max(width, height) <= SMALL * divisor:
        return f"{width // divisor}:{height // divisor}"
    times = f"{max(width, height) / min(width, height):.2f}".rstrip("0").rstrip(".")
    return f"{times}:1" if width > height else f"1:{times}"
