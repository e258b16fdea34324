"""The library's records: every list is a few calls, every change one transaction, and the quota is exact."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import aws_clients
from image_studio.runtime.settings import TIERS
from image_studio.schemas.limits import MAX_TAGS
from image_studio.storage import library, transactions
from image_studio.storage.job import new_id
from image_studio.storage.keys import library_key, library_pk
from image_studio.storage.library import Asset, AssetQuery, LibraryStore, Quota, id_at, index_rows, words_of
from tests.storage.conftest import refuse_reserved_words
from tests.tables import TABLE, fake_aws

ROOMY = Quota(1_000_000, 10**12)
START = 1_790_000_000_000  # milliseconds


@pytest.fixture(scope="module")
def store() -> Iterator[LibraryStore]:
    """One table for this file; each test has a tenant of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with fake_aws(patch):
            aws_clients.dynamodb().meta.events.register("before-parameter-build.dynamodb", refuse_reserved_words)
            yield LibraryStore(aws_clients.dynamodb(), TABLE)


@pytest.fixture
def tenant() -> Iterator[str]:
    """A caller whose records are gone after the test: moto copies the whole table for each transaction."""
    made = new_id()
    yield made
    dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE].items.pop(library_pk(made), None)


def asset(number: int, **given: Any) -> Asset:
    """The asset that was made in this second, from 0."""
    known = {"source_module": "image_studio", "filename": "image.png", "mime_type": "image/png", "file_size": 100}
    return Asset(**{"id": id_at(START + 1000 * number) + f"{number:020x}", "updated": START, **known, **given})


def fill(store: LibraryStore, tenant: str, *assets: Asset) -> None:
    for each in assets:
        assert store.add(tenant, each, ROOMY)


def found(store: LibraryStore, tenant: str, **asked: Any) -> list[int]:
    """The numbers of the assets on a page, which is the only one."""
    assets, total = store.find(tenant, AssetQuery(**asked))
    assert total == len(assets)
    return [(each.created - START) // 1000 for each in assets]


def rows(tenant: str) -> Counter[str]:
    items = aws_clients.dynamodb().query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": library_pk(tenant)}},
    )["Items"]
    return Counter(item["sk"]["S"].partition("#")[0] for item in items)


@contextmanager
def calls() -> Iterator[list[str]]:
    """The DynamoDB operations that are called meanwhile."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events = aws_clients.dynamodb().meta.events
    events.register("before-call.dynamodb", note)
    yield made
    events.unregister("before-call.dynamodb", note)


def test_an_asset_comes_back_as_it_was_saved(store: LibraryStore, tenant: str) -> None:
    full = asset(1, title="Ein Schloß", tags=["A#b", "50%"], asset_metadata={"a": [1.5, None]}, cost=0.25, prompt="x")
    fill(store, tenant, full)
    assert store.get(tenant, full.id) == full
    assert store.get(new_id(), full.id) is None


FOUR = (
    asset(0, title="Beach", tags=["summer", "sea"], prompt="a sandy beach at noon", cost=3.0, file_size=900),
    asset(1, title="alps", tags=["Summer", "a#b"], description="snow", cost=5.0, source_module="blog_writer"),
    asset(2, title="Cabin", tags=["winter", "a"], prompt="snowy mountains", file_size=700, updated=START + 9),
    asset(3, prompt="MOUNTAINEER on a beach", provider="stability", model="core", cost=0.5),
)


@pytest.fixture(scope="module")
def four(store: LibraryStore) -> str:
    """The tenant of a library that tests only read: FOUR, one of them a favorite."""
    tenant = new_id()
    fill(store, tenant, *FOUR)
    assert store.set_favorite(tenant, FOUR[2], favorite=True)
    return tenant


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [3, 2, 1, 0]),
        ({"ascending": True}, [0, 1, 2, 3]),
        ({"sort_by": "title", "ascending": True}, [3, 1, 0, 2]),
        ({"sort_by": "cost"}, [1, 0, 3, 2]),
        ({"sort_by": "file_size", "ascending": True}, [1, 3, 2, 0]),
        ({"sort_by": "updated_at"}, [2, 3, 1, 0]),
        ({"tags": ["summer"]}, [1, 0]),
        ({"tags": ["summer", "WINTER"]}, [2, 1, 0]),
        ({"tags": ["a"]}, [2]),
        ({"tags": ["sum"]}, []),
        ({"words": ["mountain"]}, [3, 2]),
        ({"words": ["beach", "mountain"]}, [3]),
        ({"words": ["stability"]}, [3]),
        ({"words": ["snow"], "tags": ["summer"]}, [1]),
        ({"words": ["beach"], "sort_by": "cost"}, [0, 3]),
        ({"source_module": "blog_writer"}, [1]),
        ({"favorites": True}, [2]),
        ({"first": id_at(START + 1000) + "0" * 20, "last": id_at(START + 2000) + "f" * 20}, [2, 1]),
        ({"first": id_at(START + 1000) + "0" * 20, "tags": ["summer"]}, [1]),
        ({"last": id_at(START + 2000) + "f" * 20, "words": ["mountain"]}, [2]),
    ],
    ids=str,
)
def test_a_list_has_what_matches_all_filters_in_its_order(
    store: LibraryStore, four: str, asked: dict[str, Any], numbers: list[int]
) -> None:
    """Any of the tags, all of the words; a word is found by its start, a tag only whole."""
    assert found(store, four, **asked) == numbers


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({}, ["Query", "BatchGetItem"]),
        ({"first": FOUR[1].id, "last": FOUR[2].id}, ["Query", "BatchGetItem"]),
        ({"tags": ["summer"]}, ["Query", "BatchGetItem"]),
        ({"favorites": True}, ["Query", "BatchGetItem"]),
        ({"words": ["beach"]}, ["Query", "BatchGetItem"]),
        ({"words": ["beach"], "sort_by": "cost"}, ["Query", "Query", "BatchGetItem"]),
        ({"words": ["nothing"]}, ["Query"]),
    ],
    ids=str,
)
def test_a_page_is_one_query_and_the_records_of_the_page(
    store: LibraryStore, four: str, asked: dict[str, Any], most: list[str]
) -> None:
    with calls() as made:
        store.find(four, AssetQuery(**asked))
    assert made == most


def write_in_bulk(tenant: str, assets: list[Asset]) -> list[str]:
    """Write records and some of their rows, past the store; return the rows' sort keys."""
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE]
    written = [sk for each in assets for sk in index_rows(each) if sk.startswith(BULK)]
    for item in (library._item_of(tenant, each) for each in assets):
        table.put_item(item)
    for sk in written:
        table.put_item(library_key(tenant, sk))
    return written


