"""The library: a record for each asset, and rows of keys that find assets by date, tag, word and more.

Ids start with the time, so they sort by it. An index row has a key and nothing else: `<index>#<id>` or
`<index>#<value>#<id>`. A list of assets is an intersection of such rows; only the page's records are read.
One transaction writes an asset with all of its rows, so the numbers of tags (MAX_TAGS) and words are bounded: DynamoDB
takes 100 items.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from image_studio.storage import keys, transactions
from image_studio.storage.transactions import Item, change_of, pack, transact, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EDITABLE_WORDS, FIXED_WORDS = 30, 45  # of title, tags and description; of prompt, model, provider and file name
MAX_WORD = 32  # characters that are indexed
FIRST_ID, LAST_ID = "0" * 32, "f" * 32
SORTS = {"created_at": "CREATED#", "updated_at": "UPDATED#", "cost": "COST#", "file_size": "SIZE#", "title": "TITLE#"}
PRICE_STEP = 10_000  # a credit in the table's whole numbers
MAX_QUERIES = 10  # for one index: each reads 1 MB, about 11,000 rows
USAGE = {"download": "downloads", "share": "shares", "access": "accesses"}
_ASSET, _TOTALS, _FAVORITE = "ASSET#", "TOTALS", "FAVORITE#"
_WORD = re.compile(r"[^\W_]+")
_SOURCE = "source "  # how the totals' attributes start that count assets by module


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An image that a caller keeps. `updated` is epoch milliseconds; `cost` is in credits."""

    id: str
    source_module: str
    filename: str
    mime_type: str
    file_size: int
    title: str | None = None
    description: str | None = None
    prompt: str | None = None
    tags: list[str] = field(default_factory=list)
    asset_metadata: dict[str, Any] = field(default_factory=dict)
    provider: str | None = None
    model: str | None = None
    cost: float = 0.0
    generation_time: float | None = None
    updated: int = 0
    favorite: bool = False
    downloads: int = 0
    shares: int = 0

    @property
    def created(self) -> int:
        return int(self.id[:12], 16)


_COUNTED = ("updated", "favorite", "downloads", "shares")  # attributes of their own, beside the document


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetQuery:
    """What a list shows: all words, any of the tags, ids from `first` to `last`."""

    words: Sequence[str] = ()
    tags: Sequence[str] = ()
    favorites: bool = False
    source_module: str | None = None
    first: str = FIRST_ID
    last: str = LAST_ID
    sort_by: str = "created_at"
    ascending: bool = False
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a caller keeps at most."""

    assets: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Totals:
    """How much a caller keeps."""

    assets: int = 0
    size: int = 0  # bytes
    favorites: int = 0
    cost: float = 0.0  # credits
    by_source: Mapping[str, int] = field(default_factory=dict)


def new_asset_id() -> str:
    """Return an id of 32 hex digits: the time in milliseconds, then 80 random bits."""
    return id_at(int(time.time() * 1000)) + secrets.token_hex(10)


def id_at(milliseconds: int) -> str:
    """Return how ids of that time start."""
    return f"{max(0, milliseconds):012x}"[-12:]


def default_name(asset_id: str) -> str:
    """Return what the file of an asset is called where nobody named it; no search looks for that."""
    return f"image-{asset_id[:16]}"


def words_of(text: str | None) -> list[str]:
    """Return the words of a text, each once, as they are indexed and searched."""
    return list(dict.fromkeys(word[:MAX_WORD] for word in _WORD.findall((text or "").casefold())))


def index_rows(asset: Asset) -> set[str]:
    """Return the sort keys of an asset's index rows."""
    editable = words_of(" ".join([asset.title or "", *asset.tags, asset.description or ""]))[:EDITABLE_WORDS]
    name = asset.filename.rpartition(".")[0]
    named = "" if name == default_name(asset.id) else name
    fixed = words_of(" ".join(filter(None, [asset.model, asset.provider, named, asset.prompt])))[:FIXED_WORDS]
    indexes = [
        SORTS["created_at"],
        f"{SORTS['updated_at']}{asset.updated:013d}#",
        f"{SORTS['cost']}{_price(asset):012d}#",
        f"{SORTS['file_size']}{asset.file_size:012d}#",
        f"{SORTS['title']}{(asset.title or '').casefold()[:40]}#",
        _source_index(asset.source_module),
        *(_tag_index(tag) for tag in asset.tags),
        *(f"{_word_index(word)}#" for word in (*editable, *fixed)),
        *([_FAVORITE] if asset.favorite else []),
    ]
    return {index + asset.id for index in indexes}


