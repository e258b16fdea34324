"""Stability AI: REST v2beta (multipart, sync and async operations) and the v1 balance.

Refuses in the real order: key 401, size 413, fields 400, moderation 403, policy 422, credit 402. Charges for
successes only.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image, ImageFilter
from werkzeug.wrappers import Response

from local.emulators import painter
from local.emulators.exchange import Exchange, Refusals, json_response, respond
from local.emulators.faults import FaultPlan, Marker
from local.emulators.image_files import decode, encode, flatten, to_base64
from local.emulators.painter import Prompt, Size
from local.emulators.server import Provider, bearer_key, seed_or_random
from local.emulators.stability_contract import (
    CORE_SIZES,
    FOUR_MP,
    MAX_REQUEST_BYTES,
    ONE_MP,
    OPERATIONS,
    SIDES,
    SIZES,
    Form,
    Operation,
    read_form,
)

V2 = "/v2beta/stable-image/"
RESULTS = ("/v2beta/results/", "/v2beta/stable-image/upscale/creative/result/")
BALANCE = "/v1/user/balance"
MAX_GENERATIONS = 200
#: "4K": the area of 3840x2160 in the image's own aspect ratio; the provider publishes no exact size.
CREATIVE_PIXELS = 3840 * 2160


@dataclass(frozen=True)
class Finished:
    """A finished image and how it ended."""

    data: bytes
    file_type: str
    seed: int
    finish_reason: str = "SUCCESS"


Finish = Callable[[], Finished]


@dataclass
class Generation:
    """An async generation: whose it is, when it is ready, and the image once painted."""

    key: str
    plan: FaultPlan
    ready_at: float
    polls_left: int
    finish: Finish
    finished: Finished | None = None


class Stability(Provider):
    """api.stability.ai, as far as Image Studio uses it."""

    name = "stability"
    first_balance = 1000.0

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self._generations: dict[str, Generation] = {}

    def reset(self) -> None:
        """Return to the first state."""
        super().reset()
        self._generations.clear()

    def answer(self, exchange: Exchange) -> Response:
        """Check the key, then route; an unknown path without a good key is a 401, too."""
        path, method = exchange.path, exchange.request.method
        if not self.accepts_key(bearer_key(exchange)):
            return _unauthorized(path)
        if method == "GET" and path == BALANCE:
            return respond(exchange, self.plan(exchange), ("read",), refusals(exchange), self._balance)
        for prefix in RESULTS:
            if method == "GET" and path.startswith(prefix):
                return self._result(exchange, path.removeprefix(prefix))
        operation = OPERATIONS.get(path.removeprefix(V2)) if path.startswith(V2) else None
        if method == "POST" and operation:
            return self._operate(exchange, operation)
        return _error(404, "not_found", "The requested path does not exist")

    def _balance(self) -> Response:
        return json_response({"credits": round(self.balance, 4)})

    def _operate(self, exchange: Exchange, operation: Operation) -> Response:
        exchange.call.kind, exchange.call.operation = "generate", operation.path
        refused = _unreadable(exchange, operation)
        if refused:
            return refused
        form = read_form(exchange, operation)
        if form.errors:
            return _error(400, "bad_request", *form.errors)
        fields = exchange.call.fields
        seed = int(form.number("seed"))
        texts = (value for value in fields.values() if isinstance(value, str))
        plan = self.plan(exchange, *texts, seed=seed if "seed" in fields else None)
        price = operation.prices.get(form.text("model"), operation.credits)
        if self.balance < price:
            return refusals(exchange)["402"](Marker({}))
        finish = partial(_finish, operation, form, seed or seed_or_random(None))
        if operation.asynchronous:
            return self._submit(exchange, plan, price, finish)
        with self.log.in_flight():
            own = {"filtered": partial(self._filtered, exchange, finish)}
            work = partial(self._finish_now, exchange, price, finish)
            return respond(exchange, plan, ("submit", "work"), {**refusals(exchange), **own}, work)

    def _finish_now(self, exchange: Exchange, price: float, finish: Finish) -> Response:
        finished = finish()
        self.accept(exchange, price)
        return _image_response(exchange, finished)

    def _filtered(self, exchange: Exchange, finish: Finish, _marker: Marker) -> Response:
        self.accept(exchange, 0, charged=False)
        return _image_response(exchange, _blurred(finish))

    def _submit(self, exchange: Exchange, plan: FaultPlan, price: float, finish: Finish) -> Response:
        """Accept an async operation, unless its work would be refused."""
        seconds, ending = plan.apply("work")
        refused = refusals(exchange).get(ending.fault) if ending else None
        if ending and refused:
            return refused(ending)
        if ending:
            finish = partial(_SPOILED.get(ending.fault, _blurred), finish)

        def start() -> Response:
            self.accept(exchange, price, charged=not ending or ending.fault == "empty")  # as `_filtered`
            identifier = uuid.uuid4().hex * 2
            ready_at = time.monotonic() + seconds
            with self.lock:
                self._generations[identifier] = Generation(
                    bearer_key(exchange), plan.later(), ready_at, plan.polls, finish
                )
                while len(self._generations) > MAX_GENERATIONS:
                    self._generations.pop(next(iter(self._generations)))
            return json_response({"id": identifier})

        return respond(exchange, plan, ("submit",), refusals(exchange), start)

    def _result(self, exchange: Exchange, identifier: str) -> Response:
        exchange.call.kind = "poll"
        generation = self._generations.get(identifier)
        if generation is None or generation.key != bearer_key(exchange):
            return _error(404, "generation_not_found", f"id: generation {identifier} not found")

        def work() -> Response:
            with self.lock:
                if generation.polls_left > 0 or time.monotonic() < generation.ready_at:
                    generation.polls_left -= 1
                    return json_response({"id": identifier, "status": "in-progress"}, 202)
                generation.finished = generation.finished or generation.finish()
            return _image_response(exchange, generation.finished)

        plan = generation.plan.later(exchange.aimed)
        return respond(exchange, plan, ("poll",), refusals(exchange), work, scope=identifier)


def _unreadable(exchange: Exchange, operation: Operation) -> Response | None:
    """Refuse for size, encoding or the Accept header, before any field is read."""
    request = exchange.request
    if len(request.get_data(cache=True, parse_form_data=False)) > MAX_REQUEST_BYTES:
        return _error(413, "payload_too_large", "body: payload cannot be larger than 10MiB in size")
    if request.mimetype != "multipart/form-data":
        return _error(400, "bad_request", "content-type: must be multipart/form-data")
    accept = request.headers.get("Accept", "*/*")
    if not operation.asynchronous and accept not in {"*/*", "image/*", "application/json"}:
        return _error(400, "bad_request", "accept: must be image/* or application/json")
    return None


def _finish(operation: Operation, form: Form, seed: int) -> Finished:
    file_type = form.text("output_format") or "png"
    return Finished(encode(PERFORM[operation.path](form, seed), file_type), file_type, seed)


def _blurred(finish: Finish) -> Finished:
    finished = finish()
    image = decode(finished.data).filter(ImageFilter.GaussianBlur(24))
    return replace(finished, data=encode(image, finished.file_type), finish_reason="CONTENT_FILTERED")


def _emptied(finish: Finish) -> Finished:
    return replace(finish(), data=b"")


#: How a fault spoils the result of an async operation.
_SPOILED = {"filtered": _blurred, "empty": _emptied}


def _image_response(exchange: Exchange, finished: Finished) -> Response:
    mime, headers = f"image/{finished.file_type}", exchange.request.headers
    if headers.get("Accept") == "application/json":
        body = {"image": to_base64(finished.data), "seed": finished.seed, "finish_reason": finished.finish_reason}
        response = json_response(body)
        response.headers["Content-Type"] = f"application/json; type={mime}"
        return response
    own = {
        "x-request-id": headers.get("x-request-id", uuid.uuid4().hex),
        "finish-reason": finished.finish_reason,
        "seed": str(finished.seed),
    }
    return Response(finished.data, 200, headers=own, content_type=mime)


def _error(status: int, name: str, *sentences: str) -> Response:
    return json_response({"id": uuid.uuid4().hex, "name": name, "errors": list(sentences)}, status)


def _unauthorized(path: str) -> Response:
    """Refuse a key: v1 says so in `message`, v2beta in `errors`."""
    if path.startswith("/v1/"):
        body = {"id": uuid.uuid4().hex, "name": "unauthorized", "message": "Incorrect API key provided: sk-***"}
        return json_response(body, 401)
    return _error(401, "unauthorized", "authorization: invalid or missing header value")


def refusals(exchange: Exchange) -> Refusals:
    """Return the provider's own refusals, by the name of the fault."""

    def say(status: int, name: str, sentence: str) -> Callable[[Marker], Response]:
        return lambda _marker: _error(status, name, sentence)

    def busy(marker: Marker) -> Response:
        response = _error(429, "rate_limit_exceeded", "You have exceeded the rate limit of 150 requests in 10 seconds")
        if marker.fault == "429":
            response.headers["Retry-After"] = f"{marker.number('after', 1):g}"
        return response

    moderated = say(403, "content_moderation", "Your request was flagged by our content moderation system")
    no_credit = say(402, "payment_required", "You lack sufficient credits to make this request")
    return {
        "401": lambda _marker: _unauthorized(exchange.path),
        "402": no_credit,
        "nocredit": no_credit,
        "moderated": moderated,
        "403": moderated,
        "413": say(413, "payload_too_large", "body: payload cannot be larger than 10MiB in size"),
        "422": say(422, "public_figure", "prompt: likenesses of public figures are not allowed"),
        "language": say(422, "invalid_language", "prompt: English is the only supported language"),
        "429": busy,
        "429now": busy,
        "500": say(500, "internal_error", "An internal error occurred"),
        "503": say(503, "service_unavailable", "The service is temporarily unavailable"),
        "retired": say(404, "not_found", "The requested path does not exist"),
        "notfound": say(404, "generation_not_found", "id: generation not found"),
    }


