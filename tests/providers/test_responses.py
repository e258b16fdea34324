"""Responses: statuses and pauses that mean the same for all, and anything else that a provider may send."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_studio.errors import (
    NotCharged,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderUnavailable,
    StudioError,
    UnknownCharge,
)
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import HttpResponse, NotThere, Pending, ProviderImage, ResultUrl
from image_studio.providers.responses import MAX_QUOTED, content_refused, http_error, retry_after


def reply(status: int, **headers: str) -> HttpResponse:
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


REJECTED = "Toy did not accept the request ({})."
LOST = "Toy's answer was lost ({}); whether it charged is unknown, so the call is not repeated."


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (400, NotCharged, REJECTED),
        (401, ProviderKeyRefused, "Toy refused our key."),
        (402, ProviderUnavailable, "Toy has no credit left."),
        (403, ProviderUnavailable, "Toy denied access."),
        (404, NotThere, "Toy no longer offers this model."),
        (408, UnknownCharge, LOST),
        (410, NotThere, "Toy no longer offers this model."),
        (422, NotCharged, REJECTED),
        (429, ProviderBusy, "Toy's rate limit is reached."),
        (499, NotCharged, REJECTED),
        (302, UnknownCharge, LOST),
        (399, UnknownCharge, LOST),
        (500, UnknownCharge, LOST),
        (504, UnknownCharge, LOST),
    ],
)
def test_a_status_is_an_error_of_ours(status: int, error: type[ProviderError], sentence: str) -> None:
    """A 4xx was surely free, but for the gateway's own timeout; a 5xx or a redirect says nothing of the charge."""
    found = http_error("Toy", reply(status, retry_after="9"))
    assert type(found) is error
    assert found.detail == sentence.format(status)
    assert not isinstance(found, ProviderBusy) or found.retry_after == 9


def test_the_providers_words_are_quoted_within_bounds() -> None:
    """At most 300 characters of them. Moderation names who refused, and without words says what to do."""
    assert content_refused("Toy", "flagged").detail == "Toy's content policy refused this request: flagged"
    assert content_refused("Toy", "x" * 400).detail.endswith(": " + "x" * MAX_QUOTED)
    assert content_refused("Toy").detail == "Toy's content policy refused this request. Change the prompt or the image."
    assert http_error("Toy", reply(422), "size is odd").detail == "Toy did not accept the request: size is odd"
    assert http_error("Toy", reply(422), "x" * 400).detail.endswith(": " + "x" * MAX_QUOTED)
    assert MAX_QUOTED == 300


#: Names that adapters look for, and values that they know, so that the documents drawn come near to real ones.
KNOWN_NAMES = (
    "id status data code message outputs has_nsfw_contents error errors name seed images image url detail msg type "
    "response_url request_id has_nsfw_concepts estimated_time candidates content parts inlineData text thought "
    "finishReason promptFeedback blockReason details reason violations quotaId retryDelay choices"
)
KNOWN_WORDS = (
    " completed created COMPLETED IN_QUEUE data:image/png;base64,AAAA data:, http://[ 37s nans API_KEY_INVALID "
    "RESOURCE_EXHAUSTED f0e1d2 /fal-ai/flux/requests/0a1b2c3d-0000 STOP"
)
NAMES, WORDS = st.sampled_from(KNOWN_NAMES.split()), st.sampled_from(KNOWN_WORDS.split(" "))
SCALARS = st.none() | st.booleans() | st.integers(-5, 600) | st.floats(allow_nan=False) | WORDS
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)
BODIES = DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=40)
TYPES = st.sampled_from(["application/json", "image/png", "text/html", "", "application/json; type=image/png"])
HEADERS = st.fixed_dictionaries(
    {"content-type": TYPES},
    optional={
        "retry-after": st.sampled_from(["5", "-1", "soon", "inf", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"]),
        "date": st.sampled_from(["Wed, 21 Oct 2026 07:27:00 GMT", "never"]),
        "ratelimit": st.sampled_from(['"api";r=0;t=9', "t"]),
        "seed": st.sampled_from(["7", "٣", "x", "-1"]),
    },
)
HANDLE = "/a/b/requests/12345678"
BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("provider", list(PROVIDERS))
@BOUNDED
@given(body=BODIES, headers=HEADERS, polled=st.booleans(), status=st.sampled_from([200, 201, 202, 302, 404, 429, 503]))
def test_any_response_is_read_or_refused(provider, body, headers, polled, status):
    """A 2xx gives an outcome, or an error that never allows to pay again; any other status one of our errors."""
    adapter, response = PROVIDERS[provider], HttpResponse(status, headers, body)
    if status >= 300:
        outcome: object = adapter.read_error(response)
        assert isinstance(outcome, StudioError)
    else:
        try:
            outcome = adapter.read_response(adapter.SPEC.live_models()[0], response, HANDLE if polled else None)
        except StudioError as error:
            outcome = error
        # An error inside a 200 says itself what it is; everything else may have been charged.
        assert not isinstance(outcome, NotCharged) or b'"code"' in body
    assert isinstance(outcome, ProviderImage | ResultUrl | Pending) or 0 < len(outcome.detail) < 500
    assert (getattr(outcome, "retry_after", None) or 0) >= 0
    if hasattr(adapter, "read_text"):
        try:
            text = adapter.read_text(response)
        except StudioError:
            return
        assert text is None or isinstance(text, str)
