"""The HTTP door of free work: it is done at once, inside the request, and nothing of it is recorded.

What doesn't fit into one answer is put where jobs put their results, and given as a URL.
"""

from typing import Any

from image_studio.errors import StudioError
from image_studio.operations import find_operation
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import Entry, NullJournal, Stage
from image_studio.runtime import wiring
from image_studio.runtime.api import Call, Response, ignored_header, respond
from image_studio.runtime.deliver import delivered
from image_studio.runtime.library import CallerLibrary
from image_studio.runtime.request_parsing import parse_request
from image_studio.runtime.settings import TIERS
from image_studio.runtime.verdict import prefixed
from image_studio.schemas.common import Delivery, StoredImage
from image_studio.storage import keys
from image_studio.storage.job import new_id


class Staging(NullJournal):
    """A journal of one request: images stay in memory, under the keys that they get if they have to be staged."""

    def __init__(self, tenant: str, name: str) -> None:
        super().__init__()
        self._tenant = tenant
        self._name = name

    def keep(self, entry: Entry, data: bytes, mime: str) -> Entry:
        """Hold the image."""
        stored = StoredImage(keys.result_key(self._tenant, self._name, entry.variation), len(data), mime)
        self.images[stored.key] = data
        return entry.with_(stage=Stage.DONE, stored=stored)


def serve_now(call: Call, name: str) -> Response:
    """POST of free work: 200 with its documented body. Raises what makes the request invalid."""
    row = find_operation(name)
    request, ignored = parse_request(row.request, call.text())
    call.headers.update(ignored_header(ignored))
    tenant, request_id = call.known.tenant, new_id()
    journal = Staging(tenant, request_id)
    library = CallerLibrary(tenant, wiring.jobs(), wiring.images())
    most = TIERS[call.known.tier].max_pixels
    studio = OperationContext(configured=frozenset(), journal=journal, library=library, max_pixels=most)
    row.estimate(request, studio)
    try:
        answer: Any = row.run(request, studio)
    except StudioError as error:
        raise prefixed(error, row) from error
    body = delivered(answer, getattr(request, "delivery", Delivery.AUTO), request_id, journal.images.get)
    _stage(answer, journal)
    return respond(200, body, {"cache-control": "no-store"})


def _stage(answer: Any, journal: Staging) -> None:
    """Put what is given as a URL where the URL points."""
    for part in answer.deliverables():
        if part.image_url and part.stored:
            wiring.images().put_once(part.stored.key, journal.images[part.stored.key], part.stored.mime)
