"""Amazon Bedrock: InvokeModel for Stability's models, and whether they are enabled, signed with Signature Version 4.

The signature's form, service and region are checked, not its value. A refusal after the work may be charged on AWS,
who doesn't say; here it is, so that nothing is taken for free that may not be.
"""

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from PIL import Image
from werkzeug.wrappers import Response

from local.emulators.bedrock_contract import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, MODELS, PROFILE, Model, read_body
from local.emulators.exchange import Exchange, Refusals, json_response, respond
from local.emulators.faults import Marker
from local.emulators.image_files import encode, to_base64
from local.emulators.server import Provider, seed_or_random
from local.emulators.stability import PERFORM, generate, upscale
from local.emulators.stability_contract import SIZES, Form

INVOKE = re.compile(r"/model/(?P<model>[^/]+)/invoke")
AVAILABILITY = re.compile(r"/foundation-model-availability/(?P<model>[^/]+)")
SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/\d{8}/(?P<region>[a-z0-9-]+)/bedrock/aws4_request, ?"
    r"SignedHeaders=[a-z0-9;-]*\bhost\b[a-z0-9;-]*, ?Signature=[0-9a-f]{64}"
)
#: Pixels of the upscalers' results, as others measured them.
CONSERVATIVE_PIXELS, CREATIVE_PIXELS = 3112**2, 3150**2

_PERFORM: dict[str, Callable[[Form, int], Image.Image]] = {
    **PERFORM,
    "generate/core": partial(generate, SIZES),
    "upscale/conservative": lambda form, _seed: upscale(form, CONSERVATIVE_PIXELS),
    "upscale/creative": lambda form, _seed: upscale(form, CREATIVE_PIXELS, form.number("creativity")),
}


class Bedrock(Provider):
    """bedrock-runtime of the US regions, as far as Image Studio uses it."""

    name = "bedrock"

    def answer(self, exchange: Exchange) -> Response:
        """Check the signature, then the model and its region, then the request."""
        signed = SIGNATURE.fullmatch(exchange.request.headers.get("Authorization", ""))
        if not signed or not self.accepts_key(signed["key"]):
            return _error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        asked = AVAILABILITY.fullmatch(exchange.path)
        if asked and exchange.request.method == "GET":
            return self._availability(exchange, unquote(asked["model"]), signed["region"])
        called = INVOKE.fullmatch(exchange.path)
        if not called or exchange.request.method != "POST":
            return _error(404, "UnknownOperationException", "")
        return self._invoke(exchange, unquote(called["model"]), signed["region"])

    def _availability(self, exchange: Exchange, identifier: str, region: str) -> Response:
        """Say whether a model can be used; a marker that is aimed at the path says why not."""
        exchange.call.kind = "check"
        model = MODELS.get(identifier) or MODELS.get(PROFILE + identifier)
        if model is None or identifier.startswith(PROFILE):
            return _invalid("The provided model identifier is invalid.")

        def found(agreement: str = "AVAILABLE", authorization: str = "AUTHORIZED") -> Response:
            return json_response(
                {
                    "modelId": identifier,
                    "agreementAvailability": {"status": agreement},
                    "authorizationStatus": authorization,
                    "entitlementAvailability": "AVAILABLE",
                    "regionAvailability": "AVAILABLE" if model.runs_in(region) else "NOT_AVAILABLE",
                }
            )

        unready: Refusals = {
            "noagreement": lambda _marker: found("NOT_AVAILABLE"),
            "unauthorized": lambda _marker: found(authorization="NOT_AUTHORIZED"),
        }
        return respond(exchange, self.plan(exchange), ("submit",), {**REFUSED, **unready}, found)

    def _invoke(self, exchange: Exchange, identifier: str, region: str) -> Response:
        exchange.call.kind, exchange.call.operation = "generate", identifier
        model = MODELS.get(identifier)
        if PROFILE + identifier in MODELS:
            return _invalid(
                f"Invocation of model ID {identifier} with on-demand throughput isn't supported. Retry your request"
                " with the ID or ARN of an inference profile that contains this model."
            )
        if model is None or not model.runs_in(region):
            return _invalid("The provided model identifier is invalid.")
        if (exchange.request.content_length or 0) > MAX_REQUEST_BYTES:
            return _invalid(f"Member must have length less than or equal to {MAX_REQUEST_BYTES}.")
        form = read_body(exchange, model)
        if form.errors:
            return _invalid(" ".join(form.errors))
        return self._paint(exchange, model, form)

    def _paint(self, exchange: Exchange, model: Model, form: Form) -> Response:
        fields = exchange.call.fields
        texts = (value for value in fields.values() if isinstance(value, str))
        seed = int(form.number("seed"))
        plan = self.plan(exchange, *texts, seed=seed if "seed" in fields else None)

        def work() -> Response:
            file_type = form.text("output_format") or "png"
            drawn = seed or seed_or_random(None)
            image = to_base64(encode(_PERFORM[model.path](form, drawn), file_type))
            self.accept(exchange, model.usd)
            response = json_response({"seeds": [drawn], "finish_reasons": [None], "images": [image]})
            return response if len(response.get_data()) <= MAX_RESPONSE_BYTES else too_large(Marker({}))

        def too_large(marker: Marker) -> Response:
            name = marker.options.get("exception", "ValidationException")
            return _error(400, name, f"The response is larger than the maximum of {MAX_RESPONSE_BYTES} bytes.")

        def ended(reason: str, marker: Marker) -> Response:
            reason = marker.options.get("reason", reason)
            self.accept(exchange, model.usd, charged=reason not in FREE_REASONS)
            return json_response({"finish_reasons": [reason]})

        def after(refuse: Callable[[Marker], Response], marker: Marker) -> Response:
            self.accept(exchange, model.usd)
            return refuse(marker)

        own: Refusals = {
            "moderated": partial(ended, "Filter reason: prompt"),
            "filtered": partial(ended, "Filter reason: output image"),
            "failed": partial(ended, "Inference error"),
            "empty": partial(after, lambda _marker: json_response({"seeds": [1], "finish_reasons": [None]})),
            "cap": partial(after, too_large),
            **{name: partial(after, refuse) for name, refuse in AFTER.items()},
        }
        with self.log.in_flight():
            return respond(exchange, plan, ("submit", "work"), {**REFUSED, **own}, work)


