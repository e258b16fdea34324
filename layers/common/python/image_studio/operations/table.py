"""OPERATIONS: every operation by name, the one table that the HTTP routes, the worker and the S3 trigger use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import JobFailed, StudioError
from image_studio.operations import control, create, edit, social, upscale
from image_studio.operations.listings import full_name
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
    unread: Callable[[Any], list[str]] = lambda _: []  # fields without effect, as far as the request alone says
    part: str | None = None  # the request's field with the second part of names such as `edit.inpaint`

    def full_name(self, request: Any) -> str:
        """Return the name with what the request is to do, as in `edit.inpaint`; `upscale` where its mode is open."""
        return full_name(self.name, getattr(request, self.part)) if self.part else self.name


_OPERATIONS = (
    Operation(
        "create",
        CreateRequest,
        CreateResponse,
        create.run,
        create.estimate,
        "Image generation failed",
        variations=lambda request: request.num_variations,
        unread=create.unread_fields,
    ),
    Operation("edit", EditRequest, EditResponse, edit.run, edit.estimate, "Image editing failed", part="operation"),
    Operation(
        "upscale", UpscaleRequest, UpscaleResponse, upscale.run, upscale.estimate, "Upscaling failed", part="mode"
    ),
    Operation(
        "control",
        ControlRequest,
        ControlResponse,
        control.run,
        control.estimate,
        "Image control failed",
        part="operation",
    ),
    Operation(
        "social",
        SocialRequest,
        SocialResponse,
        social.run,
        social.estimate,
        "Social optimization failed",
        variations=lambda request: len(list(social.chosen_targets(request))),
        unread=social.unread_fields,
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}


def find_operation(name: str) -> Operation:
    """Return the operation of a name such as `edit` or `edit.inpaint`. Raises UnknownChoice."""
    group = name.strip().lower().partition(".")[0]
    if group not in OPERATIONS:
        group = full_name(name).partition(".")[0]
    return OPERATIONS[group]


def with_part(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's fields with what its operation's name states beyond the group. Raises InvalidRequest."""
    operation = find_operation(name)
    if operation.part is None or name.strip().lower() == operation.name:
        return dict(fields)
    part = fields.get(operation.part)
    full = full_name(name, part if isinstance(part, str) else None)
    return {**fields, operation.part: full.partition(".")[2] or part}


def error_payload(error: StudioError, operation: Operation) -> dict[str, Any]:
    """Return the error as callers read it: {status, code, detail}. A 500 starts with the operation's own words."""
    prefix = "" if error.status < 500 or error.detail.startswith(operation.failure) else f"{operation.failure}: "
    return {"status": error.status, "code": error.code, "detail": prefix + error.detail}


def with_operation_prefix(error: StudioError, operation: Operation) -> StudioError:
    """Return an error that happened outside a job as a job would record it."""
    return error if error.status < 500 else JobFailed(**error_payload(error, operation))
