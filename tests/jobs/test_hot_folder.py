"""The operator's hot folder: what falls into inbox/ is answered under outbox/, once, and stays as it is."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from image_studio.errors import UnknownCharge
from image_studio.runtime import aws_clients, hot_folder, wiring
from image_studio.storage import keys
from image_studio.storage.credits import month_of, read
from tests.jobs.desk import Crash, Desk, png
from tests.tables import BUCKET, TABLE

NAMES = ["photo.png", "a b+c%20d.png", "%2F&=?#.png", "é猫🙂.png", "sub/folder/x.png", ".hidden", "two.dots.jpeg"]


def drop(desk: Desk, path: str, data: bytes | None = None, sequencer: str = "1") -> dict[str, Any]:
    """Put an image into the inbox; S3's event for it."""
    key = keys.INBOX + path
    aws_clients.s3().put_object(Bucket=BUCKET, Key=key, Body=data if data is not None else png(256, 256))
    etag = aws_clients.s3().head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    found = {"key": key, "size": 1, "etag": etag, "sequencer": sequencer}
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": BUCKET}, "object": found},
    }


def take(desk: Desk, event: dict[str, Any]) -> None:
    """Let the worker have the event, and what follows from it."""
    assert desk.deliver(event) == {"batchItemFailures": []}
    desk.work()


def answered(desk: Desk) -> dict[str, bytes]:
    """What is in the outbox, by path."""
    return {key.removeprefix(keys.OUTBOX): data for key, data in desk.objects(keys.OUTBOX).items()}


@pytest.fixture(autouse=True)
def input_untouched(desk: Desk) -> Iterator[None]:
    """Whatever happens: at the end every dropped image is what was last dropped."""
    yield
    for data in desk.objects(keys.INBOX).values():
        assert data == png(256, 256) or len(data) < 100


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_answered_at_its_own_path(desk: Desk, name: str) -> None:
    """Spaces, plus, percent and Unicode as they are; EventBridge's keys aren't URL-encoded."""
    take(desk, drop(desk, f"edit/remove_background/{name}"))
    found = answered(desk)
    base = f"edit/remove_background/{name}/"
    assert {path.startswith(base) for path in found} == {True}
    told = json.loads(found[base + "result.json"])
    assert told["input"] == f"{keys.INBOX}edit/remove_background/{name}"
    assert told["success"] is True
    (image,) = (path for path in found if not path.endswith("result.json"))
    assert Image.open(io.BytesIO(found[image])).size == (256, 256)


def test_an_upscale_by_preset(desk: Desk) -> None:
    """inbox/upscale/print/photo.png: the folder's name is the preset; the file is named in result.json."""
    desk.wire.image = png(512, 512)
    take(desk, drop(desk, "upscale/web/photo.png"))
    found = answered(desk)
    told = json.loads(found["upscale/web/photo.png/result.json"])
    assert told["metadata"]["preset"] == "web"
    assert told["image_url"] == "photo.png"
    assert "image_base64" not in told
    assert (told["width"], told["height"]) == Image.open(io.BytesIO(found["upscale/web/photo.png/photo.png"])).size


def test_social_by_platforms(desk: Desk) -> None:
    """inbox/social/instagram,linkedin/photo.jpg: a file per platform, free, by the same operation."""
    take(desk, drop(desk, "social/instagram,linkedin/photo.jpg"))
    found = answered(desk)
    told = json.loads(found["social/instagram,linkedin/photo.jpg/result.json"])
    assert [each["platform"] for each in told["results"]] == ["instagram", "linkedin"]
    for each in told["results"]:
        image = Image.open(io.BytesIO(found[f"social/instagram,linkedin/photo.jpg/{each['image_url']}"]))
        assert image.size == (each["width"], each["height"])
    assert desk.wire.paid == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("paint/print/x.png", "Unknown folder 'paint'. Valid: social, upscale, edit."),
        ("x.png", "Unknown folder 'x.png'"),
        ("upscale/x.png", "inbox/upscale/<preset>/"),
        ("upscale//x.png", "inbox/upscale/<preset>/"),
        ("upscale/poster/x.png", "poster"),
        ("edit/inpaint/x.png", "Prompt is required"),
        ("edit/teleport/x.png", "teleport"),
        ("social/myspace/x.png", "myspace"),
        ("social/,/x.png", "platforms"),
    ],
)
def test_what_is_not_understood_is_told(desk: Desk, path: str, says: str) -> None:
    """error.json at the input's path, in one sentence; no job, nothing reserved."""
    take(desk, drop(desk, path))
    ((where, text),) = answered(desk).items()
    assert where == f"{path}/error.json"
    told = json.loads(text)
    assert told["status"] == 400
    assert says in told["detail"]
    assert wiring.jobs().newest(keys.OPERATOR, 10) == ([], None)


