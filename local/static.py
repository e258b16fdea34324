"""Serve the playground's files and a token for it, as CloudFront and S3 do in AWS in front of the gateway."""

import gzip
import hashlib
import json
import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from local.issuer import READY_SUB, READY_TIER
from local.payload import HttpRequest, HttpResponse
from local.template import ROOT

WEB = ROOT / "web"
SESSION = "/local/session"
#: The page's configuration; on AWS `scripts/playground.py` writes the issuer into it.
CONFIG = {"api": "/api/image-studio", "session": SESSION}
#: Names that always mean this machine. A page elsewhere can resolve its own name to loopback, but not one of these.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_TYPES = {
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".css": "text/css",
    ".html": "text/html",
    ".webp": "image/webp",  # Python 3.11 doesn't have it
}
_SMALL = 512  # bytes; smaller files are not compressed


def content_policy(images: str, sign_in: str = "") -> str:
    """Return the page's Content-Security-Policy: `images` is the origin of presigned URLs."""
    called = " ".join(filter(None, ["'self'", images, sign_in]))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: {images}; "
        f"connect-src {called}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )


def safety_headers(images: str) -> tuple[tuple[str, str], ...]:
    """Return the security headers of every file."""
    return (
        ("content-security-policy", content_policy(images)),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    )


class Site:
    """The page's files, its configuration and its token."""

    def __init__(
        self,
        mint: Callable[..., str],
        images: str,
        root: Path = WEB,
        tier: str = READY_TIER,
        emulated: Sequence[str] = (),
    ) -> None:
        self._mint = mint
        self._config = {**CONFIG, "emulated": list(emulated)}
        self._usual = {"sub": READY_SUB, "tier": tier}
        self._headers = safety_headers(images)
        self._root = root.resolve()

    def __call__(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a GET of something of the page, else None."""
        if request.method not in ("GET", "HEAD"):
            return None
        if request.path == SESSION:
            return self._session(request)
        if request.path == "/config.json":
            return self._file(request, json.dumps(self._config).encode(), "application/json")
        found = self._found(request.path)
        return self._file(request, found.read_bytes(), kind_of(found)) if found else None

    def _found(self, path: str) -> Path | None:
        """Return the file of a path, unless it is hidden or outside of the page's folder."""
        if "\0" in path or any(part.startswith(".") for part in path.split("/")):
            return None
        found = (self._root / path.lstrip("/") / ("index.html" if path == "/" else "")).resolve()
        return found if found.is_relative_to(self._root) and found.is_file() else None

    def _file(self, request: HttpRequest, data: bytes, kind: str) -> HttpResponse:
        etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        headers = (("content-type", kind), ("etag", etag), ("cache-control", "no-cache"), *self._headers)
        if request.header("if-none-match") == etag:
            return HttpResponse(304, headers)
        if len(data) > _SMALL and "gzip" in (request.header("accept-encoding") or ""):
            headers += (("content-encoding", "gzip"), ("vary", "accept-encoding"))
            data = gzip.compress(data, 6, mtime=0)
        return HttpResponse(200, headers, data)

    def _session(self, request: HttpRequest) -> HttpResponse:
        """Return a token to the page that this server has served, and to no other."""
        host = urlsplit(f"//{request.header('host') or ''}").hostname or ""
        if host not in _LOOPBACK or request.header("sec-fetch-site") not in (None, "same-origin", "none"):
            return HttpResponse(403, (("content-type", "application/json"),), b'{"message":"Forbidden"}')
        wanted = parse_qs(request.query)
        sub, tier = (wanted.get(name, [usual])[0] for name, usual in self._usual.items())
        body = json.dumps({"token": self._mint(sub, tier), "sub": sub, "tier": tier}).encode()
        return HttpResponse(200, (("content-type", "application/json"), ("cache-control", "no-store")), body)


def kind_of(path: Path) -> str:
    """Return the media type of a file."""
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