#: Reasons that stand for a refusal before the work.
FREE_REASONS = {"Filter reason: prompt", "Filter reason: input image"}


def _error(status: int, name: str, message: str) -> Response:
    return json_response({"message": message}, status, {"x-amzn-ErrorType": name, "x-amzn-RequestId": "emulated"})


def _invalid(message: str) -> Response:
    return _error(400, "ValidationException", message)


def _say(status: int, name: str, message: str) -> Callable[[Marker], Response]:
    return lambda _marker: _error(status, name, message)


_THROTTLED = _say(429, "ThrottlingException", "Too many requests, please wait before trying again.")
_GONE = _say(404, "ResourceNotFoundException", "This model version has reached the end of its life.")
_QUOTA = _say(400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.")
#: Refusals before the model runs, by the name of the fault.
REFUSED: Refusals = {
    "400": _say(400, "ValidationException", "Malformed input request."),
    "401": _say(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "402": _QUOTA,
    "nocredit": _QUOTA,
    "403": _say(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "404": _GONE,
    "retired": _GONE,
    "invalid": _say(400, "ValidationException", "The provided model identifier is invalid."),
    "expired": _say(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "429": _THROTTLED,
    "429now": _THROTTLED,
    "notready": _say(429, "ModelNotReadyException", "Model is not ready for inference."),
}
#: Failures of which AWS doesn't say whether they are charged.
AFTER: Refusals = {
    "408": _say(408, "ModelTimeoutException", "Model has timed out in processing the request."),
    "424": _say(424, "ModelErrorException", "The request failed due to an error while processing the model."),
    "500": _say(500, "InternalServerException", "The system encountered an unexpected error."),
    "503": _say(503, "ServiceUnavailableException", "The service is temporarily unavailable."),
}
