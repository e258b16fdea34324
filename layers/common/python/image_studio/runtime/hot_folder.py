"""The operator's hot folder: inbox/<operation>/<choice>/<name> becomes a job of the operator's own.

The folder's second name fills one field of the request; FOLDERS is the whole grammar. A file whose name ends in .jsonl
is a batch: each line is the body of a request, so the choice may be left out, and any operation is a folder.

An object whose path or content isn't valid gets an error.json at once; the input is never touched. A job's id is made
of the event, so an event that comes twice makes one job.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from image_studio.errors import InvalidRequest, StudioError, Superseded, TemporarilyUnavailable, TooLarge, UnknownChoice
from image_studio.operations.table import OPERATIONS, Operation, error_payload, find_operation
from image_studio.runtime import hot_folder_results, wiring
from image_studio.runtime.auth import Caller
from image_studio.runtime.batches import Source, submit_batch
from image_studio.runtime.references import HotFolderObject
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.settings import settings
from image_studio.runtime.submit import Draft, Terms, record
from image_studio.runtime.uploads import main_image_field
from image_studio.schemas.batches import MAX_ITEMS, BatchRequest
from image_studio.schemas.common import Delivery
from image_studio.schemas.limits import MAX_FILE_BYTES
from image_studio.storage import keys
from image_studio.storage.credits import Allowance

log = logging.getLogger(__name__)


#: The folders of the inbox, each named for its operation, and the request field that its subfolders' names fill.
FOLDERS = {"social": "platforms", "upscale": "preset", "edit": "operation"}
OPERATOR = Caller(keys.OPERATOR, "enterprise")
MANY = 1_000_000  # in flight: a full inbox waits for workers, none of its objects is refused
DEPTH = 3  # parts of a path: operation, choice, name
LINES = ".jsonl"
MAX_LINES_BYTES = MAX_FILE_BYTES
LINES_SECONDS = 120.0  # to check the items of a file; the worker is stopped after 300


def drop(detail: Mapping[str, Any]) -> None:
    """Make a job of an object (the detail of S3's event), or write why it can't become one."""
    found = detail["object"]
    key = str(found["key"])  # as it is: EventBridge's keys aren't URL-encoded
    path = key.removeprefix(keys.INBOX)
    if not path or key.endswith("/"):
        return  # a folder, as consoles make them
    etag = str(found.get("etag") or found.get("eTag") or "")  # S3 writes etag, moto eTag
    event = "\n".join((detail["bucket"]["name"], key, etag, str(found.get("sequencer", ""))))
    dropped = HotFolderObject(hashlib.sha256(event.encode()).hexdigest()[:32], path, etag)
    try:
        if path.endswith(LINES):
            _drop_lines(dropped)
            return
        operation, fields = _parse_path(path)
        fields[main_image_field(operation.request)] = dropped.reference
        fields["delivery"] = Delivery.URL  # results are files, so no copies for a response are made
        request, _ = parse_request(operation.request, json.dumps(fields))
        cost = operation.estimate(request, wiring.api_context(OPERATOR, hot_folder=dropped))
        terms = Terms(cost=cost, job_id=dropped.id, inbox=path, etag=etag, allowance=_allowance())
        record(OPERATOR, Draft.of(operation, request), terms)
    except TemporarilyUnavailable:
        raise
    except Superseded:
        log.info("dropped image was replaced", extra={"job_id": dropped.id})
    except StudioError as error:
        name = path.partition("/")[0]
        document = {"status": error.status, "code": error.code, "detail": error.detail}
        if name in OPERATIONS:
            document = error_payload(error, find_operation(name))
        log.info("dropped image refused", extra={"job_id": dropped.id, "code": error.code})
        hot_folder_results.write_error(path, document, etag=etag)


def _allowance() -> Allowance:
    return Allowance(settings().monthly_credits[OPERATOR.tier], MANY)


def _drop_lines(dropped: HotFolderObject) -> None:
    """Make a batch of a file with the body of a request in each line."""
    operation, _, rest = dropped.path.partition("/")
    if operation not in OPERATIONS:
        raise UnknownChoice.of("folder", operation, tuple(OPERATIONS))
    shared = _parse_path(dropped.path)[1] if "/" in rest else {}
    shared |= {"delivery": Delivery.URL}
    request = BatchRequest(operation=operation, shared=shared, items=_read_lines(dropped))
    source = Source(
        batch_id=dropped.id,
        inbox=dropped.path,
        etag=dropped.etag,
        allowance=_allowance(),
        seconds=LINES_SECONDS,
        name=lambda index: f"line {index + 1}",
    )
    submit_batch(OPERATOR, request, source)


def _read_lines(dropped: HotFolderObject) -> list[dict[str, Any]]:
    """Return the objects in a file's lines. Raises InvalidRequest, Superseded."""
    try:
        found = wiring.objects().read(keys.INBOX + dropped.path, most=MAX_LINES_BYTES, etag=dropped.etag or None)
    except TooLarge:
        raise TooLarge(f"A file of requests may have at most {MAX_LINES_BYTES:,} bytes.") from None
    if found is None:
        raise Superseded
    lines = found.data.strip().split(b"\n")
    if len(lines) > MAX_ITEMS:
        raise InvalidRequest(f"A file of requests has at most {MAX_ITEMS} lines; this one has {len(lines)}.")
    return [_read_line(line, number) for number, line in enumerate(lines, start=1)]


def _read_line(line: bytes, number: int) -> dict[str, Any]:
    try:
        item = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        item = None
    if not isinstance(item, dict):
        raise InvalidRequest(f"line {number}: This is not a JSON object.")
    return item


def _parse_path(path: str) -> tuple[Operation, dict[str, Any]]:
    """The operation and the request fields that a path stands for. Raises InvalidRequest."""
    parts = path.split("/", DEPTH - 1)
    if parts[0] not in FOLDERS:
        raise UnknownChoice.of("folder", parts[0], tuple(FOLDERS))
    if len(parts) < DEPTH or not all(parts):
        raise InvalidRequest(f"Put the image into {keys.INBOX}{parts[0]}/<{FOLDERS[parts[0]]}>/.")
    field, words = FOLDERS[parts[0]], [word.strip() for word in parts[1].split(",") if word.strip()]
    return find_operation(parts[0]), {field: words if field == "platforms" else parts[1]}
