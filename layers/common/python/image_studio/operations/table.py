"""OPERATIONS: every operation by name, the one table that the HTTP routes, the worker and the S3 trigger use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import JobFailed, StudioError, UnknownChoice
from image_studio.operations import control, create, edit, social, upscale
from image_studio.schemas.common import Request
from image_studio.schemas.create import CreateRequest, CreateResponse
from image_studio.schemas.single_image import (
    ControlRequest,
    ControlResponse,
    EditRequest,
    EditResponse,
    UpscaleRequest,
    UpscaleResponse,
)
from image_studio.schemas.social import SocialRequest, SocialResponse


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `run` and `estimate` take (request, context).

    `estimate` returns the credits to reserve. It runs before anything is paid, and raises what makes the request
    invalid.
    """

    name: str
    request: type[Request]
    response: Any  # the pydantic class of the response
    run: Callable[[Any, Any], Any]
    estimate: Callable[[Any, Any], int]
    failure: str  # the first words of a 500's sentence
    variations: Callable[[Any], int] = lambda _: 1


_OPERATIONS = (
    Operation(
        "create",
        CreateRequest,
        CreateResponse,
        create.run,
        create.estimate,
        "Image generation failed",
        variations=lambda request: request.num_variations,
    ),
    Operation("edit", EditRequest, EditResponse, edit.run, edit.estimate, "Image editing failed"),
    Operation("upscale", UpscaleRequest, UpscaleResponse, upscale.run, upscale.estimate, "Upscaling failed"),
    Operation("control", ControlRequest, ControlResponse, control.run, control.estimate, "Image control failed"),
    Operation(
        "social",
        SocialRequest,
        SocialResponse,
        social.run,
        social.estimate,
        "Social optimization failed",
        variations=lambda request: len(list(social.chosen_targets(request))),
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}


def find_operation(name: str) -> Operation:
    if name not in OPERATIONS:
        raise UnknownChoice.of("operation", name, tuple(OPERATIONS))
    return OPERATIONS[name]


def error_payload(error: StudioError, operation: Operation) -> dict[str, Any]:
    """Return the error as callers read it: {status, code, detail}. A 500 starts with the operation's own words."""
    prefix = "" if error.status < 500 or error.detail.startswith(operation.failure) else f"{operation.failure}: "
    return {"status": error.status, "code": error.code, "detail": prefix + error.detail}


def with_operation_prefix(error: StudioError, operation: Operation) -> StudioError:
    """Return an error that happened outside a job as a job would record it."""
    return error if error.status < 500 else JobFailed(**error_payload(error, operation))
