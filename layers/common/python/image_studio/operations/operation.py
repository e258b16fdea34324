"""What the three doors (HTTP route, job worker, S3 trigger) know of an operation: one row of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from image_studio.schemas.common import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `run` and `estimate` take (request, studio); `failure` opens the sentence of a 500.

    `estimate` gives the credits to reserve and, being run before anything is paid, raises whatever makes the
    request invalid.
    """

    name: str
    request: type[Request]
    answer: Any  # the pydantic class of its answer
    run: Callable[[Any, Any], Any]
    estimate: Callable[[Any, Any], int]
    failure: str
    variations: Callable[[Any], int] = lambda _: 1
