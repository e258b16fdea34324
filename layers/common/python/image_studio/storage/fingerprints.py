"""Fingerprints of results: whose they are, found by a file's hash, or by a part of what an image shows."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage import keys, transactions
from image_studio.storage.job import DAY
from image_studio.storage.transactions import Item, pack, unpack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_FOUND = 200  # fingerprints of one part that are read, the newest ones
MAX_TRIES = 4  # of what the table did not take
PAUSE = 0.1  # seconds, doubled at each try


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A result: whose it is, the job, the variation, and when it was made (epoch milliseconds).

    With `like_source` it looks like the image that it was made from.
    """

    tenant: str
    job_id: str
    variation: int
    made_at: int
    like_source: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What an image shows, as hex digits, and the parts under which it is found."""

    text: str
    bands: Sequence[int]


class FingerprintStore:
    """The fingerprints of one table. They outlive their job, for `days`."""

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._db = client
        self._table = table
        self._now = clock

    def put(self, made: MadeImage, digest: str, fingerprints: Sequence[Fingerprint], days: int) -> None:
        """Record a result by its file's SHA-256 (hex) and by what it shows, in one call. Raises TemporarilyUnavailable.

        DynamoDB takes 25 records in a call: one for the file, and four parts of six fingerprints.
        """
        kept = {**asdict(made), "expires": int(self._now()) + days * DAY}
        items = [keys.file_key(digest) | pack(kept)]
        for number, one in enumerate(fingerprints):
            sk = f"{made.made_at:013}#{made.job_id}#{made.variation}#{number}"
            for band, value in enumerate(one.bands):
                items.append(pack({"pk": keys.print_pk(band, value), "sk": sk, "fingerprint": one.text, **kept}))
        self._write(items)

    def _write(self, items: Sequence[Item]) -> None:
        left: Any = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        for attempt in range(MAX_TRIES):
            left = self._db.batch_write_item(RequestItems=left)["UnprocessedItems"]
            if not left:
                return
            time.sleep(PAUSE * 2**attempt)
        raise TemporarilyUnavailable

    def find_file(self, digest: str) -> MadeImage | None:
        """Return the result that has this SHA-256 (hex)."""
        found = transactions.read(self._db, self._table, keys.file_key(digest), consistent=False)
        return _made(found) if found and found["expires"] > self._now() else None

    def find_parts(self, bands: Sequence[int]) -> Iterator[tuple[str, MadeImage]]:
        """Yield the fingerprints that have one of these parts, with their results: one query a part."""
        with ThreadPoolExecutor(len(bands)) as threads:
            for items in threads.map(self._query, range(len(bands)), bands):
                yield from ((item["fingerprint"], _made(item)) for item in items if item["expires"] > self._now())

    def _query(self, band: int, value: int) -> list[dict[str, Any]]:
        found = self._db.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=pack({":pk": keys.print_pk(band, value)}),
            ScanIndexForward=False,
            Limit=MAX_FOUND,
        )
        return [unpack(item) for item in found["Items"]]


def _made(item: dict[str, Any]) -> MadeImage:
    return MadeImage(**{name: item[name] for name in MadeImage.__dataclass_fields__})
