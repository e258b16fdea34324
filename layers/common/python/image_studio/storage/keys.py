"""The names of records and objects. One table (`pk`, `sk`), one bucket; all of a caller's keys start with its tenant.

Records, with how they are read:

    pk               sk                   what                     read by
    CALLER#<tenant>  JOB#<id>             a job                    id; newest first through the index by_created.
                                                                   One that awaits an upload has the upload's id
    CALLER#<tenant>  KEY#<hash>           an Idempotency-Key       hash of the key, 24 hours
    CALLER#<tenant>  PERSONA#<id>         a persona                id; all by prefix
    CALLER#<tenant>  PERSONAS             how many there are       written beside them, read by its condition only
    CALLER#<tenant>  CREDITS#<yyyy-mm>    credits of a month       month
    CALLER#<tenant>  RATE                 request counters         one item
    CALLER#<tenant>  WAITS                open waits, by slot      one item
    STUDIO           PROVIDERS            names configured         one item
    STUDIO           REAPER               when it last swept       one item
    STUDIO           HEALTH#<provider>    breaker of a provider    provider

    index by_created (pk, created): jobs only, they alone have `created`
    index by_lease (lease, lease_until): open jobs only, eight partitions, read by the reaper

Objects: uploads/<tenant>/<id>, inputs/<tenant>/<job>/<request hash>.json, results/<tenant>/<job>/<variation>[.raw];
an upload has no record, its name says whose it is. The operator's hot folder has names of its own:
inbox/<path> is answered by outbox/<path>/result.json or error.json, with the images beside it.
"""

import hashlib
from zlib import crc32

from image_studio.storage.items import Item, pack

RATE_SK = "RATE"
WAITS_SK = "WAITS"
#: Open jobs are spread, so that one partition's 1,000 writes per second aren't the limit.
LEASES = tuple(f"open#{number}" for number in range(8))
#: The operator's hot folder: what is dropped, and what comes of it. The operator is a tenant of its own, whose
#: name is no caller's: those are hashes.
INBOX, OUTBOX, OPERATOR = "inbox/", "outbox/", "operator"
UPLOADS = "uploads/"
_CALLER = "CALLER#"


def tenant_of(sub: str) -> str:
    """The caller's name in keys: a hash, so that no claim ends up in a key or a log."""
    return hashlib.sha256(sub.encode()).hexdigest()[:32]


def caller_pk(tenant: str) -> str:
    """The partition of everything that a caller owns."""
    return _CALLER + tenant


def tenant_in(pk: str) -> str:
    """Whose partition it is."""
    return pk.removeprefix(_CALLER)


def job_key(tenant: str, job_id: str) -> Item:
    """A job's key, as DynamoDB wants it."""
    return pack({"pk": caller_pk(tenant), "sk": job_sk(job_id)})


def job_sk(job_id: str) -> str:
    """A job within its caller's partition."""
    return f"JOB#{job_id}"


def key_sk(idempotency_key: str) -> str:
    """An Idempotency-Key within its caller's partition; hashed, it may be 255 characters of anything."""
    return f"KEY#{hashlib.sha256(idempotency_key.encode()).hexdigest()}"


def lease_partition(job_id: str) -> str:
    """The partition of the lease index that a job belongs to."""
    return LEASES[crc32(job_id.encode()) % len(LEASES)]


def input_key(tenant: str, job_id: str, request_hash: str) -> str:
    """The object with a job's request."""
    return f"{input_prefix(tenant, job_id)}{request_hash}.json"


def result_prefix(tenant: str, job_id: str) -> str:
    """Where a job's images lie."""
    return f"results/{tenant}/{job_id}/"


def result_key(tenant: str, job_id: str, variation: int) -> str:
    """A finished image."""
    return f"{result_prefix(tenant, job_id)}{variation}"


def raw_key(tenant: str, job_id: str, variation: int) -> str:
    """A provider's bytes as they came, kept until the finished image is there."""
    return f"{result_key(tenant, job_id, variation)}.raw"


def upload_key(tenant: str, upload_id: str) -> str:
    """An uploaded input."""
    return f"{UPLOADS}{tenant}/{upload_id}"


def input_prefix(tenant: str, job_id: str) -> str:
    """Where a job's request lies."""
    return f"inputs/{tenant}/{job_id}/"
