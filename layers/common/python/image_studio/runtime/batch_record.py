"""What callers see of a batch: its record, its items, and its results in one zip."""

from tempfile import TemporaryFile
from zipfile import ZIP_STORED, ZipFile

from image_studio.runtime import wiring
from image_studio.runtime.job_journal import entries_of
from image_studio.runtime.job_record import job_record
from image_studio.runtime.settings import PREFIX
from image_studio.schemas import batches as bodies
from image_studio.schemas.common import StoredImage, extension_of
from image_studio.storage import keys
from image_studio.storage.batch import Batch
from image_studio.storage.job import DAY, Job

#: Of the results in one zip: the worker collects them in its /tmp, which has 512 MB.
MAX_ZIP_BYTES = 400_000_000
ZIP = "application/zip"


def batch_record(batch: Batch) -> bodies.BatchRecord:
    url = f"{PREFIX}/batches/{batch.id}"
    return bodies.BatchRecord(
        batch_id=batch.id,
        status="completed" if batch.ended else "running",
        status_url=url,
        zip_url=f"{url}/zip",
        operation=batch.operation,
        created_at=batch.created_at,
        finished_at=batch.finished_at if batch.ended else None,
        expires_at=(batch.expires - DAY) * 1000,
        counts=bodies.BatchCounts(total=batch.size, succeeded=batch.succeeded, failed=batch.failed),
        credits=bodies.BatchCredits(reserved=batch.reserved, charged=batch.charged),
    )


def batch_details(batch: Batch) -> bodies.BatchDetails:
    items = [_item(batch, index, job) for index, job in enumerate(wiring.batches().jobs(batch))]
    return bodies.BatchDetails(**batch_record(batch).model_dump(), items=items)


def _item(batch: Batch, index: int, job: Job | None) -> bodies.BatchItem:
    if job:
        record = job_record(job)
        names = [name for name in bodies.BatchItem.model_fields if name != "index"]
        return bodies.BatchItem(index=index, **{name: getattr(record, name) for name in names})
    job_id = batch.job_id(index)
    url = f"{PREFIX}/jobs/{job_id}"
    return bodies.BatchItem(
        index=index,
        job_id=job_id,
        status="queued" if index >= batch.made else "deleted",
        status_url=url,
        result_url=f"{url}/result",
        progress=None,
        credits=None,
        error=None,
    )


# -- the zip


def images_of(batch: Batch) -> dict[str, StoredImage]:
    """Return the batch's images by their names in its zip: the item's number, from 1, and where it has many, theirs."""
    found = {}
    for number, job in enumerate(wiring.batches().jobs(batch), start=1):
        entries = [entry for entry in entries_of(job).values() if entry.stored] if job else []
        for entry in entries:
            stored = entry.stored
            assert stored  # noqa: S101  the entries without one are left out
            name = f"{number:03}" if len(entries) == 1 else f"{number:03}-{entry.variation}"
            found[f"{name}.{extension_of(stored.mime)}"] = stored
    return found


def make_zip(tenant: str, batch_id: str) -> None:
    """Write the zip of a batch that has ended, unless it is there. Images that are gone are left out."""
    batch = wiring.batches().get(tenant, batch_id)
    key = keys.zip_key(tenant, batch_id)
    if batch is None or not batch.ended or wiring.objects().exists(key):
        return
    images = images_of(batch)
    if sum(image.size for image in images.values()) > MAX_ZIP_BYTES:
        return  # the API refuses it
    with TemporaryFile() as file:
        with ZipFile(file, "w", ZIP_STORED) as archive:
            for name, image in images.items():
                data = wiring.objects().get(image.key)
                if data is not None:
                    archive.writestr(name, data)
        file.seek(0)
        wiring.objects().put(key, file, ZIP)
    wiring.batches().zip_made(batch)
