"""Webhooks: endpoints that are called when jobs end. After Standard Webhooks (standardwebhooks.com)."""

from typing import Annotated, Literal

from pydantic import Field

from image_studio.schemas.batches import BatchRecord
from image_studio.schemas.common import Request, Response, WebhookAddress, default_for_null
from image_studio.schemas.jobs import JobRecord, Milliseconds

EventType = Literal["job.succeeded", "job.failed", "job.cancelled", "batch.completed", "webhook.test"]
EndpointStatus = Literal["enabled", "paused", "disabled"]  # as in storage
Secret = Annotated[str, Field(description="Signs the calls: `whsec_` and base64. It is shown only here.")]


class WebhookRequest(Request):
    """POST /webhooks."""

    url: WebhookAddress = Field(description="An https URL on port 443 of a public host.")
    include_prompt: Annotated[bool, default_for_null(False)] = Field(
        default=False, description="Whether calls for a job carry its prompt."
    )


class Webhook(Response):
    """An endpoint. `paused`: it failed for days; `disabled`: it answered 410. A test that arrives enables it again."""

    id: str
    url: str
    status: EndpointStatus
    created_at: Milliseconds
    failing_since: Milliseconds | None
    include_prompt: bool


class NewWebhook(Webhook):
    """A new endpoint, with its secret."""

    secret: Secret


class WebhookDelivery(Response):
    """One call of an endpoint. `status` is that of its response; without one, `problem` says why."""

    at: Milliseconds
    webhook_id: str
    type: EventType
    attempt: int
    status: int | None
    problem: str | None
    next_attempt_at: Milliseconds | None


class WebhookDetails(Webhook):
    """An endpoint, with its last deliveries, newest first."""

    deliveries: list[WebhookDelivery]


class WebhookList(Response):
    """The caller's endpoints."""

    webhooks: list[Webhook]


class WebhookSecret(Response):
    """A secret. After a rotation the old one signs, too, for a day."""

    secret: Secret


class WebhookDeleted(Response):
    id: str
    deleted: Literal[True] = True


class WebhookTest(Response):
    """What came of a test call."""

    delivered: bool
    status: int | None
    problem: str | None


class WebhookEvent(Response):
    """The body of a call."""

    type: EventType
    timestamp: str = Field(description="When the job or the batch ended, ISO 8601.")
    data: JobRecord | BatchRecord
