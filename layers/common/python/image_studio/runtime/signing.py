"""Sign images with the operator's identity: a key in Secrets Manager, or one in KMS that never leaves it.

Whatever fails here, the image is delivered: without Content Credentials, and an alarm says so.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

from image_studio.imaging.content_credentials import History, NotSigned, SigningIdentity
from image_studio.imaging.content_credentials import sign as sign_file
from image_studio.operations.context import Sign
from image_studio.runtime import aws_clients, metrics
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.settings import settings

log = logging.getLogger(__name__)

CACHE_SECONDS = 300
PAUSE_SECONDS = 60  # after AWS or the time stamp authority failed: until then nothing is signed, and nobody waits
MAX_SECONDS = 20.0  # of one signature, with its time stamp; the library's own requests have no limit
_HALF = 32  # bytes of r and of s (ES256)


class Signing:
    """Signs files. `kms_key` is the id of a KMS key; without one, the secret holds the key."""

    def __init__(self, secret_id: str, kms_key: str = "", timestamp_url: str = "") -> None:
        self._secret_id = secret_id
        self._kms_key = kms_key
        self._timestamp_url = timestamp_url
        self._provider: SecretsProvider | None = None
        self._paused_until = 0.0  # monotonic seconds

    def sign(self, data: bytes, mime: str, history: History) -> bytes:
        """Return the file with Content Credentials, or as it was where that fails."""
        try:
            if time.monotonic() < self._paused_until:
                raise NotSigned("signing failed a moment ago")
            identity = self._identity()
            return _within(MAX_SECONDS, lambda: sign_file(data, mime, history, identity))
        except Exception as error:
            if isinstance(error, TimeoutError | GetParameterError):
                self._pause()
            log.exception("image not signed")
            metrics.emit({"UnsignedImages": 1})
            return data

    def _identity(self) -> SigningIdentity:
        if self._provider is None:
            self._provider = SecretsProvider(boto3_client=aws_clients.secretsmanager())
        secret = json.loads(str(self._provider.get(self._secret_id, max_age=CACHE_SECONDS)))
        key = self._sign_by_kms if self._kms_key else str(secret["key"])
        return SigningIdentity(str(secret["certificates"]), key, self._timestamp_url)

    def _sign_by_kms(self, message: bytes) -> bytes:
        digest = hashlib.sha256(message).digest()
        try:
            made = aws_clients.kms().sign(
                KeyId=self._kms_key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        except STORAGE_FAILURES:
            self._pause()
            log.exception("KMS did not sign")
            raise
        return plain_signature(made["Signature"])

    def _pause(self) -> None:
        self._paused_until = time.monotonic() + PAUSE_SECONDS


@lru_cache(maxsize=1)
def signing() -> Sign | None:
    """Return what signs, or None where the operator signs nothing."""
    secret_id = settings().signing_secret_id
    return Signing(secret_id, settings().signing_kms_key, settings().timestamp_url).sign if secret_id else None


def plain_signature(der: bytes) -> bytes:
    """Return an ECDSA signature as r and s (RFC 9053), from KMS's DER (RFC 3279). Raises ValueError."""
    at, numbers = 2, []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big"))
        at += 2 + length
    if der[:1] != b"\x30" or at != len(der):
        raise ValueError("not a signature")
    return b"".join(number.to_bytes(_HALF, "big") for number in numbers)


def _within(seconds: float, action: Callable[[], bytes]) -> bytes:
    """Return the action's result. Raises TimeoutError, and leaves the thread to its end, which nobody waits for."""
    result: Future[bytes] = Future()

    def run() -> None:
        try:
            result.set_result(action())
        except BaseException as error:  # noqa: BLE001  it is raised where the result is taken
            result.set_exception(error)

    threading.Thread(target=run, name="signing", daemon=True).start()
    return result.result(timeout=seconds)
