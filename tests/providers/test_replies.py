"""What a status means by HTTP alone, and how long a provider wants to be left alone."""

import pytest

from image_studio.errors import (
    ProviderBusy,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderUnavailable,
    UnknownCharge,
)
from image_studio.providers.adapter import HttpResponse
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, retry_after


def reply(status: int, **headers: str) -> HttpResponse:
    """A reply; `_` in a header's name stands for `-`."""
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "-3"}, 0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry_after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"ratelimit": '"default";r=0;t=12'}, 12),
        ({"ratelimit": '"default";r=0'}, None),
        ({"retry_after": "4", "ratelimit": '"default";r=0;t=12'}, 4),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, a date beside the reply's own, or the IETF field; anything else is no word on it."""
    assert retry_after(reply(429, **headers)) == seconds


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ProviderFailed),
        (401, ProviderKeyRefused),
        (402, ProviderUnavailable),
        (403, ProviderUnavailable),
        (404, ProviderFailed),
        (408, UnknownCharge),
        (410, ProviderFailed),
        (422, ProviderFailed),
        (429, ProviderBusy),
        (302, UnknownCharge),
        (500, UnknownCharge),
        (504, UnknownCharge),
    ],
)
def test_a_status_is_an_error_of_ours(status: int, error: type[ProviderFailed]) -> None:
    """A 4xx was surely free, but for the gateway's own timeout; a 5xx or a redirect says nothing of the charge."""
    found = http_error("Toy", reply(status))
    assert type(found) is error
    assert isinstance(found, ProviderFailed)
    assert found.maybe_charged == (error is UnknownCharge)
    assert found.detail.startswith("Toy")


def test_a_busy_provider_says_for_how_long() -> None:
    """The wait comes with the error."""
    found = http_error("Toy", reply(429, retry_after="9"))
    assert isinstance(found, ProviderBusy)
    assert found.retry_after == 9


def test_moderation_names_who_refused() -> None:
    """With the provider's words, within the same bound, or with what to do."""
    assert content_refused("Toy", "flagged").detail == "Toy's content policy refused this request: flagged"
    assert content_refused("Toy", "x" * 400).detail.endswith(": " + "x" * MAX_QUOTED)
    assert content_refused("Toy").detail == "Toy's content policy refused this request. Change the prompt or the image."


def test_the_providers_words_are_told_within_bounds() -> None:
    """At most 300 characters of them."""
    assert http_error("Toy", reply(422), "size is odd").detail == "Toy did not accept the request: size is odd"
    assert http_error("Toy", reply(422), "x" * 400).detail.endswith(": " + "x" * MAX_QUOTED)
    assert http_error("Toy", reply(422)).detail == "Toy did not accept the request (422)."
