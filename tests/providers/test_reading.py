"""Whatever a provider answers, an adapter reads it or raises one of our errors: nothing else, and never for free."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_studio.errors import ProviderFailed, StudioError
from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import HttpResponse, Pending, ProviderImage, ResultUrl

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
NAMES = st.sampled_from(KNOWN_NAMES.split())
WORDS = st.sampled_from(KNOWN_WORDS.split(" "))
SCALARS = st.none() | st.booleans() | st.integers(-5, 600) | st.floats(allow_nan=False) | WORDS | st.text(max_size=8)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
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
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("provider", list(PROVIDERS))
@BOUNDED
@given(body=BODIES, headers=HEADERS, polled=st.booleans(), status=st.sampled_from([200, 201, 202]))
def test_any_success_is_read_or_refused(provider, body, headers, polled, status):
    """A 2xx gives an outcome, or an error that never allows to pay again."""
    adapter = PROVIDERS[provider]
    reply = HttpResponse(status, headers, body)
    outcome: object
    try:
        outcome = adapter.read_response(adapter.SPEC.live_models()[0], reply, HANDLE if polled else None)
    except StudioError as error:
        outcome = error
    if isinstance(outcome, ProviderFailed):
        # An error inside a 200 says itself what it is; everything else may have been charged.
        assert outcome.maybe_charged or b'"code"' in body
    else:
        assert isinstance(outcome, ProviderImage | ResultUrl | Pending | StudioError)


@pytest.mark.parametrize("provider", list(PROVIDERS))
@BOUNDED
@given(body=BODIES, headers=HEADERS, status=st.integers(300, 599))
def test_any_failure_is_read(provider, body, headers, status):
    """Every other status becomes one of our errors, with a sentence of bounded length."""
    error = PROVIDERS[provider].read_error(HttpResponse(status, headers, body))
    assert isinstance(error, StudioError)
    assert 0 < len(error.detail) < 500
    wait = getattr(error, "retry_after", None)
    assert wait is None or wait >= 0


@pytest.mark.parametrize("provider", ["gemini", "huggingface"])
@BOUNDED
@given(body=BODIES)
def test_any_text_is_read(provider, body):
    """A text model's answer is a text, none, or one of our errors."""
    try:
        text = PROVIDERS[provider].read_text(HttpResponse(200, {}, body))  # type: ignore[attr-defined]
    except StudioError:
        return
    assert text is None or isinstance(text, str)
