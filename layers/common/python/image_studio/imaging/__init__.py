"""Pixels, with Pillow alone: a function takes an image and returns a new one; only `decode` and `encode` see bytes."""
