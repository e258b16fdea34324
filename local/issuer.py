"""A token issuer on loopback: discovery document, JWKS, RS256 tokens. Its key is kept in the state folder."""

import json
import os
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

AUDIENCE = "image-studio-local"
KEY_FILE = "issuer-key.pem"
LIFETIME_SECONDS = 12 * 3600
#: The default caller and tier of a token; the tier has the highest limits.
READY_SUB, READY_TIER = "developer", "enterprise"


class QuietHandler(WSGIRequestHandler):
    """Serves without writing a line per request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def load_key(state: Path) -> rsa.RSAPrivateKey:
    """Return the signing key of the state folder, made on first use, readable by its owner only."""
    path = state / KEY_FILE
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        new = path.with_suffix(f".{os.getpid()}")
        new.touch(mode=0o600)
        new.write_bytes(pem)
        new.replace(path)
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return loaded


class Issuer:
    """Signs tokens, and serves what a verifier needs."""

    def __init__(self, url: str, key: rsa.RSAPrivateKey, tier_claim: str = "tier") -> None:
        self.url = url
        self._key = key
        self.tier_claim = tier_claim
        numbers = key.public_key().public_numbers()
        self.kid = f"{numbers.n % 2**64:016x}"
        self.jwk = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _b64(numbers.n),
            "e": _b64(numbers.e),
        }

    def mint(
        self, sub: str = READY_SUB, tier: str = READY_TIER, *, seconds: float = LIFETIME_SECONDS, **claims: Any
    ) -> str:
        """Return a token for a caller and tier, valid for `seconds`; `claims` replace the usual ones."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "sub": sub,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": int(now + seconds),
            self.tier_claim: tier,
        }
        return self.sign({**usual, **claims})

    def sign(self, claims: Mapping[str, Any], algorithm: str = "RS256", **header: Any) -> str:
        """Return a token of exactly these claims; header fields replace the usual ones."""
        return jwt.encode(dict(claims), self._key, algorithm=algorithm, headers={"kid": self.kid, **header})

    def answer(self, request: Request) -> Response:
        """Serve the discovery document and the keys."""
        documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/.well-known/jwks.json",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
            },
            "/.well-known/jwks.json": {"keys": [self.jwk]},
        }
        found = documents.get(request.path)
        return Response(json.dumps(found), 200 if found else 404, mimetype="application/json")


class IssuerServer:
    """The issuer on a port of its own."""

    def __init__(self, state: Path, port: int = 0, tier_claim: str = "tier") -> None:
        self._server = make_server(
            "127.0.0.1",
            port,
            Request.application(self._answer),
            True,
            request_handler=QuietHandler,
        )
        self.issuer = Issuer(f"http://127.0.0.1:{self._server.server_port}", load_key(state), tier_claim)
        self._thread = threading.Thread(target=self._server.serve_forever, name="issuer", daemon=True)
        self._thread.start()

    def _answer(self, request: Request) -> Response:
        return self.issuer.answer(request)

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _b64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(data).rstrip(b"=").decode()
