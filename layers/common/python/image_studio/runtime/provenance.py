"""Provenance: fingerprints of results are kept, and POST /provenance/inspect says where an image comes from."""

import hashlib
import logging
import time
from collections.abc import Sequence

from image_studio.errors import TemporarilyUnavailable
from image_studio.imaging.content_credentials import Manifest, read_manifest
from image_studio.imaging.decode import DecodeLimits, decode, detect_file_type
from image_studio.imaging.fingerprint import NEAR, bands, distance, fingerprints
from image_studio.imaging.xmp import read_mark
from image_studio.operations.single_image import read_image
from image_studio.runtime import metrics, wiring
from image_studio.runtime.api import NO_STORE, Call, Response, respond
from image_studio.runtime.aws_clients import STORAGE_FAILURES
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import TIERS, settings
from image_studio.schemas import provenance as bodies
from image_studio.schemas.limits import SourceType
from image_studio.storage.fingerprints import Fingerprint, MadeImage
from image_studio.storage.job import Job

log = logging.getLogger(__name__)


def record(job: Job, variation: int, data: bytes, found: Sequence[int], like_source: bool) -> None:
    """Keep what tells later that the job made this file. Where that fails, the image is still delivered."""
    days = settings().provenance_days
    if not days:
        return
    made = MadeImage(job.tenant, job.id, variation, int(time.time() * 1000), like_source)
    kept = [Fingerprint(f"{one:032x}", bands(one)) for one in found]
    try:
        wiring.fingerprints().put(made, _digest(data), kept, days)
    except (*STORAGE_FAILURES, TemporarilyUnavailable):
        log.exception("fingerprint not kept", extra={"job_id": job.id})
        metrics.emit({"UnrecordedImages": 1})


def inspect(call: Call) -> Response:
    """Answer POST /provenance/inspect: the marks that an image carries, and whether it was made here."""
    request = read_request(bodies.InspectRequest, call)
    data = read_image(request.image_base64, wiring.api_context(call.known))
    image = decode(data, DecodeLimits(max_pixels=TIERS[call.known.tier].max_pixels))
    mark, manifest = read_mark(data), read_manifest(data)
    stated = [each.source_type for each in (mark, manifest) if each and each.source_type]
    match = find(data, fingerprints(image, crops=1))
    body = bodies.InspectResponse(
        file_type=detect_file_type(data).value,
        width=image.width,
        height=image.height,
        digital_source_type=max(stated, key=list(SourceType).index) if stated else None,
        iptc=bodies.IptcMark(digital_source_type=mark.source_type, ai_system_used=mark.ai_system) if mark else None,
        content_credentials=_credentials(manifest) if manifest else None,
        made_here=_made_here(*match) if match else False,
        match=_match(*match, call.known.tenant) if match else None,
    )
    return respond(200, body, NO_STORE)


def find(data: bytes, found: Sequence[int]) -> tuple[MadeImage, int | None] | None:
    """Return our result that has this file (then the distance is None), or else the one that looks most like it."""
    made = wiring.fingerprints().find_file(_digest(data))
    if made:
        return made, None
    near = [
        (distance(one, int(text, 16)), made)
        for one in found
        for text, made in wiring.fingerprints().find_parts(bands(one))
    ]
    least, made = min(near, key=lambda each: each[0], default=(NEAR + 1, None))
    return (made, least) if made and least <= NEAR else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _made_here(made: MadeImage, bits: int | None) -> bool | None:
    """Return None where the image may as well be the one that our result was made from."""
    return None if bits is not None and made.like_source else True


def _match(made: MadeImage, bits: int | None, tenant: str) -> bodies.MadeHere:
    own = made.tenant == tenant
    return bodies.MadeHere(
        how="same_file" if bits is None else "similar_image" if _made_here(made, bits) else "result_or_its_source",
        differing_bits=bits,
        made_at=made.made_at,
        job_id=made.job_id if own else None,
        variation=made.variation if own else None,
    )


def _credentials(manifest: Manifest) -> bodies.ContentCredentials:
    return bodies.ContentCredentials(
        valid=manifest.valid,
        signed_by=manifest.signed_by,
        common_name=manifest.common_name,
        generator=manifest.generator,
        signed_at=manifest.signed_at,
        digital_source_type=manifest.source_type,
        actions=list(manifest.actions),
        problems=list(manifest.problems),
    )
