"""The names of records and objects. One table (`pk`, `sk`), one bucket; all of a caller's keys start with its tenant.

Records, with how they are read:

    pk               sk                   what                     read by
    CALLER#<tenant>  JOB#<id>             a job                    id; newest first through the index by_created.
                                                                   One that awaits an upload has the upload's id
    CALLER#<tenant>  KEY#<hash>           an Idempotency-Key       hash of the key, 24 hours
    CALLER#<tenant>  PERSONA#<id>         a persona                id; all by prefix
    CALLER#<tenant>  PERSONAS             how many there are       written beside them, read by its condition only
    CALLER#<tenant>  CREDITS#<yyyy-mm>    credits of a month       month
    LIBRARY#<tenant> ASSET#<id>           an asset of the library  id; a page's records together (BatchGetItem)
    LIBRARY#<tenant> <index>#<...>#<id>   keys that find assets    one Query: CREATED, UPDATED, COST, SIZE and TITLE
                                                                   in their order; SOURCE, TAG and FAVORITE by value,
                                                                   from id to id; WORD by a word's start
    LIBRARY#<tenant> TOTALS               what it holds            one item; its condition is the quota
    BATCHES#<tenant> BATCH#<id>           a batch                  id; newest first through the index by_created
    BATCHES#<tenant> ITEMS#<id>           what its jobs are to be  id, when the jobs are made
    LIMITS#<tenant>  RATE#<yyyy-mm-dd>    request counters         day (UTC)
    LIMITS#<tenant>  WAITS                open waits, by slot      one item
    HOOKS#<tenant>   ENDPOINT#<id>        a webhook endpoint       id; all by prefix
    HOOKS#<tenant>   ENDPOINTS            how many there are       written beside them, read by its condition only
    HOOKS#<tenant>   DELIVERY#<id>#<at>#… a call of an endpoint    the newest 20 by prefix; kept for 30 days
    HOOKS#<tenant>   SECRET               signs requests' URLs     one item
    STUDIO           PROVIDERS            names configured         one item
    STUDIO           HEALTH#<provider>    breaker of a provider    provider
    PRINT#<SHA-256>  FILE                 whose result a file is   hash of the file
    PRINT#<band>     <ms>#<job>#<n>#<n>   a fingerprint            a part of it, by band and value; newest first

    IAM's dynamodb:LeadingKeys tells partitions apart: every API function counts in LIMITS#, only those that make jobs
    or personas write to CALLER#, only the library's to LIBRARY#, only jobs and the worker to BATCHES#, only the jobs
    function to HOOKS#, only the worker writes to STUDIO and PRINT#, only inspect reads PRINT#.

    index by_created (pk, created): jobs and batches only, they alone have `created`
    index by_lease (lease, lease_until): open jobs, eight partitions, and open batches, one; read by the reaper

Objects:

    uploads/<tenant>/<id>                          an upload; it has no record, its key says whose it is
    inputs/<tenant>/<job>/<SHA-256>.json           a job's request, named for its content
    inputs/<tenant>/<job>/<SHA-256>                an image that the request carried or referred to, as it was priced;
                                                   the jobs of a batch have theirs under the batch's id
    results/<tenant>/<job>/<variation>[.raw]       a result, and the provider's bytes that it is made of
    results/<tenant>/<job>/<variation>.inline      a result's smaller copy, where the result is too large for a response
    library/<tenant>/<id>/original, .../thumbnail  an asset's file as it was saved, and a small WebP; kept until deleted
    results/<tenant>/<batch>/zip                   the results of a batch in one file, when somebody asks for it
    inbox/<path>, outbox/<path>/...                the operator's hot folder: result.json or error.json, and images
"""

import hashlib
from datetime import datetime
from zlib import crc32

from image_studio.storage.transactions import Item, pack

WAITS_SK = "WAITS"
#: Open jobs are spread, so that one partition's 1,000 writes per second aren't the limit.
LEASES = tuple(f"open#{number}" for number in range(8))
BATCH_LEASE = "open#batches"
#: The operator's hot folder. The operator is a tenant of its own; callers' tenants are hashes, so none has its name.
INBOX, OUTBOX, OPERATOR = "inbox/", "outbox/", "operator"
UPLOADS = "uploads/"
_CALLER, _BATCHES = "CALLER#", "BATCHES#"
_PRINT = "PRINT#"


