"""The OpenAPI document and the page that shows it, as `make openapi` wrote them."""

import html
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from image_studio.runtime.api import Call, Response, cached

DOCUMENT = Path(__file__).with_name("openapi.json")
PAGE = Path(__file__).with_name("docs.html")
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return loaded


def documented_paths() -> dict[str, list[str]]:
    """Return path -> methods of everything that the API offers. The document leaves HEAD out, which goes with GET."""
    return {
        path: [method.upper() for method in operations if method != "parameters"] + ["HEAD"] * ("get" in operations)
        for path, operations in document()["paths"].items()
    }


def get_document(call: Call) -> Response:
    return cached(call, document())


def get_page(call: Call) -> Response:
    """Answer GET /docs with a page that may load nothing but its own style."""
    page = PAGE.read_text()
    response = cached(call, page, kind="text/html; charset=utf-8")
    found = _POLICY.search(page)
    policy = html.unescape(found[1]) if found else "default-src 'none'"
    # Only a header can forbid frames.
    response.headers["content-security-policy"] = f"{policy}; frame-ancestors 'none'"
    return response
