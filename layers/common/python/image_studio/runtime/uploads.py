"""Uploads: large images come in by presigned POST or PUT. A job may be recorded before its image, and start with it."""

import json
import logging
from dataclasses import replace
from typing import Any

from image_studio.errors import InputLost, InvalidRequest, StudioError, TemporarilyUnavailable
from image_studio.operations.table import Operation, error_payload, find_operation, with_part
from image_studio.runtime import wiring
from image_studio.runtime.api import NO_STORE, Call, Response, ignored_header, respond
from image_studio.runtime.auth import Caller
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.job_end import end_job
from image_studio.runtime.job_record import job_links
from image_studio.runtime.jobs_api import key_of_removed_job
from image_studio.runtime.rate_limits import allowance
from image_studio.runtime.references import IMAGE_FIELD, UPLOAD, ImageAwaited, stored_inputs
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.submit import QUEUE_SECONDS, Draft, Terms, price, record, send, store
from image_studio.schemas.common import Request
from image_studio.schemas.jobs import UploadRequest, UploadResponse
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.storage import keys
from image_studio.storage.credits import Charge
from image_studio.storage.job import Job, new_id
from image_studio.storage.objects import URL_SECONDS

log = logging.getLogger(__name__)


def create_upload(call: Call) -> Response:
    """POST /uploads: a form and a URL for one image; with an operation, also the job that waits for it."""
    body, ignored = parse_request(UploadRequest, call.text())
    upload_id = new_id()
    links: dict[str, Any] = {}
    if body.operation:
        operation, fields = find_operation(body.operation), with_part(body.operation, body.request or {})
        upload_id, others = _await(call, operation, fields, upload_id)
        ignored += [f"request.{name}" for name in others]
        job = wiring.jobs().get(call.known.tenant, upload_id)
        if job is None:
            raise key_of_removed_job()
        links = job_links(job.id, job.status, job.delivery).model_dump()
    elif body.request is not None:
        raise InvalidRequest("request needs operation beside it: the operation that it is for.")
    call.headers.update(ignored_header(ignored))
    key = keys.upload_key(call.known.tenant, upload_id)
    answer = UploadResponse(
        upload_id=upload_id,
        **wiring.objects().form(key, body.content_type.mime, MAX_FILE_BYTES),
        put_url=wiring.objects().put_link(key),
        reference=UPLOAD + upload_id,
        max_bytes=MAX_FILE_BYTES,
        expires_in=URL_SECONDS,
        **links,
    )
    return respond(200, answer.model_dump_json(exclude_none=True), NO_STORE)


def _await(call: Call, operation: Operation, fields: dict[str, Any], upload_id: str) -> tuple[str, list[str]]:
    """Record the job for an upload, and return its id, which is the upload's, or an earlier job's of the same key.

    What can be checked without the image is checked now, the rest when it arrives.
    """
    image = main_image_field(operation.request)
    if fields.get(image):
        raise InvalidRequest(f"Leave {image} out: the upload takes its place.")
    request, ignored = parse_request(operation.request, json.dumps({**fields, image: UPLOAD + upload_id}))
    # The digest leaves the upload's id out, so that the same request has the same digest each time.
    draft = Draft.of(operation, request, **{image: UPLOAD})
    joined = wiring.jobs().job_of_key(call.known.tenant, call.idempotency_key(), draft.digest)
    if joined:
        return joined, ignored
    try:
        cost, draft = price(call.known, draft, awaited=upload_id)
    except ImageAwaited:  # the credits depend on the image, so they are reserved when it arrives
        cost = 0
    key = call.idempotency_key()
    terms = Terms(cost=cost, idempotency_key=key, origin=call.origin, job_id=upload_id, awaits=upload_id)
    return record(call.known, draft, terms), ignored


def main_image_field(kind: type[Request]) -> str:
    """Return the field of a request that takes its main image: the first image field. Raises InvalidRequest."""
    for name in kind.model_fields:
        if name.endswith(IMAGE_FIELD):
            return name
    raise InvalidRequest("This operation takes no image, so it can't wait for an upload.")


def arrive(key: str, size: int) -> None:
    """Start the job that waits for an object, if one does. Delete what is too large: a PUT can't be limited."""
    _start_waiting(key)
    if size > MAX_FILE_BYTES:
        wiring.objects().delete([key])


def _start_waiting(key: str) -> None:
    tenant, _, upload_id = key.removeprefix(keys.UPLOADS).partition("/")
    job = wiring.jobs().get(tenant, upload_id)
    if job is not None and job.awaits and not job.status.ended:
        start(job)


def start(job: Job) -> None:
    """Check the request with its image, reserve what it costs, and dispatch the job; or fail it."""
    operation = find_operation(job.operation)
    try:
        body = wiring.objects().get(job.input)
        if body is None:
            raise InputLost
        draft = Draft(operation, operation.request.model_validate_json(body), {}, body, job.request_hash)
        inputs = stored_inputs(wiring.objects(), job)
        cost, draft = price(Caller(job.tenant, job.tier), draft, inputs=inputs)
        stored = replace(job, input=store(job.tenant, job.id, draft))
        started = wiring.jobs().arrived(stored, cost=cost, allowance=allowance(job.tier), wait=QUEUE_SECONDS)
    except TemporarilyUnavailable:
        raise
    except StudioError as error:
        fail(job, operation, error)
        return
    if started:
        send(job)


def fail(job: Job, operation: Operation, error: StudioError) -> None:
    """End a job that still waits for its upload."""
    if end_job(job, dispatcher(), error=error_payload(error, operation), charge=Charge(), waiting=True):
        log.info("job ended before it started", extra={"job_id": job.id, "code": error.code})
