"""Bounds of the pictures that we take and make. No pydantic here: estimates and catalog reads start without it."""

MAX_VARIATIONS = 10
MIN_SIDE = 16  # pixels; the narrowest picture that any platform shows
MAX_SIDE = 8_192  # pixels
MAX_PIXELS = 25_000_000  # of one answer
MAX_PROMPT = 10_000  # characters; the longest prompt a provider takes (Stability)
MAX_SEED = 4_294_967_293  # one below Stability's largest, which stands for our seed 0 on its wire
MAX_FILE_BYTES = 20_000_000  # of a picture that we take
