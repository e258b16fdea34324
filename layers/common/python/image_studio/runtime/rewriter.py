"""The studio's text model: the first that has a key, over the connections that images use."""

from image_studio.operations.context import Keyring
from image_studio.providers.client import ProviderClient
from image_studio.providers.text_model import enrich_prompt


class TextModels:
    """Makes prompts richer; what it can't do it leaves to the style's words."""

    def __init__(self, keyring: Keyring, wire: ProviderClient) -> None:
        self._keyring = keyring
        self._wire = wire

    def rewrite(self, prompt: str, words: str) -> str | None:
        """The prompt made richer in the sense of a style's `words`, within seconds, or None."""
        return enrich_prompt(prompt, words, self._keyring.access, self._wire)
