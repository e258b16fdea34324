"""Enrich prompts by one short call of a text model; a failure leaves the prompt as it is."""

import logging
from collections.abc import Callable
from typing import Protocol, cast

from image_studio.errors import StudioError
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import Adapter, HttpRequest, HttpResponse, ProviderCredentials
from image_studio.providers.client import ProviderClient
from image_studio.providers.spec import ProviderSpec, TextModel

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0
MAX_TOKENS = 512
MAX_RESPONSE = 2_000  # characters of a response that is still a prompt
MAX_PROMPT = 1_500  # characters of a prompt that leaves room to add something

INSTRUCTION = (
    "You write prompts for image models. Make the user's prompt richer in the sense of the style words: keep its"
    " subject, its wording and every text in quotes, add concrete visual detail, at most 60 words more. If style words"
    " are given, work them in. Answer with the new prompt only: one paragraph, no explanation, no quotes around it."
)


class TextAdapter(Adapter, Protocol):
    """An adapter whose provider has a text model."""

    def build_text(self, model: TextModel, instruction: str, text: str, max_tokens: int) -> HttpRequest: ...
    def read_text(self, response: HttpResponse) -> str | None:
        """Return the generated text, or None where it is not complete. Raises StudioErrors."""


def text_adapters() -> list[TextAdapter]:
    """The adapters that have a text model, by rank."""
    able = [cast("TextAdapter", adapter) for adapter in PROVIDERS.values() if adapter.SPEC.text]
    return sorted(able, key=lambda adapter: _model(adapter.SPEC).rank)


def enrich_prompt(
    prompt: str,
    style_words: str,
    credentials: Callable[[str], ProviderCredentials | None],
    provider_client: ProviderClient,
) -> str | None:
    """Return a richer prompt from the first text model whose provider has a key; None where that fails."""
    if len(prompt) > MAX_PROMPT:
        return None
    for adapter in text_adapters():
        found = credentials(adapter.SPEC.name)
        if found is not None:
            return _generate(adapter, user_text(prompt, style_words), found, provider_client)
    return None


def user_text(prompt: str, style_words: str) -> str:
    """The text model's input: the prompt, and the style's words on a line of their own."""
    return f"Prompt: {prompt}\nStyle words: {style_words}"


def _generate(
    adapter: TextAdapter, text: str, credentials: ProviderCredentials, provider_client: ProviderClient
) -> str | None:
    spec = adapter.SPEC
    try:
        request = adapter.build_text(_model(spec), INSTRUCTION, text, MAX_TOKENS)
        response = provider_client.exchange(adapter, request, credentials, TIMEOUT_SECONDS)
        return clean_prompt(adapter.read_text(response) or "")
    except StudioError as error:
        log.warning("text model failed", extra={"provider": spec.name, "code": error.code})
        return None


def clean_prompt(text: str) -> str | None:
    """Put the text on one line, without quotes around it; None where it is empty or too long for a prompt."""
    line = " ".join(text.split())
    if len(line) > 1 and line[0] == line[-1] == '"' and '"' not in line[1:-1]:
        line = line[1:-1].strip()
    return line if 0 < len(line) <= MAX_RESPONSE else None


def _model(spec: ProviderSpec) -> TextModel:
    assert spec.text is not None, "only adapters with a text model get here"  # noqa: S101  a mistake of ours
    return spec.text
