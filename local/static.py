"""The playground's files, and its ready token: what CloudFront and S3 do in AWS, before the gateway."""

import gzip
import hashlib
import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from local.issuer import READY_SUB, READY_TIER
from local.payload import Answer, Asked
from local.template import ROOT

WEB = ROOT / "web"
SESSION = "/local/session"
#: What the page is told about its surroundings; on AWS `scripts/playground.py` writes the issuer into it.
CONFIG = {"api": "/api/image-studio", "session": SESSION}
#: Names that reach nobody but this machine: a page elsewhere can point its own name here, but not one of these.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css", ".html": "text/html"}
_SMALL = 512  # bytes that aren't worth a compression


def content_policy(images: str, sign_in: str = "") -> str:
    """The page's Content-Security-Policy; presigned `images` live at one origin, `sign_in` names others by blanks."""
    called = " ".join(filter(None, ["'self'", images, sign_in]))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: {images}; "
        f"connect-src {called}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )


def safety_headers(images: str) -> tuple[tuple[str, str], ...]:
    """What every file of the page is sent with."""
    return (
        ("content-security-policy", content_policy(images)),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    )


class Site:
    """Answers for the page's files, its configuration and its token; None for everything else."""

    def __init__(self, mint: Callable[..., str], images: str, root: Path = WEB, tier: str = READY_TIER) -> None:
        self._mint = mint
        self._usual = {"sub": READY_SUB, "tier": tier}
        self._headers = safety_headers(images)
        self._root = root.resolve()

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer to a GET of something that is ours."""
        if asked.method not in ("GET", "HEAD"):
            return None
        if asked.path == SESSION:
            return self._session(asked)
        if asked.path == "/config.json":
            return self._file(asked, json.dumps(CONFIG).encode(), "application/json")
        found = self._found(asked.path)
        return self._file(asked, found.read_bytes(), kind_of(found)) if found else None

    def _found(self, path: str) -> Path | None:
        """The file behind a path; nothing hidden, nothing outside of the page's own folder."""
        if "\0" in path or any(part.startswith(".") for part in path.split("/")):
            return None
        found = (self._root / path.lstrip("/") / ("index.html" if path == "/" else "")).resolve()
        return found if found.is_relative_to(self._root) and found.is_file() else None

    def _file(self, asked: Asked, data: bytes, kind: str) -> Answer:
        etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        headers = (("content-type", kind), ("etag", etag), ("cache-control", "no-cache"), *self._headers)
        if asked.header("if-none-match") == etag:
            return Answer(304, headers)
        if len(data) > _SMALL and "gzip" in (asked.header("accept-encoding") or ""):
            headers += (("content-encoding", "gzip"), ("vary", "accept-encoding"))
            data = gzip.compress(data, 6, mtime=0)
        return Answer(200, headers, data)

    def _session(self, asked: Asked) -> Answer:
        """A token for the page that this very server gave out, and for no other."""
        host = urlsplit(f"//{asked.header('host') or ''}").hostname or ""
        if host not in _LOOPBACK or asked.header("sec-fetch-site") not in (None, "same-origin", "none"):
            return Answer(403, (("content-type", "application/json"),), b'{"message":"Forbidden"}')
        wanted = parse_qs(asked.query)
        sub, tier = (wanted.get(name, [usual])[0] for name, usual in self._usual.items())
        body = json.dumps({"token": self._mint(sub, tier), "sub": sub, "tier": tier}).encode()
        return Answer(200, (("content-type", "application/json"), ("cache-control", "no-store")), body)


def kind_of(path: Path) -> str:
    """The media type of one of the page's files."""
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
