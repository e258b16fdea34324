"""What goes to the provider as prompt: the caller's words, the style's, the persona's."""

from image_studio import catalog


def enhance(prompt: str, style_preset: str | None) -> str:
    """The prompt with the style's words appended, those that it doesn't have yet; without a style, as it is."""
    words = catalog.style_words(style_preset) if style_preset else ""
    return f"{prompt}, {words}" if words and words.lower() not in prompt.lower() else prompt
