"""The envelope: what a handler does beside its work, for an image of 5 MB each way: read, check, validate, answer.

An echo behind powertools with validation, behind powertools without it, behind our resolver (caller, limits, body
checks, log line, headers), and pydantic with nothing around it; in processor time, which a busy machine doesn't
stretch. All run with the allocator's settings of template.yaml. The runtime client's own JSON is in none of them.
"""

import contextlib
import io
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel, Field

from image_studio.runtime.api import Response, ignored_header, respond
from image_studio.runtime.jobs_api import insert_images
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.resolver import ApiResolver
from image_studio.schemas.common import ImageText, Prompt, Request
from local.intrinsics import read_yaml
from local.template import TEMPLATE

PATH = "/api/image-studio/echo"
MEGABYTES = (1, 5)
JUDGED = 5  # of those
ROUNDS = int(os.environ.get("ROUNDS", "12"))
IN_A_ROW = 6
OVER_DEFAULT, OVER_PYDANTIC = 8.0, 1.25  # at least so much faster than powertools, at most so much slower than pydantic

MARK = "0123456789abcdef0123456789abcdef"

Answering = Callable[[dict[str, Any]], Any]


class Plain(BaseModel):
    """The request as one writes it first."""

    prompt: str = Field(max_length=10_000)
    image_base64: str = Field(min_length=1)


class Echo(Request):
    """The same on our base."""

    prompt: Prompt
    image_base64: ImageText


def echoed(request: Plain) -> str:
    """The answer, put together by hand: base64 needs no escaping."""
    return f'{{"prompt":{json.dumps(request.prompt)},"image_base64":"{request.image_base64}"}}'


def powertools() -> Answering:
    """Its resolver with validation and nothing else set."""
    app = APIGatewayHttpResolver(enable_validation=True)

    @app.post(PATH)
    def echo(request: Plain) -> Plain:
        return request

    return lambda event: app.resolve(event, None)  # type: ignore[arg-type]  # it looks at no context


def without_validation() -> Answering:
    """The same resolver with validation off and the body validated once, in the route."""
    app = APIGatewayHttpResolver()

    @app.post(PATH)
    def echo() -> Response:
        request = Plain.model_validate_json(app.current_event.body or "")
        return Response(200, "application/json", echoed(request))

    return lambda event: app.resolve(event, None)  # type: ignore[arg-type]  # it looks at no context


def ours() -> Answering:
    """Our resolver with all that a free POST passes."""
    app = ApiResolver()

    @app.post("/echo", counts_as=RateClass.READ)
    def echo() -> Response:
        call = app.call
        request, ignored = parse_request(Echo, call.text())
        call.headers.update(ignored_header(ignored))
        image, request.image_base64 = request.image_base64, MARK
        return respond(200, insert_images(request.model_dump_json(), {MARK: image}))

    return lambda event: app.handler(event, None)


def alone() -> Answering:
    """Pydantic reads the body; the answer is put together by hand."""

    def echo(event: dict[str, Any]) -> dict[str, Any]:
        request = Plain.model_validate_json(event["body"])
        return {"statusCode": 200, "body": echoed(request)}

    return echo


def event(megabytes: float, turn: int) -> dict[str, Any]:
    """A POST of that many bytes; each of another caller, as limits would have it."""
    image = "iVBORw0KGgo" * int(megabytes * 1_000_000 / 11)
    claims = {"sub": f"bench {turn}", "tier": "enterprise"}
    return {
        "version": "2.0",
        "routeKey": f"POST {PATH}",
        "rawPath": PATH,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "requestId": "bench",
            "stage": "$default",
            "http": {"method": "POST", "path": PATH, "sourceIp": "127.0.0.1"},
            "authorizer": {"jwt": {"claims": claims, "scopes": None}},
        },
        "body": json.dumps({"prompt": "A boat", "image_base64": image}),
        "isBase64Encoded": False,
    }


def measure(megabytes: float) -> dict[str, float]:
    """Medians (ms of processor time) by side, in turns."""
    sides = {
        "powertools": powertools(),
        "without validation": without_validation(),
        "ours": ours(),
        "pydantic": alone(),
    }
    samples: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(ROUNDS):
        asked = event(megabytes, turn)
        for side, answering in sides.items():
            for again in range(IN_A_ROW):
                started = time.process_time()
                answer = answering(asked)
                taken = (time.process_time() - started) * 1000
                assert answer["statusCode"] == 200, str(answer)[:300]
                del answer
                if turn and again:  # the first finds the caches full of another's code
                    samples[side].append(taken)
    return {side: statistics.median(each) for side, each in samples.items()}


def as_deployed() -> None:
    """Start again with the allocator's variables of template.yaml; it reads them when a process starts."""
    declared = read_yaml(TEMPLATE)["Globals"]["Function"]["Environment"]["Variables"]
    wanted = {name: str(value) for name, value in declared.items() if name.startswith("MALLOC_")}
    wanted |= {"AWS_LAMBDA_FUNCTION_NAME": "bench", "POWERTOOLS_TRACE_DISABLED": "true"}
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})  # noqa: S606  # itself


def main() -> int:
    """Measure; 0 when both targets were reached."""
    as_deployed()
    reached = True
    for megabytes in MEGABYTES:
        log = io.StringIO()
        with contextlib.redirect_stderr(log), contextlib.redirect_stdout(log):
            for handler in logging.getLogger("image_studio").handlers:
                handler.setStream(log)  # type: ignore[attr-defined]  # ours writes to a stream; lines are written, not shown
            medians = measure(megabytes)
        faster, slower = medians["powertools"] / medians["ours"], medians["ours"] / medians["pydantic"]
        row = "  ".join(f"{side} {value:6.2f} ms" for side, value in medians.items())
        verdict = ""
        if megabytes == JUDGED:
            reached = faster >= OVER_DEFAULT and slower <= OVER_PYDANTIC
            verdict = f"  targets {OVER_DEFAULT}x, {OVER_PYDANTIC}x: {'reached' if reached else 'MISSED'}"
        print(f"{megabytes} MB  {row}  {faster:.1f}x faster than powertools, {slower:.2f}x pydantic alone{verdict}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