# What each operation does to pixels.


def _prompt(form: Form, seed: int) -> Prompt:
    return Prompt(form.text("prompt"), seed, form.text("style_preset"), form.text("negative_prompt"))


def generate(sizes: dict[str, Size], form: Form, seed: int) -> Image.Image:
    image = form.images.get("image")
    if image is None:
        return painter.paint(_prompt(form, seed), sizes[form.text("aspect_ratio") or "1:1"])
    return Image.blend(flatten(image), painter.paint(_prompt(form, seed), image.size), form.number("strength"))


def _mask(form: Form) -> Image.Image:
    return painter.mask_for(form.images["image"], form.images.get("mask"), int(form.number("grow_mask")))


def _region(form: Form, words: str) -> Image.Image:
    return painter.grow(painter.region_for(form.images["image"], form.text(words)), int(form.number("grow_mask")))


def _outpaint(form: Form, seed: int) -> Image.Image:
    left, right, up, down = (int(form.number(side)) for side in SIDES)
    return painter.outpaint(form.images["image"], (left, right, up, down), seed)


def _relight(form: Form, seed: int) -> Image.Image:
    image = flatten(form.images["subject_image"])
    if form.text("keep_original_background") != "true":
        background = form.images.get("background_reference")
        prompt = Prompt(form.text("background_prompt"), seed)
        image = painter.replace_background(image, background or painter.paint_background(prompt, image.size))
    direction, like = form.text("light_source_direction"), form.images.get("light_reference")
    return painter.relight(image, direction, form.number("light_source_strength"), like) if direction or like else image


