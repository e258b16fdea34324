"""The playground's files as the local gateway serves them."""

import gzip
import json
from pathlib import Path

import pytest

from local.payload import HttpRequest, HttpResponse
from local.static import SESSION, WEB, Site, content_policy, kind_of


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A small page, with a secret beside it and a hidden file in it."""
    root = tmp_path / "web"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>" + "x" * 2000)
    (root / "js" / "main.js").write_text("export {};")
    (root / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("no")
    return Site(lambda sub, tier: f"token of {sub}, {tier}", "http://127.0.0.1:9", root)


def asked(path: str, method: str = "GET", query: str = "", **headers: str) -> HttpRequest:
    return HttpRequest(method, path, query, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def found(site: Site, request: HttpRequest) -> HttpResponse:
    answer = site(request)
    assert answer
    return answer


def test_files_have_their_type_and_the_policy(site: Site) -> None:
    """A module has its media type, and every file has the security headers."""
    answer = found(site, asked("/js/main.js"))
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, b"export {};")
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["content-security-policy"] == content_policy("http://127.0.0.1:9")
    assert headers["x-content-type-options"] == "nosniff"


def test_the_root_is_the_page_and_is_compressed(site: Site) -> None:
    """`/` is index.html, compressed for clients that accept gzip; a request with the same ETag gets a 304."""
    answer = found(site, asked("/", accept_encoding="gzip, br"))
    assert gzip.decompress(answer.body).startswith(b"<!doctype html>")
    assert len(answer.body) < 200
    tag = dict(found(site, asked("/")).headers)["etag"]
    again = found(site, asked("/", if_none_match=tag))
    assert (again.status, again.body) == (304, b"")


def test_nothing_else_is_a_file(site: Site) -> None:
    """A path that is outside, hidden or missing is left to the gateway, and so is a POST."""
    outside = ["/../secret.txt", "/js/../../secret.txt", "/.hidden", "/api/image-studio/health"]
    missing = ["/js", "/js/", "/nothing.js", "/js/main.js\0"]
    assert [path for path in outside + missing if site(asked(path))] == []
    assert site(asked("/", "POST")) is None


def test_the_page_gets_a_token(site: Site) -> None:
    """The page on a loopback name gets a token for the caller that it names."""
    answer = found(site, asked(SESSION, query="sub=me&tier=free", host="localhost:8000", sec_fetch_site="same-origin"))
    assert json.loads(answer.body)["token"] == "token of me, free"
    assert dict(answer.headers)["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {},
        {"host": "127.0.0.1", "sec_fetch_site": "cross-site"},
        {"host": "localhost", "sec_fetch_site": "same-site"},
    ],
)
def test_other_origins_get_no_token(site: Site, headers: dict[str, str]) -> None:
    """Another origin, another port and a name that resolves to loopback are refused."""
    assert found(site, asked(SESSION, **headers)).status == 403


def test_every_file_of_the_page_has_a_media_type() -> None:
    """On Python 3.11 as well; nosniff makes a browser refuse the rest."""
    kinds = {path.suffix: kind_of(path) for path in WEB.rglob("*.*") if path.is_file()}
    assert kinds[".webp"] == "image/webp"
    assert "application/octet-stream" not in kinds.values()


def test_the_configuration_names_the_emulated_providers() -> None:
    """So that the page can say who drew an image; on AWS there are none."""
    site = Site(lambda _sub, _tier: "", "http://127.0.0.1:9", emulated=("stability",))
    assert json.loads(found(site, asked("/config.json")).body)["emulated"] == ["stability"]