def test_what_is_no_image_is_told(desk: Desk) -> None:
    """By content, whatever its name says."""
    take(desk, drop(desk, "edit/remove_background/x.png", b"GIF89a"))
    told = json.loads(answered(desk)["edit/remove_background/x.png/error.json"])
    assert told["code"] == "invalid_image"


def test_a_failed_job_is_told(desk: Desk) -> None:
    """With the operation's words; nothing is tried again."""
    desk.wire.script = [UnknownCharge("Lost.")]
    take(desk, drop(desk, "edit/remove_background/x.png"))
    ((where, text),) = answered(desk).items()
    assert where.endswith("/error.json")
    assert json.loads(text)["detail"] == "Image editing failed: Lost."
    assert desk.work() == 0


def test_events_that_come_again_do_nothing(desk: Desk) -> None:
    """At once, later, and after the end: one job, one paid call."""
    event = drop(desk, "edit/remove_background/x.png")
    for _ in range(3):
        assert desk.deliver(event) == {"batchItemFailures": []}
    desk.work()
    take(desk, event)
    assert len(desk.wire.paid) == 1
    jobs, _ = wiring.jobs().newest(keys.OPERATOR, 10)
    assert [each.status for each in jobs] == ["succeeded"]


def test_the_same_image_dropped_anew_is_done_anew(desk: Desk) -> None:
    """An operator who drops it again means it: S3's sequencer tells that from a repeated event."""
    take(desk, drop(desk, "edit/remove_background/x.png", sequencer="1"))
    take(desk, drop(desk, "edit/remove_background/x.png", sequencer="2"))
    assert len(desk.wire.paid) == 2


def test_a_late_event_of_a_replaced_image_does_nothing(desk: Desk) -> None:
    """Only the newest content is worked on, and no error is written for the other."""
    late = drop(desk, "edit/remove_background/x.png", b"old")
    newest = drop(desk, "edit/remove_background/x.png", sequencer="2")
    take(desk, newest)
    take(desk, late)
    assert len(desk.wire.paid) == 1
    assert not any(path.endswith("error.json") for path in answered(desk))


def test_a_image_replaced_while_its_job_waits_is_left(desk: Desk) -> None:
    """The job ends without a paid call; the new image's own job answers."""
    old = drop(desk, "edit/remove_background/x.png", png(64, 64))
    desk.deliver(old)
    new = drop(desk, "edit/remove_background/x.png", sequencer="2")
    desk.work()
    assert desk.wire.paid == []
    assert answered(desk) == {}
    take(desk, new)
    assert len(desk.wire.paid) == 1


def test_folders_are_no_images(desk: Desk) -> None:
    """What consoles make when somebody clicks "create folder"."""
    for path in ("", "upscale/", "upscale/print/"):
        take(desk, drop(desk, path, b""))
    assert answered(desk) == {}


def test_a_crash_before_the_answer_is_made_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paid result is kept, and the next run writes the files."""
    place = hot_folder.outbox._place
    fails = iter([Crash()])

    def place_later(*given: Any) -> None:
        for crash in fails:
            raise crash
        place(*given)

    monkeypatch.setattr(hot_folder.outbox, "_place", place_later)
    desk.deliver(drop(desk, "edit/remove_background/x.png"))
    with pytest.raises(Crash):
        desk.work()
    (made,), _ = wiring.jobs().newest(keys.OPERATOR, 10)
    desk.change(made.id, keys.OPERATOR, lease_until=int(time.time()) - 1)
    desk.tick()
    desk.work()
    assert any(path.endswith("result.json") for path in answered(desk))
    assert len(desk.wire.paid) == 1


def test_the_operator_has_a_ledger_of_its_own(desk: Desk) -> None:
    """Charged to nobody else; and no token's `sub` leads to it."""
    take(desk, drop(desk, "edit/remove_background/x.png"))
    spent = read(aws_clients.dynamodb(), TABLE, keys.OPERATOR, month_of(time.time()))
    assert spent.used == spent.committed > 0
    assert desk.ask("GET", "/usage", sub=keys.OPERATOR).json["used"] == 0
    assert desk.ask("GET", "/jobs", sub=keys.OPERATOR).json["jobs"] == []


def test_a_full_inbox_waits_for_workers(desk: Desk) -> None:
    """More images than a tier may have in flight are all taken."""
    for number in range(3):
        desk.deliver(drop(desk, f"social/instagram/{number}.png"))
    assert hot_folder.MANY > 100_000
    desk.work()
    assert sum(path.endswith("result.json") for path in answered(desk)) == 3


def test_a_path_too_long_to_answer_is_left(desk: Desk) -> None:
    """S3's keys have 1024 bytes; at the limit there is no room for an answer, and no end of trying either."""
    name = "x" * (1024 - len("inbox/upscale/poster/"))
    take(desk, drop(desk, f"upscale/poster/{name}"))
    assert answered(desk) == {}
    short = name[: -len("/error.json") - 1]
    take(desk, drop(desk, f"upscale/poster/{short}"))
    assert len(answered(desk)) == 1
