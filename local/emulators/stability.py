"""Stability AI: REST v2beta (multipart, sync and async operations) and the v1 balance.

Answers in the real order: key 401, size 413, fields 400, moderation 403, policy 422, credit 402. Charges for
successes only.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from PIL import ImageFilter
from werkzeug.wrappers import Response

from local.emulators.encoding import decode, encode, to_text
from local.emulators.faults import Marker, Plan
from local.emulators.provider import Provider, bearer_key, random_seed
from local.emulators.stability_contract import LARGEST_REQUEST_BYTES, OPERATIONS, Operation
from local.emulators.stability_fields import Form, read_form
from local.emulators.stability_replies import error, refusals, unauthorized
from local.emulators.stability_studio import perform
from local.emulators.wire import Visit, json_reply, play

V2 = "/v2beta/stable-image/"
RESULTS = "/v2beta/results/"
LEGACY_RESULTS = "/v2beta/stable-image/upscale/creative/result/"
BALANCE = "/v1/user/balance"
MOST_GENERATIONS = 200
FILTERED = "CONTENT_FILTERED"


@dataclass
class Generation:
    """An async generation: whose it is, when it is ready, and the image once painted."""

    key: str
    plan: Plan
    ready_at: float
    polls_left: int
    finish: Callable[[], "Painted"]
    painted: "Painted | None" = None


@dataclass(frozen=True)
class Painted:
    """A finished image and how it ended."""

    data: bytes
    file_type: str
    seed: int
    finish_reason: str = "SUCCESS"


class Stability(Provider):
    """api.stability.ai, as far as Image Studio speaks to it."""

    name = "stability"
    first_balance = 1000.0

    def __init__(self, key: str | None = None) -> None:
        super().__init__(key)
        self._generations: dict[str, Generation] = {}

    def reset(self) -> None:
        """Forget all state."""
        super().reset()
        self._generations.clear()

    def answer(self, visit: Visit) -> Response:
        """Check the key, then route; an unknown path without a good key answers 401 too."""
        path, method = visit.path, visit.request.method
        if not self.knows(bearer_key(visit)):
            return unauthorized(path)
        if method == "GET" and path == BALANCE:
            return play(visit, self.plan(visit), ("read",), refusals(visit), self._balance)
        for prefix in (RESULTS, LEGACY_RESULTS):
            if method == "GET" and path.startswith(prefix):
                return self._result(visit, path.removeprefix(prefix))
        operation = OPERATIONS.get(path.removeprefix(V2)) if path.startswith(V2) else None
        if method == "POST" and operation:
            return self._operate(visit, operation)
        return error(404, "not_found", "The requested path does not exist")

    def _balance(self) -> Response:
        return json_reply({"credits": round(self.balance, 4)})

    def _operate(self, visit: Visit, operation: Operation) -> Response:
        visit.call.kind, visit.call.operation = "generate", operation.path
        refused = _unreadable(visit, operation)
        if refused:
            return refused
        form = read_form(visit, operation)
        if form.errors:
            return error(400, "bad_request", *form.errors)
        seed = int(form.number("seed")) or random_seed()
        asked = int(form.number("seed")) if "seed" in visit.call.fields else None
        plan = self.plan(visit, *(v for v in visit.call.fields.values() if isinstance(v, str)), seed=asked)
        price = operation.prices.get(form.text("model"), operation.credits)
        if self.balance < price:
            return refusals(visit)["402"](Marker({}))
        finish = partial(_finish, operation, form, seed)
        if operation.asynchronous:
            return self._submit(visit, plan, price, finish)
        work = partial(self._finish_now, visit, price, finish)
        filtered = {"filtered": partial(self._filtered, visit, finish)}
        with self.recorder.in_flight():
            return play(visit, plan, ("submit", "work"), {**refusals(visit), **filtered}, work)

    def _finish_now(self, visit: Visit, price: float, finish: Callable[[], Painted]) -> Response:
        painted = finish()
        self.take(visit, price)
        return _image_reply(visit, painted)

    def _filtered(self, visit: Visit, finish: Callable[[], Painted], _marker: Marker) -> Response:
        self.take(visit, 0, charged=False)
        return _image_reply(visit, _blurred(finish))

    def _submit(self, visit: Visit, plan: Plan, price: float, finish: Callable[[], Painted]) -> Response:
        """Take an async operation on, unless its work would be refused."""
        seconds, ending = plan.strike("work")
        refused = refusals(visit).get(ending.fault) if ending else None
        if ending and refused:
            return refused(ending)
        if ending:
            finish = partial(SPOILED.get(ending.fault, _blurred), finish)
        start = partial(self._start, visit, plan, price, seconds, finish)
        return play(visit, plan, ("submit",), refusals(visit), start)

    def _start(self, visit: Visit, plan: Plan, price: float, seconds: float, finish: Callable[[], Painted]) -> Response:
        self.take(visit, price)
        identifier = uuid.uuid4().hex * 2
        with self.lock:
            self._generations[identifier] = Generation(
                bearer_key(visit), plan.at(()), time.monotonic() + seconds, plan.polls or 0, finish
            )
            while len(self._generations) > MOST_GENERATIONS:
                self._generations.pop(next(iter(self._generations)))
        return json_reply({"id": identifier})

    def _result(self, visit: Visit, identifier: str) -> Response:
        visit.call.kind = "poll"
        generation = self._generations.get(identifier)
        if generation is None or generation.key != bearer_key(visit):
            return error(404, "generation_not_found", f"id: generation {identifier} not found")
        plan = generation.plan.at(visit.aimed)
        work = partial(self._progress, visit, identifier, generation)
        return play(visit, plan, ("poll",), refusals(visit), work, scope=identifier)

    def _progress(self, visit: Visit, identifier: str, generation: Generation) -> Response:
        with self.lock:
            if generation.polls_left > 0 or time.monotonic() < generation.ready_at:
                generation.polls_left -= 1
                return json_reply({"id": identifier, "status": "in-progress"}, 202)
            if generation.painted is None:
                generation.painted = generation.finish()
        return _image_reply(visit, generation.painted)


def _unreadable(visit: Visit, operation: Operation) -> Response | None:
    """What is wrong before any field is read: size, encoding, the Accept header."""
    request = visit.request
    if len(request.get_data(cache=True, parse_form_data=False)) > LARGEST_REQUEST_BYTES:
        return error(413, "payload_too_large", "body: payload cannot be larger than 10MiB in size")
    if request.mimetype != "multipart/form-data":
        return error(400, "bad_request", "content-type: must be multipart/form-data")
    accept = request.headers.get("Accept", "*/*")
    if not operation.asynchronous and accept not in {"*/*", "image/*", "application/json"}:
        return error(400, "bad_request", "accept: must be image/* or application/json")
    return None


def _finish(operation: Operation, form: Form, seed: int) -> Painted:
    file_type = form.text("output_format") or "png"
    return Painted(encode(perform(operation.path, form, seed), file_type), file_type, seed)


def _blurred(finish: Callable[[], Painted]) -> Painted:
    painted = finish()
    image = decode(painted.data).filter(ImageFilter.GaussianBlur(24))
    return Painted(encode(image, painted.file_type), painted.file_type, painted.seed, FILTERED)


def _emptied(finish: Callable[[], Painted]) -> Painted:
    return replace(finish(), data=b"")


#: How the result of an async operation is spoiled, by the name of the fault.
SPOILED = {"filtered": _blurred, "empty": _emptied}


def _image_reply(visit: Visit, painted: Painted) -> Response:
    mime = f"image/{painted.file_type}"
    if visit.request.headers.get("Accept") == "application/json":
        body = {"image": to_text(painted.data), "seed": painted.seed, "finish_reason": painted.finish_reason}
        reply = json_reply(body)
        reply.headers["Content-Type"] = f"application/json; type={mime}"
        return reply
    headers = {
        "x-request-id": visit.request.headers.get("x-request-id", uuid.uuid4().hex),
        "finish-reason": painted.finish_reason,
        "seed": str(painted.seed),
    }
    return Response(painted.data, 200, headers=headers, content_type=mime)
