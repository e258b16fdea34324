"""Pixels, with Pillow alone: a function takes an image and returns a new one.

Bytes become pixels in `gate` and bytes again in `encode`; text is `payload`'s. Nothing else sees bytes.
"""
