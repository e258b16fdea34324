"""Every error that a caller can see: one tree, each class with its HTTP status, its code and a default sentence.

StudioError                     500  internal_error
├── JobFailed                   any  any                   restored from a job's record
├── InvalidRequest              400  invalid_request       the caller can correct it; the sentence says how
│   ├── UnknownChoice           400  unknown_choice        outside a published list; names the valid values
│   ├── UnsupportedChoice       400  unsupported           known, but can't do that; names what can
│   ├── InvalidImage            400  invalid_image         not an image that the API accepts
│   ├── ContentRefused          400  content_refused       refused by a provider's moderation
│   ├── UploadMissing           400  upload_missing        a job waited for an upload that never came
│   ├── IdempotencyMismatch     400  idempotency_mismatch  the key was used for another request
│   └── LibraryFull             400  library_full          the library holds as much as the tier allows
├── NotAuthenticated            401  not_authenticated
├── NotEnoughCredits            402  not_enough_credits
├── NotAllowed                  403  not_allowed
├── NotFound                    404  not_found
│   └── Superseded              404  superseded            a hot folder object that was replaced
├── MethodNotAllowed            405  method_not_allowed
├── JobConflict                 409  job_conflict          the job's state forbids it
│   └── JobStopped              409  job_stopped           the caller stopped it
├── TooLarge                    413  too_large
├── WrongContentType            415  wrong_content_type
├── InputLost                   500  input_lost            the stored request is gone
├── JobExpired                  500  expired               not done while results are kept
├── _WithRetryAfter             any  any                   carries Retry-After, seconds
│   ├── TooManyRequests         429  too_many_requests     over a limit of the tier
│   └── TemporarilyUnavailable  503  temporarily_unavailable  our own table or bucket is not responding
└── ProviderError               any  any                   a provider's call failed
    ├── NotCharged              500  provider_failed       surely not charged: may be retried or fall back
    │   ├── ProviderUnavailable 500  provider_unavailable  not configured, no credit, access denied
    │   │   ├── ProviderKeyRefused  500  provider_unavailable  the key was refused: renew it once
    │   │   └── ProviderBusy    500  provider_unavailable  429: retry after a pause
    │   └── ProviderOutage      500  provider_failed       connection refused, or a 5xx that is never charged
    └── MaybeCharged            500  unknown_charge        may have been charged: never repeated
        ├── ResultUnusable      500  unknown_charge        a response without a usable image
        └── UnknownCharge       500  unknown_charge        the outcome is unknown
"""

from collections.abc import Mapping
from typing import ClassVar


class StudioError(Exception):
    """An error with an HTTP status, a code and one sentence for the caller."""

    status: int = 500
    code: str = "internal_error"
    default_detail: ClassVar[str] = "Something went wrong on our side. Please try again later."
    headers: Mapping[str, str] = {}  # of the response

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)


class JobFailed(StudioError):
    """The error that a job ended with, restored from its record."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status
        self.code = code
        super().__init__(detail)


class InvalidRequest(StudioError):
    """The request can't be carried out; the sentence says what to change."""

    status = 400
    code = "invalid_request"
    default_detail = "The request is not valid."


class UnknownChoice(InvalidRequest):
    """A value is not on a published list; the sentence names the list."""

    code = "unknown_choice"

    @classmethod
    def of(cls, what: str, value: str, valid: "list[str] | tuple[str, ...]") -> "UnknownChoice":
        """Return an error that names the unknown value of `what` and the valid ones, in their published order."""
        return cls(f"Unknown {what} '{value[:80]}'. Valid: {', '.join(valid)}.")


class UnsupportedChoice(InvalidRequest):
    """A provider or model can't do the operation; the sentence lists those that can."""

    code = "unsupported"


class InvalidImage(InvalidRequest):
    """The bytes are not an image that we accept."""

    code = "invalid_image"
    default_detail = "Invalid base64 image payload"


class ContentRefused(InvalidRequest):
    """The provider's moderation refused the prompt or an image; nothing was charged."""

    code = "content_refused"
    default_detail = "The provider's content policy refused this request. Change the prompt or the image."


class UploadMissing(InvalidRequest):
    """The upload that the job waited for never came."""

    code = "upload_missing"
    default_detail = "The upload that this job waited for never came."


