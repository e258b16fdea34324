"""Bounds of the pictures that we take and make. No pydantic here: estimates and catalog reads start without it."""

MAX_VARIATIONS = 10
MIN_SIDE = 16  # pixels; the narrowest picture that any platform shows
MAX_SIDE = 8_192  # pixels
MAX_PIXELS = 25_000_000  # of one answer
MAX_FILE_BYTES = 20_000_000  # of a picture that we take