BULK = ("CREATED", "TAG", "FAVORITE", "WORD#kite")


@pytest.mark.parametrize(("limit", "reads"), [(100, 1), (101, 2), (500, 3)])
def test_records_are_read_by_the_hundred(store: LibraryStore, tenant: str, limit: int, reads: int) -> None:
    write_in_bulk(tenant, [asset(number) for number in range(250)])
    with calls() as made:
        assets, total = store.find(tenant, AssetQuery(limit=limit))
    assert (len(assets), total) == (min(limit, 250), 250)
    assert made == ["Query", *["BatchGetItem"] * reads]


def test_a_list_reads_so_many_pages_of_an_index_at_most() -> None:
    """What lies beyond isn't counted; no quota lets so many assets be saved."""

    class Endless:
        queries = 0

        def query(self, **_: Any) -> Any:
            self.queries += 1
            return {"Items": [{"sk": {"S": f"CREATED#{self.queries:032x}"}}], "LastEvaluatedKey": {}}

    db = Endless()
    assert len(list(LibraryStore(db, TABLE)._ids("tenant", "CREATED#"))) == db.queries == library.MAX_QUERIES
    assert max(tier.library_assets for tier in TIERS.values()) < library.MAX_QUERIES * 10_000


@pytest.mark.slow
@pytest.mark.parametrize("count", [10_000])
def test_pages_of_a_large_library_take_as_many_calls(store: LibraryStore, tenant: str, count: int) -> None:
    """With 10,000 assets of one caller, all with the same tag and word: docs/scale.md has these numbers.

    A Query reads 1 MB. Rows are written in bulk, since moto copies its table for each transaction.
    """
    rows = write_in_bulk(
        tenant, [asset(number, title="Kite", tags=["sea"], favorite=number % 2 == 0) for number in range(count)]
    )
    sizes: Counter[str] = Counter()
    for sk in rows:
        sizes[sk.rpartition("#")[0]] += len("pk" + library_pk(tenant) + "sk" + sk)
    for asked in ({}, {"offset": count - 100}, {"tags": ["sea"]}, {"favorites": True}, {"words": ["kite"]}):
        with calls() as made:
            page, total = store.find(tenant, AssetQuery(**asked))
        assert made == ["Query", "BatchGetItem"], asked
        assert (len(page), total) == (100, count // 2 if "favorites" in asked else count)
    assert max(sizes.values()) < 1_000_000


def test_pages_follow_each_other(store: LibraryStore, tenant: str) -> None:
    """They say how many there are on all of them; beyond the last is an empty one."""
    fill(store, tenant, *(asset(number) for number in range(7)))
    pages = [store.find(tenant, AssetQuery(limit=3, offset=offset)) for offset in (0, 3, 6, 9)]
    assert [len(assets) for assets, _ in pages] == [3, 3, 1, 0]
    assert {total for _, total in pages} == {7}
    assert len({each.id for assets, _ in pages for each in assets}) == 7


@pytest.mark.slow
def test_each_change_of_the_largest_asset_is_one_transaction(store: LibraryStore, tenant: str) -> None:
    """With every tag and more words than are indexed, all of them other ones after the change."""

    def words(start: str, count: int) -> str:
        return " ".join(f"{start}{number}" for number in range(count))

    largest = asset(
        1,
        title=words("title", 40),
        description=words("description", 200),
        prompt=words("prompt", 500),
        tags=[f"tag-{number}" for number in range(MAX_TAGS)],
    )
    tags = [f"other-{number}" for number in range(MAX_TAGS)]
    changed = replace(largest, title=words("new", 40), tags=tags, updated=START + 1)
    with calls() as made:
        fill(store, tenant, largest)
        assert store.set_favorite(tenant, largest, favorite=True)
        favorite = replace(largest, favorite=True)
        assert store.change(tenant, favorite, replace(changed, favorite=True))
        assert rows(tenant)["WORD"] == library.EDITABLE_WORDS + library.FIXED_WORDS
        assert store.remove(tenant, replace(changed, favorite=True))
    assert [name for name in made if name != "Query"] == ["TransactWriteItems"] * 4
    assert rows(tenant) == {"TOTALS": 1}


def test_a_change_is_refused_where_the_asset_changed_meanwhile(store: LibraryStore, tenant: str) -> None:
    """Nothing of it is written: rows and totals still fit the record."""
    old = FOUR[0]
    fill(store, tenant, old)
    assert store.change(tenant, old, replace(old, title="Sea", updated=START + 1))
    for change in (
        lambda: store.change(tenant, old, replace(old, title="Lake", tags=["x"], updated=START + 2)),
        lambda: store.set_favorite(tenant, old, favorite=True),
        lambda: store.remove(tenant, old),
    ):
        assert not change()
    current = store.get(tenant, old.id)
    assert current == replace(old, title="Sea", updated=START + 1)
    assert sum(rows(tenant).values()) == len(index_rows(current)) + 2
    assert store.totals(tenant) == library.Totals(1, 900, 0, 3.0, {"image_studio": 1})


def test_totals_say_what_there_is(store: LibraryStore, tenant: str) -> None:
    fill(store, tenant, *FOUR)
    assert store.set_favorite(tenant, FOUR[3], favorite=True)
    sources = {"image_studio": 3, "blog_writer": 1}
    assert store.totals(tenant) == library.Totals(4, 1_800, 1, 8.5, sources)
    assert store.remove(tenant, FOUR[1])
    assert store.remove(tenant, replace(FOUR[3], favorite=True))
    assert store.totals(tenant) == library.Totals(2, 1_600, 0, 3.0, {"image_studio": 2})


@pytest.mark.parametrize("most", [Quota(3, 10**9), Quota(100, 399), Quota(100, 99), Quota(0, 10**9)])
def test_the_quota_is_exact_for_many_at_once(store: LibraryStore, tenant: str, most: Quota) -> None:
    """Assets of 100 bytes each, saved by four threads: as many as fit, and what is refused leaves nothing."""
    with ThreadPoolExecutor(4) as pool:
        kept = sum(pool.map(lambda number: store.add(tenant, asset(number), most), range(8)))
    assert kept == min(most.assets, most.size // 100)
    assert store.totals(tenant).size == kept * 100
    assert rows(tenant)["ASSET"] == rows(tenant)["CREATED"] == kept


def test_uses_are_counted(store: LibraryStore, tenant: str) -> None:
    fill(store, tenant, FOUR[0])
    for action in ("download", "share", "download", "access"):
        assert store.count_usage(tenant, FOUR[0].id, action)
    counted = store.get(tenant, FOUR[0].id)
    assert counted is not None
    assert (counted.downloads, counted.shares) == (2, 1)
    assert not store.count_usage(tenant, FOUR[1].id, "share")


def test_records_that_a_busy_table_leaves_out_are_read_again(store: LibraryStore, tenant: str) -> None:
    """A few times, then the caller has to try later."""
    fill(store, tenant, *FOUR)
    missing = {"UnprocessedKeys": {TABLE: {"Keys": [library_key(tenant, f"ASSET#{FOUR[0].id}")]}}, "Responses": {}}
    answers: list[Any] = [missing, None, *[missing] * 10]
    plain = aws_clients.dynamodb().batch_get_item

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(aws_clients.dynamodb(), name)

        def batch_get_item(self, **asked: Any) -> Any:
            return answers.pop(0) or plain(**asked)

    busy = LibraryStore(Busy(), TABLE)  # type: ignore[arg-type]
    assert len(busy.find(tenant, AssetQuery())[0]) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transactions, "FIRST_PAUSE", 0)
        with pytest.raises(TemporarilyUnavailable):
            busy.find(tenant, AssetQuery())


def test_words_are_found_whatever_their_case_and_accents_stay() -> None:
    assert words_of("The RED-kite, über_alles a 4K kite! 猫 *** " + "x" * 40) == [
        "the", "red", "kite", "über", "alles", "a", "4k", "猫", "x" * 32,
    ]  # fmt: skip
