"""OPERATIONS: every operation by name, the one table that the HTTP routes, the worker and the S3 trigger use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from image_studio.errors import UnknownChoice
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
        name="create",
        request=CreateRequest,
        response=CreateResponse,
        run=create.run,
        estimate=create.estimate,
        failure="Image generation failed",
        variations=lambda request: request.num_variations,
    ),
    Operation(
        name="edit",
        request=EditRequest,
        response=EditResponse,
        run=edit.run,
        estimate=edit.estimate,
        failure="Image editing failed",
    ),
    Operation(
        name="upscale",
        request=UpscaleRequest,
        response=UpscaleResponse,
        run=upscale.run,
        estimate=upscale.estimate,
        failure="Upscaling failed",
    ),
    Operation(
        name="control",
        request=ControlRequest,
        response=ControlResponse,
        run=control.run,
        estimate=control.estimate,
        failure="Image control failed",
    ),
    Operation(
        name="social",
        request=SocialRequest,
        response=SocialResponse,
        run=social.run,
        estimate=social.estimate,
        failure="Social optimization failed",
        variations=lambda request: len(list(social.chosen_targets(request))),
    ),
)
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}


def find_operation(name: str) -> Operation:
    """Return the operation. Raises UnknownChoice, naming those that exist."""
    if name not in OPERATIONS:
        raise UnknownChoice.of("operation", name, tuple(OPERATIONS))
    return OPERATIONS[name]
