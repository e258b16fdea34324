"""The routes that both the template and a function declare, in the template's order."""

import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from image_studio.runtime.resolver import ApiResolver, DeclaredRoute
from image_studio.runtime.settings import PREFIX
from local.template import Template


def declared_routes() -> Iterator[tuple[str, DeclaredRoute]]:
    """`GET /jobs/{id}` and the function's declaration of it; a route that no function answers is printed to stderr."""
    template = Template(parameters={"JwtIssuer": "https://issuer.example", "JwtAudience": "studio"})
    folders = {
        each.name: template.path.parent / each.properties["CodeUri"]
        for each in template.resources("AWS::Serverless::Function")
    }
    for route in template.routes():
        if not route.path.startswith("/api/") or route.method == "HEAD":  # HEAD goes with GET
            continue
        own = {_same(each.method, each.path): each for each in api_of(folders[route.function]).routes}
        found = own.get(_same(route.method, route.path))
        if found is None:
            print(f"{route.key}: declared in the template, answered by no function", file=sys.stderr)
        else:
            yield f"{route.method} {route.path.removeprefix(PREFIX)}", found


@cache
def api_of(folder: Path) -> ApiResolver:
    """The routes of a function's app.py."""
    spec = importlib.util.spec_from_file_location(f"routes_of_{folder.name}", folder / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} has no app.py")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: ApiResolver = module.app
    return app


def _same(method: str, path: str) -> tuple[str, ...]:
    """A route apart from what its variables are called: the template says {id}, a function <job_id>."""
    return method, *("*" if part[:1] in ("{", "<") else part for part in path.split("/"))
