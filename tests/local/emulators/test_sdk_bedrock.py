"""The official SDK, boto3, as referee of the emulator of Amazon Bedrock."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from local.emulators import Emulator, bedrock_contract
from local.emulators.bedrock_contract import MODELS, SIDES, File

CORE, FAST = "stability.stable-image-core-v1:1", "us.stability.stable-fast-upscale-v1:0"
INPAINT = "us.stability.stable-image-inpaint-v1:0"
Invoke = Callable[..., dict[str, Any]]


def _client(emulator: Emulator, region: str = "us-west-2") -> Any:
    once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, signature_version="v4")
    return boto3.client("bedrock-runtime", region, endpoint_url=emulator.url, config=once)


@pytest.fixture
def invoke(bedrock: Emulator) -> Invoke:
    def call(model: str, region: str = "us-west-2", **body: Any) -> dict[str, Any]:
        answer = _client(bedrock, region).invoke_model(modelId=model, body=json.dumps(body))
        found: dict[str, Any] = json.loads(answer["body"].read())
        return found

    return call


def _refusal(invoke: Invoke, *args: str, **body: Any) -> tuple[int, str, str]:
    """Status, name and message of a refused call."""
    with pytest.raises(ClientError) as refused:
        invoke(*args, **body)
    response = refused.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def _image(answer: dict[str, Any]) -> Image.Image:
    (text,) = answer["images"]
    return Image.open(BytesIO(base64.b64decode(text, validate=True)))


@pytest.fixture
def png(subject_png: bytes) -> str:
    return base64.b64encode(subject_png).decode()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_answers_with_one_image(invoke: Invoke, bedrock: Emulator, png: str, model: str) -> None:
    """From the least that it needs; it is paid by its price, and the ids stand in the path as boto3 quotes them."""
    row = MODELS[model]
    body = {name: png if isinstance(row.fields[name], File) else "a red car" for name in row.required}
    body |= {"left": 40} if row.path == "edit/outpaint" else {}
    body |= {"mask": png} if "mask" in row.fields else {}
    body |= {"output_format": "webp"} if row.path.startswith("upscale/") else {}
    answer = invoke(model, **body)
    assert answer["finish_reasons"] == [None]
    assert len(answer["seeds"]) == 1
    assert _image(answer).format == ("WEBP" if row.path.startswith("upscale/") else "PNG")
    assert (bedrock.paid_calls, bedrock.charged) == (1, row.usd)
    assert bedrock.calls[0].operation == model


def test_a_generator_makes_its_ratio(invoke: Invoke) -> None:
    """And the same image from the same seed."""
    first, again = (invoke(CORE, prompt="a red car", aspect_ratio="16:9", seed=7) for _ in range(2))
    assert _image(first).size == (1344, 768)
    assert first == again
    assert first["seeds"] == [7]


@pytest.mark.parametrize(
    ("model", "region", "message"),
    [
        ("us.stability.stable-image-core-v1:1", "us-west-2", "identifier is invalid"),
        ("stability.stable-image-core-v1:0", "us-west-2", "identifier is invalid"),
        (CORE, "us-east-1", "identifier is invalid"),  # the generators are in one region
        (FAST, "eu-west-1", "identifier is invalid"),
        (FAST.removeprefix("us."), "us-west-2", "inference profile"),
    ],
)
def test_an_id_is_for_its_regions(invoke: Invoke, bedrock: Emulator, model: str, region: str, message: str) -> None:
    status, name, said = _refusal(invoke, model, region, prompt="x")
    assert (status, name) == (400, "ValidationException")
    assert message in said
    assert bedrock.paid_calls == 0


@pytest.mark.parametrize(
    ("model", "body", "words"),
    [
        (CORE, {}, "prompt: required"),
        (CORE, {"prompt": ""}, "prompt: expected 1 to"),
        (CORE, {"prompt": "x" * 10_001}, "prompt: expected 1 to 10000"),
        (CORE, {"prompt": "x", "style_preset": "anime"}, "style_preset: extraneous"),
        (CORE, {"prompt": "x", "output_format": "webp"}, "output_format"),
        (CORE, {"prompt": "x", "aspect_ratio": "4:3"}, "aspect_ratio"),
        (CORE, {"prompt": "x", "seed": "7"}, "seed: '7' is not between"),
        (CORE, {"prompt": "x", "seed": 4_294_967_295}, "seed"),
        (FAST, {"image": "data:image/png;base64,AAAA"}, "image: expected base64"),
        (FAST, {"image": "AAAA"}, "image: could not be decoded"),
        (INPAINT, {"prompt": "x", "grow_mask": 21}, "grow_mask: 21 is not between 0 and 20"),
    ],
)
def test_a_wrong_body_is_refused(
    invoke: Invoke, bedrock: Emulator, model: str, body: dict[str, Any], words: str
) -> None:
    """Where AWS doesn't say what it does, as with unknown fields, the emulator is strict."""
    status, name, message = _refusal(invoke, model, **body)
    assert (status, name) == (400, "ValidationException")
    assert words in message
    assert bedrock.paid_calls == 0


