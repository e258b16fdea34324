"""DynamoDB's attribute format, for the few types that our records use: text, whole numbers, flags, maps of text."""

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def pack(values: Mapping[str, Any]) -> Item:
    """Plain values as DynamoDB attributes; None is left out."""
    return {name: _pack(value) for name, value in values.items() if value is not None}


def _pack(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, Mapping):
        return {"M": pack(value)}
    if isinstance(value, list):
        return {"L": [_pack(member) for member in value]}
    raise TypeError(f"records hold text, whole numbers, flags, maps and lists, not {type(value).__name__}")


def unpack(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB attributes as plain values."""
    return {name: _unpack(value) for name, value in item.items()}


def _unpack(value: Mapping[str, Any]) -> Any:
    (kind, held), *_ = value.items()
    if kind == "N":
        return int(held)
    if kind == "M":
        return unpack(held)
    if kind == "L":
        return [_unpack(member) for member in held]
    return held