def tenant_of(sub: str) -> str:
    """Return the caller's name in keys: a hash, so that no claim ends up in a key or a log."""
    return hashlib.sha256(sub.encode()).hexdigest()[:32]


def caller_pk(tenant: str) -> str:
    return _CALLER + tenant


def tenant_in(pk: str) -> str:
    return pk.removeprefix(_CALLER).removeprefix(_BATCHES)


def caller_key(tenant: str, sk: str) -> Item:
    return pack({"pk": caller_pk(tenant), "sk": sk})


def limits_key(tenant: str, sk: str) -> Item:
    return pack({"pk": f"LIMITS#{tenant}", "sk": sk})


def hooks_pk(tenant: str) -> str:
    return f"HOOKS#{tenant}"


def library_pk(tenant: str) -> str:
    return f"LIBRARY#{tenant}"


def library_key(tenant: str, sk: str) -> Item:
    return pack({"pk": library_pk(tenant), "sk": sk})


def batches_pk(tenant: str) -> str:
    return f"{_BATCHES}{tenant}"


def batch_key(tenant: str, batch_id: str) -> Item:
    return pack({"pk": batches_pk(tenant), "sk": f"BATCH#{batch_id}"})


def batch_items_key(tenant: str, batch_id: str) -> Item:
    return pack({"pk": batches_pk(tenant), "sk": f"ITEMS#{batch_id}"})


def job_key(tenant: str, job_id: str) -> Item:
    return caller_key(tenant, f"JOB#{job_id}")


def idempotency_key(tenant: str, text: str) -> Item:
    """Return the key of an Idempotency-Key's record: a hash, since `text` may be 255 characters of anything."""
    return caller_key(tenant, f"KEY#{hashlib.sha256(text.encode()).hexdigest()}")


def rate_sk(day: datetime) -> str:
    return f"RATE#{day:%Y-%m-%d}"


def file_key(digest: str) -> Item:
    """Return the key of what is known of a result by the SHA-256 of its file, hex."""
    return pack({"pk": f"{_PRINT}{digest}", "sk": "FILE"})


def print_pk(band: int, value: int) -> str:
    """Return the partition of the fingerprints whose part number `band` has that value."""
    return f"{_PRINT}{band}#{value:04x}"


def lease_partition(job_id: str) -> str:
    return LEASES[crc32(job_id.encode()) % len(LEASES)]


def input_prefix(tenant: str, job_id: str) -> str:
    return f"inputs/{tenant}/{job_id}/"


def request_key(tenant: str, job_id: str, name: str) -> str:
    return f"{input_prefix(tenant, job_id)}{name}.json"


def input_key(tenant: str, job_id: str, name: str) -> str:
    """Return the key of an image that a job's request carried; `name` is the SHA-256 of its bytes, hex."""
    return f"{input_prefix(tenant, job_id)}{name}"


def result_prefix(tenant: str, job_id: str) -> str:
    return f"results/{tenant}/{job_id}/"


def result_key(tenant: str, job_id: str, variation: int) -> str:
    return f"{result_prefix(tenant, job_id)}{variation}"


def raw_key(tenant: str, job_id: str, variation: int) -> str:
    return f"{result_key(tenant, job_id, variation)}.raw"


def copy_key(tenant: str, job_id: str, variation: int) -> str:
    return f"{result_key(tenant, job_id, variation)}.inline"


def zip_key(tenant: str, batch_id: str) -> str:
    return f"{result_prefix(tenant, batch_id)}zip"


def upload_key(tenant: str, upload_id: str) -> str:
    return f"{UPLOADS}{tenant}/{upload_id}"


def asset_key(tenant: str, asset_id: str) -> str:
    return f"library/{tenant}/{asset_id}/original"


def thumbnail_key(tenant: str, asset_id: str) -> str:
    return f"library/{tenant}/{asset_id}/thumbnail"