class IdempotencyMismatch(InvalidRequest):
    """An Idempotency-Key came back with another request."""

    code = "idempotency_mismatch"
    default_detail = "This Idempotency-Key was already used for a different request. Use a new key."


class LibraryFull(InvalidRequest):
    """The library holds as much as the tier allows."""

    code = "library_full"
    default_detail = "Your library is full. Delete assets that you no longer need."


class NotAuthenticated(StudioError):
    """The gateway passed no claims, or claims without a subject."""

    status = 401
    code = "not_authenticated"
    default_detail = "Authenticated user required for image operations."
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}  # RFC 6750


class NotEnoughCredits(StudioError):
    """The caller's credits for this month don't cover the estimate."""

    status = 402
    code = "not_enough_credits"
    default_detail = "Not enough credits left this month for this request."


class NotAllowed(StudioError):
    """The token lacks a scope."""

    status = 403
    code = "not_allowed"
    default_detail = "This token is not allowed to do that."


class NotFound(StudioError):
    """What the path or an id names doesn't exist for this caller."""

    status = 404
    code = "not_found"
    default_detail = "Not found."


class Superseded(NotFound):
    """The hot folder's object was replaced or removed; its newer event has a job of its own."""

    code = "superseded"
    default_detail = "The image was replaced or removed before it was read."


class MethodNotAllowed(StudioError):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: "list[str] | tuple[str, ...]") -> None:
        self.headers = {"Allow": ", ".join(allowed)}
        super().__init__(f"{method} is not allowed here. Allowed: {self.headers['Allow']}.")


class JobConflict(StudioError):
    """The job's state forbids the request."""

    status = 409
    code = "job_conflict"
    default_detail = "The job's state does not allow that."


class JobStopped(JobConflict):
    """The caller stopped the job before anything was paid."""

    code = "job_stopped"
    default_detail = "The job was stopped before anything was paid."


class TooLarge(StudioError):
    """The body or the image exceeds a limit; the sentence says which and what to do instead."""

    status = 413
    code = "too_large"
    default_detail = "The request is too large. Send large images through POST /api/image-studio/uploads."


class WrongContentType(StudioError):
    """The body is not JSON."""

    status = 415
    code = "wrong_content_type"
    default_detail = "Send the body as application/json."


class InputLost(StudioError):
    """The job's stored request or one of its images is gone."""

    code = "input_lost"
    default_detail = "The job's request is gone; please send it again."


class JobExpired(StudioError):
    """The job was not done while its results would be kept."""

    code = "expired"
    default_detail = "The job expired before it was done."


class _WithRetryAfter(StudioError):
    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        self.retry_after = max(1, retry_after)
        self.headers = {"Retry-After": str(self.retry_after)}
        super().__init__(detail)


class TooManyRequests(_WithRetryAfter):
    """The caller exceeded a rate limit of its tier; `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"
    default_detail = "Too many requests. Please slow down."


class TemporarilyUnavailable(_WithRetryAfter):
    """Our storage is not responding; nothing was charged. `retry_after` is in seconds."""

    status = 503
    code = "temporarily_unavailable"
    default_detail = "Image Studio is temporarily unavailable. Nothing was charged; please try again."


class ProviderError(StudioError):
    """A provider's call failed. The two classes below it say whether it may have been charged."""

    default_detail = "The provider failed."


class NotCharged(ProviderError):
    """A provider's call failed, and surely nothing was charged."""

    code = "provider_failed"

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after  # seconds that the provider asks to wait
        super().__init__(detail)


class ProviderUnavailable(NotCharged):
    """The provider can't be used now: it is not configured, has no credit left, or its rate limit is reached."""

    code = "provider_unavailable"


class ProviderKeyRefused(ProviderUnavailable):
    """The provider refused our key."""


class ProviderBusy(ProviderUnavailable):
    """The provider's rate limit is reached (429)."""


class ProviderOutage(NotCharged):
    """The provider is down in a way that is not charged, as far as is known."""


class MaybeCharged(ProviderError):
    """A call failed and may have been charged, so it is never repeated."""

    code = "unknown_charge"


class ResultUnusable(MaybeCharged):
    """A response came without an image that can be used."""


class UnknownCharge(MaybeCharged):
    """The outcome of a call is unknown: a timeout, a reset after sending, 502 or 504."""

    default_detail = "The provider's answer was lost; whether it charged is unknown, so the call is not repeated."
