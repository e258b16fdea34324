"""The caller's webhooks over HTTP: register, show, rotate, test, delete."""

import json
import re
import time
from typing import Any

from image_studio.errors import InvalidRequest, JobConflict, NotFound
from image_studio.providers.webhook_call import CallFailed, check_webhook_url
from image_studio.runtime import wiring
from image_studio.runtime.api import NO_STORE, Call, Response, iso_time, respond
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import settings
from image_studio.runtime.webhook_delivery import call as send_call
from image_studio.runtime.webhook_delivery import new_secret
from image_studio.schemas import webhooks as bodies
from image_studio.storage.job import DAY, new_id
from image_studio.storage.webhooks import Endpoint, TooManyEndpoints

MAX_ENDPOINTS = 10  # of a caller
OVERLAP_SECONDS = DAY  # how long a rotated secret goes on signing
_ID = re.compile(r"[0-9a-f]{32}")


def create_webhook(call: Call) -> Response:
    """POST /webhooks: 201 with the secret, which is shown only now. Raises InvalidRequest."""
    body = read_request(bodies.WebhookRequest, call)
    try:
        check_webhook_url(body.url, settings().webhook_origin or None)
    except CallFailed as failure:
        raise InvalidRequest(f"url: {failure}") from None
    endpoint = Endpoint(id=new_id(), secret=new_secret(), created_at=int(time.time()), **body.model_dump())
    try:
        wiring.webhooks().add(call.known.tenant, endpoint, MAX_ENDPOINTS)
    except TooManyEndpoints:
        raise InvalidRequest(f"You have {MAX_ENDPOINTS} webhooks, as many as there may be. Delete one first.") from None
    return respond(201, bodies.NewWebhook(**_fields(endpoint), secret=endpoint.secret), NO_STORE)


def list_webhooks(call: Call) -> Response:
    found = [bodies.Webhook(**_fields(endpoint)) for endpoint in wiring.webhooks().all(call.known.tenant)]
    return respond(200, bodies.WebhookList(webhooks=found), NO_STORE)


def get_webhook(call: Call, webhook_id: str) -> Response:
    """GET /webhooks/{id}: with its last 20 deliveries."""
    endpoint = _find(call, webhook_id)
    made = wiring.webhooks().deliveries(call.known.tenant, endpoint.id)
    deliveries = [bodies.WebhookDelivery.model_validate(delivery) for delivery in made]
    return respond(200, bodies.WebhookDetails(**_fields(endpoint), deliveries=deliveries), NO_STORE)


def delete_webhook(call: Call, webhook_id: str) -> Response:
    if not _ID.fullmatch(webhook_id) or not wiring.webhooks().delete(call.known.tenant, webhook_id):
        raise _not_found(webhook_id)
    return respond(200, bodies.WebhookDeleted(id=webhook_id), NO_STORE)


def rotate_secret(call: Call, webhook_id: str) -> Response:
    """POST /webhooks/{id}/rotate: a new secret. The old one signs, too, for a day."""
    secret = new_secret()
    if not wiring.webhooks().rotate(call.known.tenant, _find(call, webhook_id), secret, OVERLAP_SECONDS):
        raise JobConflict("The webhook is changing just now; please try again.")
    return respond(200, bodies.WebhookSecret(secret=secret), NO_STORE)


def test_webhook(call: Call, webhook_id: str) -> Response:
    """POST /webhooks/{id}/test: one call now. If it arrives, the endpoint is enabled."""
    endpoint = _find(call, webhook_id)
    event = {"type": "webhook.test", "timestamp": iso_time(time.time()), "data": {}}
    body = json.dumps(event, separators=(",", ":"))
    outcome = send_call(endpoint.url, endpoint.secrets(time.time()), f"msg_{new_id()}", body)
    if outcome.ok:
        wiring.webhooks().succeeded(call.known.tenant, endpoint.id)
    result = bodies.WebhookTest(delivered=outcome.ok, status=outcome.status, problem=outcome.problem)
    return respond(200, result, NO_STORE)


def get_secret(call: Call) -> Response:
    """GET /webhook-secret: what signs calls to the `webhook_url` of requests."""
    secret = wiring.webhooks().secret(call.known.tenant, new_secret())
    return respond(200, bodies.WebhookSecret(secret=secret), NO_STORE)


def _find(call: Call, webhook_id: str) -> Endpoint:
    found = wiring.webhooks().get(call.known.tenant, webhook_id) if _ID.fullmatch(webhook_id) else None
    if found is None:
        raise _not_found(webhook_id)
    return found


def _not_found(webhook_id: str) -> NotFound:
    return NotFound(f"Webhook '{webhook_id[:80]}' not found.")


def _fields(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "status": endpoint.state.value,
        "created_at": endpoint.created_at * 1000,
        "failing_since": endpoint.failing_since * 1000 if endpoint.failing_since else None,
        "include_prompt": endpoint.include_prompt,
    }
