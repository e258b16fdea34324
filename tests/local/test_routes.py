"""Which route a request meets."""

import pytest

from local.routes import RouteTable
from local.template import Route

DOG, PETS = ("GET /pets/dog/1", "GET /pets/dog/{id}"), ("GET /pets/{proxy+}", "GET /pets", "ANY /pets")
KEYS = (*DOG, *PETS, "ANY /{proxy+}", "$default")


def _table(*keys: str) -> RouteTable:
    pairs = ((key.split(" ") if " " in key else ("ANY", key)) for key in keys)
    return RouteTable([Route(method, path, "F") for method, path in pairs])


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("GET", "/pets", "GET /pets"),
        ("POST", "/pets", "ANY /pets"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
        ("GET", "/pets/", "ANY /{proxy+}"),
    ],
)
def test_most_specific_route_wins(method: str, path: str, key: str) -> None:
    """The routes are the documentation's example; other methods have other routes."""
    match = _table(*KEYS).match(method, path)
    assert match is not None
    assert match.route.key == key


def test_variables_are_taken_from_the_path() -> None:
    """A variable takes one segment, a greedy one the rest; neither takes nothing."""
    table = _table("GET /a/{x}/b/{y}", "GET /f/{rest+}")
    first, second = table.match("GET", "/a/1/b/2"), table.match("GET", "/f/1/2/3")
    assert first is not None
    assert second is not None
    assert dict(first.variables) == {"x": "1", "y": "2"}
    assert dict(second.variables) == {"rest": "1/2/3"}
    assert [table.match("GET", path) for path in ("/a//b/2", "/f/", "/f")] == [None] * 3


def test_nothing_fits_without_a_default() -> None:
    """Another method, case, slash or length does not match."""
    table = _table("GET /a", "GET /a/{x}/c")
    assert [table.match(method, "/a") for method in ("POST", "HEAD")] == [None] * 2
    assert [table.match("GET", path) for path in ("/a/", "/A", "//a", "/a/b", "/")] == [None] * 5
