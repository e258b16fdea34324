"""Fingerprints in the table: found by file or by part in a few calls, for as long as the operator keeps them."""

from typing import Any

import pytest

from image_studio.errors import TemporarilyUnavailable
from image_studio.runtime import aws_clients
from image_studio.storage import fingerprints
from image_studio.storage.fingerprints import MAX_FOUND, Fingerprint, FingerprintStore, MadeImage
from tests.storage.table import Clock
from tests.tables import TABLE

MADE = MadeImage("tenant", "job", 2, 1_800_000_000_000)
PRINTS = [Fingerprint(f"{number:032x}", (number, 2, 3, 4)) for number in range(6)]


@pytest.fixture
def kept(table: None, clock: Clock) -> FingerprintStore:
    store = FingerprintStore(aws_clients.dynamodb(), TABLE, clock=clock)
    store.put(MADE, "digest", PRINTS, days=30)
    return store


def test_a_result_is_recorded_in_one_call_and_found_in_five(kept: FingerprintStore, clock: Clock) -> None:
    calls: list[str] = []
    aws_clients.dynamodb().meta.events.register(
        "before-call.dynamodb", lambda model, **_: calls.append(model.name), unique_id="count"
    )
    kept.put(MADE, "digest", PRINTS, days=30)
    assert kept.find_file("digest") == MADE
    assert {(text, made) for text, made in kept.find_parts((5, 9, 9, 9))} == {(PRINTS[5].text, MADE)}
    assert calls == ["BatchWriteItem", "GetItem", *["Query"] * 4]


def test_what_is_unknown_or_expired_is_not_found(kept: FingerprintStore, clock: Clock) -> None:
    assert kept.find_file("other") is None
    assert list(kept.find_parts((9, 9, 9, 9))) == []
    clock.now += 30 * 24 * 3600
    assert kept.find_file("digest") is None
    assert list(kept.find_parts((5, 2, 3, 4))) == []


def test_a_part_that_many_images_share_is_read_up_to_a_limit_the_newest_first(kept: FingerprintStore) -> None:
    same = [Fingerprint("0", (7,))]
    for number in range(MAX_FOUND):
        kept.put(MadeImage("tenant", f"{number}", 1, MADE.made_at + 1 + number), f"{number}", same, 1)
    kept.put(MadeImage("tenant", "oldest", 1, MADE.made_at), "oldest", same, 1)
    found = [made.job_id for _, made in kept.find_parts((7,))]
    assert (len(found), found[0], "oldest" in found) == (MAX_FOUND, str(MAX_FOUND - 1), False)


@pytest.mark.parametrize(("throttled", "succeeds"), [(3, True), (4, False)])
def test_what_the_table_did_not_take_is_written_again(
    kept: FingerprintStore, monkeypatch: pytest.MonkeyPatch, throttled: int, succeeds: bool
) -> None:
    written: list[Any] = []
    client = aws_clients.dynamodb()

    def write(**request: Any) -> Any:
        written.append(request["RequestItems"])
        return {"UnprocessedItems": written[-1] if len(written) <= throttled else {}}

    monkeypatch.setattr(client, "batch_write_item", write)
    monkeypatch.setattr(fingerprints, "PAUSE", 0)
    if succeeds:
        kept.put(MADE, "digest", PRINTS, days=30)
    else:
        with pytest.raises(TemporarilyUnavailable):
            kept.put(MADE, "digest", PRINTS, days=30)
    assert len(written) == 4
