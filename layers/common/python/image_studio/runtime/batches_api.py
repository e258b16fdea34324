"""The caller's batches over HTTP: submit, show, list, stop, and fetch the results in one file."""

from image_studio.errors import JobConflict, NotFound, TooLarge
from image_studio.runtime import wiring
from image_studio.runtime.api import NO_STORE, POLL, Call, Response, ignored_header, respond
from image_studio.runtime.batch_record import MAX_ZIP_BYTES, batch_details, batch_record, images_of
from image_studio.runtime.batches import Source, start, submit_batch
from image_studio.runtime.job_end import Dispatcher
from image_studio.runtime.jobs_api import page, stop
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.settings import PREFIX
from image_studio.schemas import batches as bodies
from image_studio.storage import keys
from image_studio.storage.batch import Batch
from image_studio.storage.objects import URL_SECONDS


def create_batch(call: Call) -> Response:
    """POST /batches: 202 with the record of the batch; its jobs are queued."""
    request, ignored = parse_request(bodies.BatchRequest, call.text())
    source = Source(idempotency_key=call.idempotency_key(), origin=call.origin)
    batch, unread = submit_batch(call.known, request, source)
    call.headers.update(ignored_header([*ignored, *unread]))
    record = batch_record(batch)
    return respond(202, record, {"location": record.status_url, **POLL})


def list_batches(call: Call) -> Response:
    """GET /batches: newest first, without their items."""
    count, before = page(call)
    found, mark = wiring.batches().newest(call.known.tenant, count, before)
    following = f"{PREFIX}/batches?limit={count}&before={mark}" if mark else None
    return respond(200, bodies.BatchList(batches=[batch_record(batch) for batch in found], next=following), NO_STORE)


def get_batch(call: Call, batch_id: str) -> Response:
    """GET /batches/{id}: with its items, also those that have ended already."""
    batch = _find(call, batch_id)
    return respond(200, batch_details(batch), NO_STORE if batch.ended else POLL)


def stop_batch(call: Call, batch_id: str, dispatcher: Dispatcher) -> Response:
    """DELETE /batches/{id}: stops the items for which nothing was paid yet; the others go on."""
    batch = _find(call, batch_id)
    start(batch)  # a job that isn't made can't be stopped
    stopped = 0
    for job in wiring.batches().jobs(batch):
        if job and not job.status.ended and call.time_left() > 0:  # a repeated request stops the rest
            stopped += stop(job, dispatcher)
    return respond(200, bodies.BatchStopped(batch_id=batch.id, stopped=stopped), NO_STORE)


def get_zip(call: Call, batch_id: str, dispatcher: Dispatcher) -> Response:
    """GET /batches/{id}/zip: the address of the results in one file; 202 while the worker makes it."""
    batch = _find(call, batch_id)
    if not batch.ended:
        done = batch.succeeded + batch.failed
        raise JobConflict(f"{done} of {batch.size} items have ended. Ask again when all have.")
    images = images_of(batch)
    size = sum(image.size for image in images.values())
    if not images:
        raise NotFound("No item of this batch has an image.")
    if size > MAX_ZIP_BYTES:
        raise TooLarge(
            f"The results have {size:,} bytes; at most {MAX_ZIP_BYTES:,} go into one file."
            " Fetch them by the result_url of each item."
        )
    key = keys.zip_key(batch.tenant, batch.id)
    made = wiring.objects().exists(key)
    if not made and wiring.batches().ask_for_zip(batch):
        dispatcher.send_webhook({"webhook": "zip", "tenant": batch.tenant, "batch": batch.id})
    body = bodies.BatchZip(
        batch_id=batch.id,
        images=len(images),
        bytes=size,
        url=wiring.objects().link(key, f"{batch.id}.zip") if made else None,
        expires_in=URL_SECONDS if made else None,
    )
    if made:
        return respond(200, body, NO_STORE)
    return respond(202, body, {"location": f"{PREFIX}/batches/{batch.id}/zip", **POLL})


def _find(call: Call, batch_id: str) -> Batch:
    """Return the caller's batch. Raises the same NotFound for an unknown id, an expired one and another caller's."""
    batch = wiring.batches().get(call.known.tenant, batch_id)
    if batch is None:
        raise NotFound(f"Batch '{batch_id[:80]}' not found.")
    return batch
