"""Google Gemini: whole requests, sizes by price, and what its answers mean."""

import pytest

from image_studio.errors import (
    ContentRefused,
    MaybeCharged,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import fit_task
from image_studio.providers.adapter import HttpResponse, ProviderImage
from image_studio.providers.gemini import SPEC, build_poll, build_request, read_error, read_response, read_text
from image_studio.providers.spec import nearest_size
from tests.providers.tasks import AVOID, IMAGE, INSTRUCTIONS, base64_of, cell_id, cells, full_task, json_response

CREATED: tuple[str, list[object]] = (f"a red fox. {AVOID}", [])
FLASH, PRO, LITE = SPEC.live_models()


@pytest.mark.parametrize(("model", "operation"), cells(SPEC.models), ids=cell_id)
def test_whole_requests(model, operation):
    """Each model's request for each operation is exactly the documented JSON: images first, then the words."""
    task, _ = fit_task(full_task(operation, seed=2**31 + 7), model)
    call = build_request(model, task)
    words, images = INSTRUCTIONS.get(operation, CREATED)
    shown = [{"inlineData": {"mimeType": "image/png", "data": data}} for data in base64_of(images)]
    ratio = {} if images and operation != "control.style" else {"aspectRatio": "16:9"}
    image = ratio | ({} if model is LITE else {"imageSize": "1K"})  # which has one size class, and no field for it
    thinking = {"thinkingConfig": {"thinkingLevel": "MEDIUM"}} if model is FLASH else {}
    assert call.json == {
        "contents": [{"role": "user", "parts": [*shown, {"text": words}]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": image, "seed": 7} | thinking,
    }
    assert (call.method, call.path) == ("POST", f"/v1beta/models/{model.name}:generateContent")
    assert (call.headers, call.query, call.form) == ({}, {}, None)


@pytest.mark.parametrize(("quality", "level"), [("draft", "MINIMAL"), ("standard", "MEDIUM"), ("premium", "HIGH")])
def test_quality_is_the_thinking_level(quality, level):
    """The default model thinks as long as the quality is worth; the others have no such field."""
    task = full_task("create", quality=quality)
    assert build_request(FLASH, task).json["generationConfig"]["thinkingConfig"] == {"thinkingLevel": level}
    assert all("thinkingConfig" not in build_request(model, task).json["generationConfig"] for model in (PRO, LITE))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Replace the background: a red fox. "),
        ({"keep_original_background": True}, "Keep the surroundings as they are. a red fox. "),
    ],
)
def test_relighting_without_a_background_image(settings, words):
    """The prompt describes the new background, or what stays."""
    task = full_task("edit.relight", images={"image": IMAGE}, settings=settings)
    text = build_request(FLASH, task).json["contents"][0]["parts"][-1]["text"]
    assert text.startswith(words)


@pytest.mark.parametrize(
    ("model", "size", "word", "size_class", "credits"),
    [
        (FLASH, (512, 512), "1:1", "1K", 4),
        (FLASH, (1_024, 1_024), "1:1", "1K", 4),
        (FLASH, (1_080, 1_080), "1:1", "1K", 4),  # a twentieth larger isn't worth half as much again
        (FLASH, (1_300, 1_300), "1:1", "2K", 6),
        (FLASH, (1_200, 628), "16:9", "1K", 4),
        (FLASH, (1_920, 1_080), "16:9", "2K", 6),
        (FLASH, (4_096, 4_096), "1:1", "4K", 12),
        (FLASH, (8_000, 1_000), "8:1", "4K", 12),
        (PRO, (1_024, 1_024), "1:1", "1K", 14),
        (PRO, (1_080, 1_080), "1:1", "2K", 14),  # the same price, so the larger one
        (PRO, (4_000, 4_000), "1:1", "4K", 24),
        (LITE, (4_000, 4_000), "1:1", "1K", 4),
    ],
)
def test_the_size_class_follows_size_and_price(model, size, word, size_class, credits):
    """The cheapest class that is large enough, give or take what enlarging hides."""
    native = nearest_size(model, *size)
    assert (native.label, native.size_class, model.price(native)) == (word, size_class, credits)


def test_an_edit_is_priced_by_the_size_that_is_wanted():
    """A large image is edited in a large size class."""
    task = full_task("edit.general_edit", width=4_000, height=2_700, images={"image": IMAGE})
    image = build_request(FLASH, task).json["generationConfig"]["imageConfig"]
    assert image == {"imageSize": "4K"}


def test_retired_models_say_what_to_use():
    """Each model that is gone has a sentence that names a live one."""
    live = {model.name for model in SPEC.live_models()}
    gone = [model for model in SPEC.models if model.retired]
    assert len(gone) == 11
    for model in gone:
        assert any(f"Use {name}." in model.retired for name in live)


# -- answers


def candidate(*parts, finish="STOP"):
    return json_response({"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}]})


def inline(data="UE5H", **more):
    return {"inlineData": {"mimeType": "image/png", "data": data}} | more


@pytest.mark.parametrize(
    "reply",
    [
        candidate(inline()),
        candidate({"text": "Here it is."}, inline()),
        candidate({"text": "Hm", "thought": True}, inline("RFJBRlQ=", thought=True), inline(thoughtSignature="x")),
        candidate(inline("TEFURVI="), inline()),
        candidate(inline(), finish="MAX_TOKENS"),
    ],
)
def test_answers(reply):
    """The last image that isn't a draft, whatever stands around it."""
    assert read_response(FLASH, reply) == ProviderImage(b"PNG")


REFUSED = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"]
REFUSED += ["IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"]


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_images_and_prompts(reason):
    """An answer that a filter ended, or a prompt that was blocked, is the caller's to change."""
    with pytest.raises(ContentRefused, match=reason):
        read_response(FLASH, json_response({"candidates": [{"finishReason": reason}]}))
    with pytest.raises(ContentRefused, match=r"refused this request: OTHER$"):
        read_response(FLASH, json_response({"promptFeedback": {"blockReason": "OTHER"}}))


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (candidate({"text": "I can't do that."}), ResultUnusable, "in words instead of an image: I can't do that."),
        (candidate({"text": "x" * 400}), ResultUnusable, "x" * 300),
        (candidate(finish="IMAGE_OTHER"), ResultUnusable, "answered without an image (IMAGE_OTHER)."),
        (candidate(finish=None), ResultUnusable, "answered without an image (no reason)."),
        (candidate(inline("%%%")), ResultUnusable, "could not be read"),
        (candidate(inline("")), ResultUnusable, "could not be read"),
        (candidate(inline(thought=True)), ResultUnusable, "without an image"),
        (json_response({}), ResultUnusable, "without an image"),
        (json_response({"candidates": []}), ResultUnusable, "without an image"),
        (json_response([]), UnknownCharge, "could not be read"),
        (HttpResponse(200, {}, b'{"candidates": [{"cont'), UnknownCharge, "could not be read"),
    ],
)
def test_answers_without_an_image(reply, error, words):
    """What has no image may have been charged."""
    with pytest.raises(error) as failed:
        read_response(FLASH, reply)
    assert words in failed.value.detail
    assert isinstance(failed.value, MaybeCharged)


def rpc(status, name, message="said", *details):
    return json_response(
        {"error": {"code": status, "message": message, "status": name, "details": list(details)}}, status
    )


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def quota(period):
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": f"GenerateRequests{period}PerProject"}],
    }


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (rpc(400, "INVALID_ARGUMENT", "bad field"), NotCharged, "did not accept the request: bad field"),
        (rpc(400, "INVALID_ARGUMENT", "API key not valid", BAD_KEY), ProviderKeyRefused, "refused our key"),
        (rpc(400, "FAILED_PRECONDITION"), ProviderUnavailable, "can't be used from here"),
        (rpc(429, "RESOURCE_EXHAUSTED", "quota", quota("PerMinute")), ProviderBusy, "rate limit"),
        (rpc(429, "RESOURCE_EXHAUSTED", "quota", quota("PerDay")), ProviderUnavailable, "today"),
        (rpc(429, "RESOURCE_EXHAUSTED", "quota", quota("PerMinute"), quota("PerDay")), ProviderUnavailable, "today"),
        (rpc(500, "INTERNAL"), ProviderOutage, "failed (500)"),
        (rpc(503, "UNAVAILABLE", "overloaded"), ProviderOutage, "failed (503)"),
        (rpc(504, "DEADLINE_EXCEEDED"), UnknownCharge, "answer was lost (504)"),
        (rpc(500, "UNKNOWN"), UnknownCharge, "answer was lost (500)"),
        (HttpResponse(503, {}, b"<html>"), UnknownCharge, "answer was lost (503)"),
        (HttpResponse(502, {}, b"<html>"), UnknownCharge, "answer was lost (502)"),
        (json_response({"error": "text"}, 400), NotCharged, "did not accept"),
    ],
)
def test_errors(reply, error, words):
    """A bad key hides in a 400, a used-up day in a 429; only Google's own 500 and 503 are surely free."""
    found = read_error(reply)
    assert type(found) is error
    assert words in found.detail


@pytest.mark.parametrize(
    ("delays", "headers", "seconds"),
    [
        (["37s"], {}, 37.0),
        (["37.5s", "2s"], {"retry-after": "1"}, 37.5),
        (["soon"], {"retry-after": "4"}, 4.0),
        ([], {"retry-after": "4"}, 4.0),
        ([], {}, None),
    ],
)
def test_how_long_to_wait(delays, headers, seconds):
    """RetryInfo says how long, else the header."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay} for delay in delays]
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}
    assert read_error(json_response(body, 429, **headers)).retry_after == seconds


def test_there_is_nothing_to_poll():
    """Every call is answered with its image."""
    with pytest.raises(ResultUnusable):
        build_poll(FLASH, "x")


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (candidate({"text": "a "}, {"text": "fox"}), "a fox"),
        (candidate({"text": "thinking", "thought": True}, {"text": "a fox"}), "a fox"),
        (candidate({"text": "a fo"}, finish="MAX_TOKENS"), None),
        (candidate(), None),
        (json_response({"promptFeedback": {"blockReason": "SAFETY"}}), None),
    ],
)
def test_texts(reply, text):
    """Only a text that was finished counts."""
    assert read_text(reply) == text
