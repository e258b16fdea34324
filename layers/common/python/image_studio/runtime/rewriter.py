"""The studio's text model: the first that has a key, over the connections that pictures use."""

from image_studio.operations.studio import Keyring
from image_studio.providers.text import enhance
from image_studio.providers.wire import Wire


class TextModels:
    """Makes prompts richer; what it can't do it leaves to the style's words."""

    def __init__(self, keyring: Keyring, wire: Wire) -> None:
        self._keyring = keyring
        self._wire = wire

    def rewrite(self, prompt: str, words: str) -> str | None:
        """The prompt made richer in the sense of a style's `words`, within seconds, or None."""
        return enhance(prompt, words, self._keyring.access, self._wire)
