"""OPERATIONS: every operation by name, the one table that the HTTP route, the worker and the S3 trigger look at.

A row is imported when it is asked for, so that a catalog read doesn't pay for what it doesn't use.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from image_studio.errors import UnknownChoice

if TYPE_CHECKING:
    from image_studio.operations.operation import Operation

#: Operation -> the module whose OPERATION is its row.
OPERATIONS: Mapping[str, str] = {
    "create": "image_studio.operations.create",
    "edit": "image_studio.operations.edit",
    "upscale": "image_studio.operations.upscale",
    "control": "image_studio.operations.control",
    "social": "image_studio.operations.social",
}


def find_operation(name: str) -> "Operation":
    """The operation's row. Raises UnknownChoice, naming those that exist."""
    if name not in OPERATIONS:
        raise UnknownChoice.of("operation", name, tuple(OPERATIONS))
    row: Operation = import_module(OPERATIONS[name]).OPERATION
    return row
