"""Personas: one record each beside a count, so that how many a caller keeps is bounded exactly."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from image_studio.errors import TemporarilyUnavailable
from image_studio.storage import keys, transactions
from image_studio.storage.transactions import Item, count_step, pack, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Document = Mapping[str, Any]
MAX_TRIES = 3  # of a write that met a deletion
_PREFIX = "PERSONA#"
_COUNT = "PERSONAS"


class TooManyPersonas(Exception):
    """The caller keeps as many as there may be."""


class PersonaStore:
    """The personas of one table. A document is a JSON object; this store doesn't look into it."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._db = client
        self._table = table

    def get(self, tenant: str, persona_id: str) -> Document | None:
        found = transactions.read(self._db, self._table, _key(tenant, persona_id), consistent=False)
        return _document(found) if found else None

    def all(self, tenant: str, most: int) -> Iterator[tuple[str, Document]]:
        """Yield up to `most` ids with their documents, by id."""
        pk = keys.caller_pk(tenant)
        for item in transactions.read_prefix(self._db, self._table, pk, _PREFIX, Limit=most):
            yield item["sk"].removeprefix(_PREFIX), _document(item)

    def put(self, tenant: str, persona_id: str, document: Document, most: int) -> bool:
        """Write a document; return whether it is new. Raises TooManyPersonas above `most`, TemporarilyUnavailable."""
        text = json.dumps(document, ensure_ascii=False)
        item = _key(tenant, persona_id) | pack({"document": text})
        steps = {
            "new": {"Put": self._on(Item=item, ConditionExpression="attribute_not_exists(pk)")},
            "count": self._count(tenant, 1, most),
        }
        for _ in range(MAX_TRIES):
            refused = transact(self._db, steps)
            if not refused:
                return True
            if "new" not in refused:
                raise TooManyPersonas
            try:
                self._db.put_item(**self._on(Item=item, ConditionExpression="attribute_exists(pk)"))
            except self._db.exceptions.ConditionalCheckFailedException:
                continue  # it was deleted meanwhile
            return False
        raise TemporarilyUnavailable

    def delete(self, tenant: str, persona_id: str) -> bool:
        """Delete a document; False where there is none."""
        there = self._on(Key=_key(tenant, persona_id), ConditionExpression="attribute_exists(pk)")
        return not transact(self._db, {"old": {"Delete": there}, "count": self._count(tenant, -1)})

    def _count(self, tenant: str, step: int, most: int | None = None) -> Item:
        return count_step(self._table, keys.caller_key(tenant, _COUNT), step, most)

    def _on(self, **parts: Any) -> Item:
        return {"TableName": self._table, **parts}


def _key(tenant: str, persona_id: str) -> Item:
    return keys.caller_key(tenant, _PREFIX + persona_id)


def _document(item: Mapping[str, Any]) -> Document:
    document: Document = json.loads(item["document"])
    return document