def upscale(form: Form, pixels: int, creativity: float = 0.0) -> Image.Image:
    image = form.images["image"]
    return painter.upscale(image, painter.size_of_area(image, pixels), creativity)


def _upscale_fast(form: Form, _seed: int) -> Image.Image:
    image = form.images["image"]
    return painter.upscale(image, (image.width * 4, image.height * 4))


def _style(form: Form, seed: int) -> Image.Image:
    size = SIZES[form.text("aspect_ratio")]
    return painter.paint_in_style(_prompt(form, seed), size, form.images["image"], form.number("fidelity"))


def _transfer_style(form: Form, _seed: int) -> Image.Image:
    image = form.images["init_image"]
    image = image.resize(painter.size_of_area(image, ONE_MP), Image.Resampling.LANCZOS)
    strength = form.number("style_strength") * form.number("change_strength")
    return painter.transfer_style(image, form.images["style_image"], strength, form.number("composition_fidelity"))


PERFORM: dict[str, Callable[[Form, int], Image.Image]] = {
    "generate/ultra": partial(generate, SIZES),
    "generate/sd3": partial(generate, SIZES),
    "generate/core": partial(generate, CORE_SIZES),
    "edit/erase": lambda form, seed: painter.erase(form.images["image"], _mask(form), seed),
    "edit/inpaint": lambda form, seed: painter.inpaint(form.images["image"], _mask(form), _prompt(form, seed)),
    "edit/outpaint": _outpaint,
    "edit/search-and-replace": lambda form, seed: painter.inpaint(
        form.images["image"], _region(form, "search_prompt"), _prompt(form, seed)
    ),
    "edit/search-and-recolor": lambda form, _seed: painter.recolor(
        form.images["image"], _region(form, "select_prompt"), form.text("prompt")
    ),
    "edit/remove-background": lambda form, _seed: painter.remove_background(form.images["image"]),
    "edit/replace-background-and-relight": _relight,
    "upscale/fast": _upscale_fast,
    "upscale/conservative": lambda form, _seed: upscale(form, FOUR_MP),
    "upscale/creative": lambda form, _seed: upscale(form, CREATIVE_PIXELS, form.number("creativity")),
    "control/sketch": lambda form, seed: painter.color_sketch(
        form.images["image"], _prompt(form, seed), form.number("control_strength")
    ),
    "control/structure": lambda form, seed: painter.keep_structure(
        form.images["image"], _prompt(form, seed), form.number("control_strength")
    ),
    "control/style": _style,
    "control/style-transfer": _transfer_style,
}