@pytest.mark.parametrize(("width", "height"), [(63, 100), (1_000, 399), (3_073, 3_072)])
def test_an_image_beyond_the_limits_is_refused(invoke: Invoke, width: int, height: int) -> None:
    out = BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    body = {"image": base64.b64encode(out.getvalue()).decode(), "prompt": "x", SIDES[0]: 10}
    assert "image: " in _refusal(invoke, "us.stability.stable-outpaint-v1:0", **body)[2]


@pytest.mark.parametrize(
    ("fault", "status", "name", "paid"),
    [
        ("400", 400, "ValidationException", 0),
        ("nocredit", 400, "ServiceQuotaExceededException", 0),
        ("403", 403, "AccessDeniedException", 0),
        ("expired", 403, "ExpiredTokenException", 0),
        ("retired", 404, "ResourceNotFoundException", 0),
        ("408", 408, "ModelTimeoutException", 1),
        ("424", 424, "ModelErrorException", 1),
        ("429", 429, "ThrottlingException", 0),
        ("notready", 429, "ModelNotReadyException", 0),
        ("500", 500, "InternalServerException", 1),
        ("503", 503, "ServiceUnavailableException", 1),
        ("cap", 400, "ValidationException", 1),
        ("cap;exception=ModelErrorException", 400, "ModelErrorException", 1),
        ("504", 504, "504", 1),
    ],
)
def test_each_failure_is_the_exception_that_boto3_reads(  # noqa: PLR0917
    invoke: Invoke, bedrock: Emulator, fault: str, status: int, name: str, paid: int
) -> None:
    """What may have been charged was done before."""
    assert _refusal(invoke, CORE, prompt=f"x [[fault={fault}]]")[:2] == (status, name)
    assert (bedrock.paid_calls, len(bedrock.calls)) == (paid, 1)


@pytest.mark.parametrize(
    ("fault", "reason", "charged"),
    [
        ("moderated", "Filter reason: prompt", 0.0),
        ("moderated;reason=Filter reason: input image", "Filter reason: input image", 0.0),
        ("filtered", "Filter reason: output image", 0.04),
        ("failed", "Inference error", 0.04),
    ],
)
def test_a_refusal_is_a_200_with_a_reason(
    invoke: Invoke, bedrock: Emulator, fault: str, reason: str, charged: float
) -> None:
    assert invoke(CORE, prompt=f"x [[fault={fault}]]") == {"finish_reasons": [reason]}
    assert bedrock.charged == charged


def test_a_response_over_the_cap_is_refused(
    invoke: Invoke, bedrock: Emulator, png: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image was made, and paid; as WebP it fits."""
    monkeypatch.setattr("local.emulators.bedrock.MAX_RESPONSE_BYTES", 30_000)
    assert "maximum of 30000 bytes" in _refusal(invoke, FAST, image=png)[2]
    assert bedrock.paid_calls == 1
    assert invoke(FAST, image=png, output_format="webp")["images"]


def test_a_request_over_the_limit_is_refused(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bedrock_contract.MAX_REQUEST_BYTES == 25_000_000
    monkeypatch.setattr("local.emulators.bedrock.MAX_REQUEST_BYTES", 1_000)
    assert "less than or equal to" in _refusal(invoke, CORE, prompt="x" * 1_000)[2]


@pytest.mark.parametrize(
    "header",
    [None, "Bearer key", "AWS4-HMAC-SHA256 Credential=bad/20261128/us-west-2/bedrock/aws4_request, SignedHeaders=host"],
)
def test_an_unsigned_call_is_refused(bedrock: Emulator, header: str | None) -> None:
    """A bearer token is no signature, either."""
    headers = {"Authorization": header} if header else {}
    reply = requests.post(f"{bedrock.url}/model/{CORE}/invoke", json={"prompt": "x"}, headers=headers, timeout=60)
    assert (reply.status_code, reply.headers["x-amzn-ErrorType"]) == (403, "UnrecognizedClientException")


@pytest.mark.parametrize("model", [CORE, "stability.stable-fast-upscale-v1:0"])
def test_a_model_is_enabled_unless_a_script_says_otherwise(bedrock: Emulator, model: str) -> None:
    """By the id without the profile, for nothing; the SDK reads all four answers."""
    control = boto3.client("bedrock", "us-west-2", endpoint_url=bedrock.url)
    ready = {
        "modelId": model,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }
    bedrock.script("[[fault=noagreement]]", path="/foundation-model-availability")
    bedrock.script("[[fault=unauthorized]]", path="/foundation-model-availability")
    for changed in (
        {"agreementAvailability": {"status": "NOT_AVAILABLE"}},
        {"authorizationStatus": "NOT_AUTHORIZED"},
        {},
    ):
        answer = control.get_foundation_model_availability(modelId=model)
        assert {name: answer[name] for name in ready} == ready | changed
    assert bedrock.paid_calls == 0


def test_availability_is_of_a_model_in_a_region(bedrock: Emulator) -> None:
    """A generator isn't available outside its region; a profile's id is no model's."""
    control = boto3.client("bedrock", "us-east-1", endpoint_url=bedrock.url)
    assert control.get_foundation_model_availability(modelId=CORE)["regionAvailability"] == "NOT_AVAILABLE"
    with pytest.raises(ClientError, match="identifier is invalid"):
        control.get_foundation_model_availability(modelId=FAST)
