"""Prompt enhancement by a text model: the first that has a key, over the connections that images use."""

from image_studio.operations.context import Keyring
from image_studio.providers.client import ProviderClient
from image_studio.providers.text_model import enrich_prompt


class PromptEnhancer:
    """Enhance prompts. If no text model can, the style's words do it."""

    def __init__(self, keyring: Keyring, wire: ProviderClient) -> None:
        self._keyring = keyring
        self._wire = wire

    def rewrite(self, prompt: str, words: str) -> str | None:
        """Return the prompt enhanced in the sense of a style's `words`, within seconds, or None."""
        return enrich_prompt(prompt, words, self._keyring.access, self._wire)
