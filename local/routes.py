"""Route matching as an HTTP API does it: exact paths, then path variables, then greedy ones, then $default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.template import DEFAULT_ROUTE, Route

_EXACT, _VARIABLE, _GREEDY = range(3)


@dataclass(frozen=True)
class Match:
    """The route that was chosen, and its path variables."""

    route: Route
    variables: Mapping[str, str] = field(default_factory=dict)


class RouteTable:
    """All routes of an API; `match` chooses one."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._default = next((each for each in routes if each.path == DEFAULT_ROUTE), None)
        named = (each for each in routes if each.path != DEFAULT_ROUTE)
        self._ordered = sorted(((_parts(each.path), each) for each in named), key=_rank)

    def match(self, method: str, path: str) -> Match | None:
        """The most specific route for a method and a decoded path, or None where not even $default is there."""
        asked = path.removeprefix("/").split("/")  # a trailing slash makes a path of its own
        for parts, route in self._ordered:
            if route.method in (method, "ANY"):
                variables = _fits(parts, asked)
                if variables is not None:
                    return Match(route, variables)
        return Match(self._default) if self._default else None


def _parts(path: str) -> list[tuple[int, str]]:
    return [_part(segment) for segment in path.removeprefix("/").split("/")]


def _part(segment: str) -> tuple[int, str]:
    if segment.startswith("{") and segment.endswith("+}"):
        return _GREEDY, segment[1:-2]
    if segment.startswith("{") and segment.endswith("}"):
        return _VARIABLE, segment[1:-1]
    return _EXACT, segment


def _rank(entry: tuple[list[tuple[int, str]], Route]) -> tuple[bool, list[int], bool]:
    kinds = [kind for kind, _ in entry[0]]
    return _GREEDY in kinds, kinds, entry[1].method == "ANY"


def _fits(parts: list[tuple[int, str]], asked: list[str]) -> dict[str, str] | None:
    variables: dict[str, str] = {}
    for index, (kind, name) in enumerate(parts):
        if kind == _GREEDY:
            rest = "/".join(asked[index:])
            return {**variables, name: rest} if rest else None
        if index >= len(asked):
            return None
        if kind == _VARIABLE and asked[index]:
            variables[name] = asked[index]
        elif kind == _VARIABLE or asked[index] != name:
            return None
    return variables if len(parts) == len(asked) else None
