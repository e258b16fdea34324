"""Enrich prompts with a text model: one call with a short timeout; without it where the call fails.

It is no paid image call, and its model is a row of the provider's spec (`text`). The first provider in their order
that has a key is called.
"""

import logging
from collections.abc import Callable
from typing import Protocol, cast

from image_studio.errors import StudioError
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import Adapter, HttpRequest, HttpResponse, ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.providers.spec import ProviderSpec, TextModel

log = logging.getLogger(__name__)


SECONDS = 3.0
MAX_TOKENS = 512
MAX_WRITTEN = 2_000  # characters of an answer that is still a prompt
MAX_GIVEN = 1_500  # characters of a prompt that leaves room to add something

INSTRUCTION = (
    "You write prompts for image models. Make the user's prompt richer in the sense of the style words: keep its"
    " subject, its wording and every text in quotes, add concrete visual detail, at most 60 words more. If style words"
    " are given, work them in. Answer with the new prompt only: one paragraph, no explanation, no quotes around it."
)


class TextAdapter(Adapter, Protocol):
    """An adapter whose provider has a text model."""

    def build_text(self, model: TextModel, instruction: str, said: str, most_tokens: int) -> HttpRequest:
        """The question to the text model."""
        ...

    def read_text(self, reply: HttpResponse) -> str | None:
        """What it wrote, or None where it didn't finish. Raises StudioErrors."""
        ...


def text_adapters() -> list[TextAdapter]:
    """The adapters that have a text model, in the order in which they are asked."""
    able = [cast("TextAdapter", adapter) for adapter in PROVIDERS.values() if adapter.SPEC.text]
    return sorted(able, key=lambda adapter: _model(adapter.SPEC).rank)


def enrich_prompt(
    prompt: str, style_words: str, access: Callable[[str], ProviderCredentials | None], wire: ProviderClient
) -> str | None:
    """The prompt made richer by the first text model that has a key, within SECONDS; None where that fails.

    `access` gives a provider's key by its name.
    """
    if len(prompt) > MAX_GIVEN:
        return None
    for adapter in text_adapters():
        key = access(adapter.SPEC.name)
        if key is not None:
            return _ask(adapter, user_text(prompt, style_words), key, wire)
    return None


def user_text(prompt: str, style_words: str) -> str:
    """What the text model is given: the prompt, and the style's words on a line of their own."""
    return f"Prompt: {prompt}\nStyle words: {style_words}"


def _ask(adapter: TextAdapter, said: str, access: ProviderCredentials, wire: ProviderClient) -> str | None:
    spec = adapter.SPEC
    try:
        call = adapter.build_text(_model(spec), INSTRUCTION, said, MAX_TOKENS)
        written = adapter.read_text(wire.ask(adapter, call, access, SECONDS))
    except StudioError as error:
        log.warning("text model failed", extra={"provider": spec.name, "code": error.code})
        return None
    return cleaned(written or "")


def cleaned(written: str) -> str | None:
    """The answer as a prompt: on one line, without quotes around it; None where it is none."""
    line = " ".join(written.split())
    if len(line) > 1 and line[0] == line[-1] == '"' and '"' not in line[1:-1]:
        line = line[1:-1].strip()
    return line if 0 < len(line) <= MAX_WRITTEN else None


def _model(spec: ProviderSpec) -> TextModel:
    assert spec.text is not None, "only adapters with a text model get here"  # noqa: S101  a mistake of ours
    return spec.text
