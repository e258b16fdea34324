"""The OpenAPI document that the build generates, and what is read from it."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).with_name("openapi.json")


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The document, as committed."""
    loaded: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return loaded


def documented_paths() -> dict[str, list[str]]:
    """Path -> methods of everything that the API offers."""
    return {
        path: [method.upper() for method in operations if method != "parameters"]
        for path, operations in document()["paths"].items()
    }
