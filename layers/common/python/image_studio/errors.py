"""Every error a caller can see: one tree, each class with its status, its code and a caller-safe sentence.

StudioError                     500  internal_error
├── InvalidRequest              400  invalid_request       the caller can fix it; the sentence says how
│   ├── UnknownChoice           400  unknown_choice        outside a published list; names the list
│   ├── UnsupportedChoice       400  unsupported           known, but it can't do that; names who can
│   ├── InvalidImage            400  invalid_image         not an image we take
│   ├── ContentRefused          400  content_refused       a provider's moderation said no
│   └── IdempotencyMismatch     400  idempotency_mismatch  the key was used for another request
├── NotAuthenticated            401  not_authenticated
├── NotEnoughCredits            402  not_enough_credits
├── NotAllowed                  403  not_allowed
├── NotFound                    404  not_found
│   └── Superseded              404  superseded            a hot folder object that was replaced
├── MethodNotAllowed            405  method_not_allowed
├── JobConflict                 409  job_conflict          the job's state forbids it
├── TooLarge                    413  too_large
├── WrongContentType            415  wrong_content_type
├── TooManyRequests             429  too_many_requests     carries Retry-After, seconds
├── TemporarilyUnavailable      503  temporarily_unavailable  our own table or bucket; carries Retry-After
└── ProviderFailed              500  provider_failed       surely not charged: may be retried or fall back
    ├── ProviderUnavailable     500  provider_unavailable  no key, bad key, no credit, rate limited
    │   ├── ProviderKeyRefused  500  provider_unavailable  the key was refused: read it anew once
    │   └── ProviderBusy        500  provider_unavailable  429: wait, then ask again
    ├── ProviderOutage          500  provider_failed       refused connection, a 5xx that is never charged
    ├── ResultUnusable          500  provider_failed       an answer without a usable image; not repeated
    └── UnknownCharge           500  unknown_charge        the outcome is unknown; never repeated
"""

from typing import ClassVar


class StudioError(Exception):
    """Something a caller is told: an HTTP status, a code and one sentence."""

    status: int = 500
    code: str = "internal_error"
    sentence: ClassVar[str] = "Something went wrong on our side. Please try again later."

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.sentence
        super().__init__(self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to this error."""
        return {}


class JobFailed(StudioError):
    """An error that a job ended with, told again from its record."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status
        self.code = code
        super().__init__(detail)


class InvalidRequest(StudioError):
    """The request can't be carried out as it is; the sentence says what to change."""

    status = 400
    code = "invalid_request"
    sentence = "The request is not valid."


class UnknownChoice(InvalidRequest):
    """A value is not on a published list; the sentence names the list."""

    code = "unknown_choice"

    @classmethod
    def of(cls, what: str, value: str, valid: "list[str] | tuple[str, ...]") -> "UnknownChoice":
        """Say which value of `what` is unknown and which are valid, in their published order."""
        return cls(f"Unknown {what} '{value[:80]}'. Valid: {', '.join(valid)}.")


class UnsupportedChoice(InvalidRequest):
    """A known thing that can't be done by what was chosen; the sentence lists who can."""

    code = "unsupported"


class InvalidImage(InvalidRequest):
    """The bytes are not an image that we accept."""

    code = "invalid_image"
    sentence = "Invalid base64 image payload"


class ContentRefused(InvalidRequest):
    """The provider's moderation refused the prompt or an image; nothing is charged."""

    code = "content_refused"
    sentence = "The provider's content policy refused this request. Change the prompt or the image."


class IdempotencyMismatch(InvalidRequest):
    """An Idempotency-Key came back with another request."""

    code = "idempotency_mismatch"
    sentence = "This Idempotency-Key was already used for a different request. Use a new key."


class NotAuthenticated(StudioError):
    """No caller: the gateway passed no claims, or claims without a subject."""

    status = 401
    code = "not_authenticated"
    sentence = "Authenticated user required for image operations."

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750: how to authenticate."""
        return {"WWW-Authenticate": "Bearer"}


class NotEnoughCredits(StudioError):
    """The caller's credits of this month don't cover the estimate."""

    status = 402
    code = "not_enough_credits"
    sentence = "Not enough credits left this month for this request."


class NotAllowed(StudioError):
    """The token lacks a scope."""

    status = 403
    code = "not_allowed"
    sentence = "This token is not allowed to do that."


class NotFound(StudioError):
    """Something named in the path, or by an id, doesn't exist for this caller."""

    status = 404
    code = "not_found"
    sentence = "Not found."


class Superseded(NotFound):
    """The hot folder's object was replaced or taken away; its newer event has a job of its own."""

    code = "superseded"
    sentence = "The image was replaced or removed before it was read."


class MethodNotAllowed(StudioError):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: "list[str] | tuple[str, ...]") -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"{method} is not allowed here. Allowed: {self.allowed}.")

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110: the methods that are allowed."""
        return {"Allow": self.allowed}


class JobConflict(StudioError):
    """The job's state forbids what was asked."""

    status = 409
    code = "job_conflict"
    sentence = "The job's state does not allow that."


class TooLarge(StudioError):
    """The body or the image exceeds a limit; the sentence says which and what to do instead."""

    status = 413
    code = "too_large"
    sentence = "The request is too large. Send large images through POST /api/image-studio/uploads."


class WrongContentType(StudioError):
    """The body is not JSON."""

    status = 415
    code = "wrong_content_type"
    sentence = "Send the body as application/json."


class _WithRetryAfter(StudioError):
    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(detail)

    @property
    def headers(self) -> dict[str, str]:
        """Seconds to wait, RFC 9110."""
        return {"Retry-After": str(self.retry_after)}


class TooManyRequests(_WithRetryAfter):
    """The caller is over a limit of its tier; says when to come back (seconds)."""

    status = 429
    code = "too_many_requests"
    sentence = "Too many requests. Please slow down."


class TemporarilyUnavailable(_WithRetryAfter):
    """Our own storage doesn't answer; nothing was paid; says when to come back (seconds)."""

    status = 503
    code = "temporarily_unavailable"
    sentence = "Image Studio is temporarily unavailable. Nothing was charged; please try again."


class ProviderFailed(StudioError):
    """A provider said no, surely without charging: may be retried, or fall back to another."""

    code = "provider_failed"
    sentence = "The provider failed."
    #: Whether the provider may have charged for the call. True forbids every automatic repetition.
    maybe_charged: ClassVar[bool] = False


class ProviderUnavailable(ProviderFailed):
    """The provider can't be used now: no key, no credit, or its rate limit."""

    code = "provider_unavailable"


class ProviderKeyRefused(ProviderUnavailable):
    """The provider refused our key."""


class ProviderBusy(ProviderUnavailable):
    """429: ask again after `retry_after` seconds."""

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class ProviderOutage(ProviderFailed):
    """The provider is down in a way that is documented never to charge."""

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class ResultUnusable(ProviderFailed):
    """An answer came, but no image that can be used; may have been charged, so it is never repeated."""

    maybe_charged = True


class UnknownCharge(ProviderFailed):
    """Whether the provider charged is unknown: a timeout, a reset after sending, 502, 504. Never repeated."""

    code = "unknown_charge"
    maybe_charged = True
    sentence = "The provider's answer was lost; whether it charged is unknown, so the call is not repeated."
