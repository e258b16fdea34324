"""Large images come in by presigned POST; a job may be recorded before its image and start when that arrives."""

import json
import logging
from typing import Any

from image_studio.errors import InvalidRequest, StudioError, TemporarilyUnavailable
from image_studio.operations import find_operation
from image_studio.operations.operation import Operation
from image_studio.runtime import wiring
from image_studio.runtime.account import allowance
from image_studio.runtime.api import Call, Response, ignored_header, respond
from image_studio.runtime.auth import Caller
from image_studio.runtime.dispatch import dispatcher
from image_studio.runtime.library import UPLOAD, ImageAwaited
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.submit import QUEUE_PATIENCE, Extras, digest_of, record
from image_studio.runtime.verdict import told
from image_studio.runtime.waiting import not_found, status_links
from image_studio.schemas.common import FileType, Request
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.schemas.uploads import UploadRequest, UploadResponse
from image_studio.storage import keys
from image_studio.storage.credits import Spent
from image_studio.storage.job import Job, new_id
from image_studio.storage.objects import URL_SECONDS

log = logging.getLogger(__name__)


def create_upload(call: Call) -> Response:
    """POST /uploads: a form for one image; with an operation, the job that waits for it exists at once."""
    asked, ignored = parse_request(UploadRequest, call.text())
    upload_id = new_id()
    links: dict[str, Any] = {}
    if asked.operation:
        upload_id, others = _await(call, find_operation(asked.operation), asked.request or {}, upload_id)
        ignored += [f"request.{name}" for name in others]
        links = _links(call, upload_id)
    elif asked.request is not None:
        raise InvalidRequest("request needs operation beside it: the operation that it is for.")
    call.headers.update(ignored_header(ignored))
    answer = UploadResponse(upload_id=upload_id, **_form(call.known, upload_id, asked.content_type), **links)
    return respond(200, answer.model_dump_json(exclude_none=True), {"cache-control": "no-store"})


def _form(caller: Caller, upload_id: str, kind: FileType) -> dict[str, Any]:
    form = wiring.images().form(keys.upload_key(caller.tenant, upload_id), kind.mime, MAX_FILE_BYTES)
    return {**form, "reference": UPLOAD + upload_id, "max_bytes": MAX_FILE_BYTES, "expires_in": URL_SECONDS}


def _links(call: Call, job_id: str) -> dict[str, Any]:
    job = wiring.jobs().get(call.known.tenant, job_id)
    if job is None:
        raise not_found(job_id)
    links: dict[str, Any] = json.loads(status_links(job))
    return links


def _await(call: Call, row: Operation, fields: dict[str, Any], upload_id: str) -> tuple[str, list[str]]:
    """Record the job for an upload; its id, which both share, is an earlier one's where the key names one.

    What can be found out without the image is checked now, the rest when it arrives.
    """
    image = image_field(row.request)
    if fields.get(image):
        raise InvalidRequest(f"Leave {image} out: the upload takes its place.")
    request, ignored = parse_request(row.request, json.dumps({**fields, image: UPLOAD + upload_id}))
    # The hash leaves the upload's id out, so that the same request has the same one each time.
    digest = digest_of(row, request.model_copy(update={image: UPLOAD}))
    joined = wiring.jobs().taken(call.known.tenant, call.idempotency_key(), digest)
    if joined:
        return joined, ignored
    extras = Extras(
        cost=_known_cost(call.known, row, request, upload_id),
        digest=digest,
        idempotency_key=call.idempotency_key(),
        job_id=upload_id,
        awaits=upload_id,
    )
    return record(call.known, row, request, extras), ignored


def _known_cost(caller: Caller, row: Operation, request: Request, upload_id: str) -> int:
    """Credits to reserve now: none where they depend on the image."""
    try:
        return row.estimate(request, wiring.api_studio(caller, awaited=upload_id))
    except ImageAwaited:
        return 0


def image_field(kind: type[Request]) -> str:
    """The field of a request that carries its main image: the first that takes one. Raises InvalidRequest."""
    for name in kind.model_fields:
        if name.endswith("image_base64"):
            return name
    raise InvalidRequest("This operation takes no image, so it can't wait for an upload.")


# -- when it arrives


def arrive(key: str) -> None:
    """An object was uploaded: start the job that waits for it, if one does."""
    tenant, _, upload_id = key.removeprefix(keys.UPLOADS).partition("/")
    job = wiring.jobs().get(tenant, upload_id)
    if job is not None and job.awaits and not job.status.ended:
        start(job)


def start(job: Job) -> None:
    """Check the request with its image, reserve what that costs, send the job off; or fail it, clearly."""
    row = find_operation(job.operation)
    try:
        started = _let_go(job, row)
    except TemporarilyUnavailable:
        raise
    except StudioError as error:
        fail(job, row, error)
        return
    if started:
        dispatcher().send(job.tenant, job.id)


def _let_go(job: Job, row: Operation) -> bool:
    body = wiring.images().get(job.input)
    if body is None:
        raise StudioError("The job's request is gone; please send it again.")
    caller = Caller(job.tenant, job.tier)
    cost = row.estimate(row.request.model_validate_json(body), wiring.api_studio(caller))
    return wiring.jobs().arrived(job, cost=cost, allowance=allowance(job.tier), wait=QUEUE_PATIENCE)


def fail(job: Job, row: Operation, error: StudioError) -> None:
    """End a job that still waits for its upload."""
    if wiring.jobs().finish(job, error=told(error, row), spent=Spent(), waiting=True):
        log.info("job ended before it began", extra={"job_id": job.id, "code": error.code})