def _tag_index(tag: str) -> str:
    return f"TAG#{tag.casefold().replace('%', '%25').replace('#', '%23')}#"


def _word_index(word: str) -> str:
    return f"WORD#{word}"  # without its end: a search finds words that start like it


def _source_index(module: str) -> str:
    return f"SOURCE#{module}#"


def _price(asset: Asset) -> int:
    return round(asset.cost * PRICE_STEP)


class LibraryStore:
    """The assets' records of one table. Changes are refused where the record is no longer as `asset` has it."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._db = client
        self._table = table

    # -- reading

    def get(self, tenant: str, asset_id: str) -> Asset | None:
        found = transactions.read(self._db, self._table, keys.library_key(tenant, _ASSET + asset_id))
        return _asset_from(found) if found else None

    def totals(self, tenant: str) -> Totals:
        found = transactions.read(self._db, self._table, keys.library_key(tenant, _TOTALS)) or {}
        sources = {name.removeprefix(_SOURCE): n for name, n in found.items() if name.startswith(_SOURCE) and n}
        cost = found.get("price", 0) / PRICE_STEP
        return Totals(found.get("n", 0), found.get("file_bytes", 0), found.get("favorites", 0), cost, sources)

    def find(self, tenant: str, query: AssetQuery) -> tuple[list[Asset], int]:
        """Return the page of assets, and how many match.

        One Query for each filter, or one for all assets where there is none; another one where they are sorted by
        anything but their creation; then one BatchGetItem for each hundred records of the page.
        """
        filters = list(self._filters(tenant, query))
        if filters and query.sort_by == "created_at":
            matching = sorted(set.intersection(*filters))
        else:
            index = SORTS[query.sort_by]
            span = (query.first, query.last) if query.sort_by == "created_at" else None
            matching = [each for each in self._ids(tenant, index, span) if all(each in some for some in filters)]
        matching = [each for each in matching if query.first <= each <= query.last]
        ordered = matching if query.ascending else matching[::-1]
        return self._load(tenant, ordered[query.offset : query.offset + query.limit]), len(ordered)

    def _filters(self, tenant: str, query: AssetQuery) -> Iterator[set[str]]:
        span = (query.first, query.last)
        if query.tags:
            yield {each for tag in query.tags for each in self._ids(tenant, _tag_index(tag), span)}
        if query.favorites:
            yield set(self._ids(tenant, _FAVORITE, span))
        if query.source_module:
            yield set(self._ids(tenant, _source_index(query.source_module), span))
        for word in query.words:
            yield set(self._ids(tenant, _word_index(word)))

    def _ids(self, tenant: str, index: str, span: tuple[str, str] | None = None) -> Iterator[str]:
        """Yield the ids in an index, in its order; with `span` only ids from the first to the last."""
        values = {":pk": keys.library_pk(tenant), ":low": index + span[0] if span else index}
        values |= {":high": index + span[1]} if span else {}
        more: dict[str, Any] = {}
        for _ in range(MAX_QUERIES):
            found = self._db.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND "
                + ("sk BETWEEN :low AND :high" if span else "begins_with(sk, :low)"),
                ExpressionAttributeValues=pack(values),
                ProjectionExpression="sk",
                **more,
            )
            yield from (item["sk"]["S"][-len(FIRST_ID) :] for item in found["Items"])
            if "LastEvaluatedKey" not in found:
                return
            more = {"ExclusiveStartKey": found["LastEvaluatedKey"]}

    def _load(self, tenant: str, ids: Sequence[str]) -> list[Asset]:
        """Return the assets in the order of their ids; those that were deleted meanwhile are left out."""
        wanted = [keys.library_key(tenant, _ASSET + each) for each in ids]
        records = transactions.read_many(self._db, self._table, wanted, consistent=False)
        found = {asset.id: asset for asset in map(_asset_from, records)}
        return [found[each] for each in ids if each in found]

    # -- changing

    def add(self, tenant: str, asset: Asset, most: Quota) -> bool:
        """Record a new asset; False where the caller's quota doesn't allow it."""
        if asset.file_size > most.size or most.assets < 1:
            return False
        room = {":most": most.assets, ":room": most.size - asset.file_size}
        fits = "(attribute_not_exists(n) OR n < :most) AND (attribute_not_exists(file_bytes) OR file_bytes <= :room)"
        steps = {
            "asset": {"Put": {**self._on(Item=_item_of(tenant, asset)), "ConditionExpression": _NEW}},
            "totals": self._count(tenant, asset, 1, fits, room),
            **self._put(tenant, index_rows(asset)),
        }
        return "totals" not in transact(self._db, steps)

    def change(self, tenant: str, asset: Asset, changed: Asset) -> bool:
        """Replace what describes an asset; False where it changed meanwhile."""
        old, new = index_rows(asset), index_rows(changed)
        record = self._if_same(tenant, asset, "SET document = :new, updated = :updated")
        values = {":new": _document(changed), ":updated": changed.updated}
        record["Update"]["ExpressionAttributeValues"] |= pack(values)
        steps = {"asset": record, **self._put(tenant, new - old), **self._delete(tenant, old - new)}
        return not transact(self._db, steps)

    def set_favorite(self, tenant: str, asset: Asset, favorite: bool) -> bool:
        """Mark an asset as a favorite or not; False where it changed meanwhile."""
        row = {_FAVORITE + asset.id}
        record = self._if_same(tenant, asset, "SET favorite = :new")
        record["Update"]["ExpressionAttributeValues"] |= pack({":new": favorite})
        totals = change_of(
            self._table,
            keys.library_key(tenant, _TOTALS),
            "ADD favorites :step",
            {":step": 1 if favorite else -1},
        )
        rows = self._put(tenant, row) if favorite else self._delete(tenant, row)
        return not transact(self._db, {"asset": record, "totals": {"Update": totals}, **rows})

    def count_usage(self, tenant: str, asset_id: str, action: str) -> bool:
        """Count a use of an asset, one of USAGE; False where there is none."""
        key = keys.library_key(tenant, _ASSET + asset_id)
        change = change_of(
            self._table, key, "ADD #count :one", {":one": 1}, "attribute_exists(pk)", names={"#count": USAGE[action]}
        )
        return update(self._db, change) is not None

    def remove(self, tenant: str, asset: Asset) -> bool:
        """Delete an asset's record and rows; False where it changed meanwhile."""
        condition = self._if_same(tenant, asset, "")["Update"]
        del condition["UpdateExpression"]
        steps = {
            "asset": {"Delete": condition},
            "totals": self._count(tenant, asset, -1),
            **self._delete(tenant, index_rows(asset)),
        }
        return not transact(self._db, steps)

    def _if_same(self, tenant: str, asset: Asset, change: str) -> Item:
        """Return a step that changes an asset's record if it is as it was read."""
        seen = {":was": asset.updated, ":favorite": asset.favorite}
        condition = "updated = :was AND favorite = :favorite"
        return {"Update": change_of(self._table, keys.library_key(tenant, _ASSET + asset.id), change, seen, condition)}

    def _count(
        self, tenant: str, asset: Asset, step: int, condition: str = "", values: Mapping[str, int] | None = None
    ) -> Item:
        """Return the step that adds an asset to its caller's totals, or takes it out with a `step` of -1."""
        amounts = {":n": step, ":size": step * asset.file_size, ":price": step * _price(asset)}
        amounts |= {":favorites": step * int(asset.favorite), **(values or {})}
        change = "ADD n :n, file_bytes :size, price :price, favorites :favorites, #source :n"
        names = {"#source": _SOURCE + asset.source_module}
        return {
            "Update": change_of(self._table, keys.library_key(tenant, _TOTALS), change, amounts, condition, names=names)
        }

    def _put(self, tenant: str, rows: set[str]) -> dict[str, Item]:
        return {f"put {sk}": {"Put": self._on(Item=keys.library_key(tenant, sk))} for sk in rows}

    def _delete(self, tenant: str, rows: set[str]) -> dict[str, Item]:
        return {f"delete {sk}": {"Delete": self._on(Key=keys.library_key(tenant, sk))} for sk in rows}

    def _on(self, **parts: Any) -> Item:
        return {"TableName": self._table, **parts}


_NEW = "attribute_not_exists(pk)"


def _document(asset: Asset) -> str:
    fields = {name: value for name, value in asdict(asset).items() if name not in _COUNTED and value is not None}
    return json.dumps(fields, ensure_ascii=False)


def _item_of(tenant: str, asset: Asset) -> Item:
    values = {"document": _document(asset), **{name: getattr(asset, name) for name in _COUNTED}}
    return keys.library_key(tenant, _ASSET + asset.id) | pack(values)


def _asset_from(item: Mapping[str, Any]) -> Asset:
    return Asset(**json.loads(item["document"]), **{name: item[name] for name in _COUNTED})
