"""Local emulators of five providers: their real protocols, with images painted by Pillow.

`start("stability")` returns a running emulator; `python -m local.emulators` starts them all. README.md lists the
markers that make one slow or faulty.
"""

from local.emulators.bedrock import Bedrock
from local.emulators.gemini import Gemini
from local.emulators.huggingface import HuggingFace
from local.emulators.server import Emulator, Provider
from local.emulators.stability import Stability
from local.emulators.wavespeed import WaveSpeed

PROVIDERS: dict[str, type[Provider]] = {
    kind.name: kind for kind in (Stability, WaveSpeed, HuggingFace, Gemini, Bedrock)
}

__all__ = ["PROVIDERS", "Emulator", "start"]


def start(name: str, port: int = 0, key: str | None = None) -> Emulator:
    """Start a provider's emulator on loopback (port 0: any free one); with `key` only that key is accepted."""
    return Emulator(PROVIDERS[name](key), port)
