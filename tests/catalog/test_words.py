"""Styles and upscale presets."""

import pytest

from image_studio import catalog
from image_studio.errors import UnknownChoice

# Stability's list of style presets, in its order.
STABILITY_STYLES = (
    "3d-model analog-film anime cinematic comic-book digital-art enhance fantasy-art isometric line-art "
    "low-poly modeling-compound neon-punk origami photographic pixel-art tile-texture"
)


def test_all_style_presets_have_words() -> None:
    """The 17 presets each add words of their own."""
    assert [each.id for each in catalog.styles()] == STABILITY_STYLES.split()
    assert len({each.words for each in catalog.styles()}) == 17
    assert all(each.words.strip(" ,.") == each.words for each in catalog.styles())


def test_the_reference_prompt_comes_out_word_for_word() -> None:
    """Photographic adds what the reference's example shows after the comma."""
    assert catalog.style_words("photographic") == "professional photography, high quality"


def test_an_unknown_style_lists_the_presets() -> None:
    """A wrong preset is a 400 that names all 17."""
    with pytest.raises(UnknownChoice, match=r"^Unknown style_preset 'baroque'\. Valid: 3d-model, .*tile-texture\.$"):
        catalog.style_words("baroque")


def test_upscale_presets_are_long_sides() -> None:
    """Web 2048, print 3072, social 1080 pixels; another is a 400."""
    assert {each.name: each.long_side for each in catalog.upscale_presets()} == {
        "web": 2048,
        "print": 3072,
        "social": 1080,
    }
    assert catalog.upscale_preset("print").long_side == 3072
    with pytest.raises(UnknownChoice, match="Valid: web, print, social"):
        catalog.upscale_preset("poster")
