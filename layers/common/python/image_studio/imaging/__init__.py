"""Pixels, with Pillow alone: a function takes an image and returns a new one.

`decode` turns bytes into pixels and `encode` turns pixels into bytes; `base64` decodes text.
"""
