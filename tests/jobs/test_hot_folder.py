"""The operator's hot folder: what falls into inbox/ is answered under outbox/, once, and stays as it is."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from image_studio.errors import UnknownCharge
from image_studio.providers.adapter import ProviderImage
from image_studio.runtime import aws_clients, hot_folder, hot_folder_results, wiring
from image_studio.storage import keys
from image_studio.storage.credits import month_of, read
from tests.jobs.harness import Crash, Harness, png
from tests.tables import BUCKET, TABLE

NAMES = ["photo.png", "a b+c%20d.png", "%2F&=?#.png", "é猫🙂.png", "sub/folder/x.png", ".hidden", "two.dots.jpeg"]


def drop(harness: Harness, path: str, data: bytes | None = None, sequencer: str = "1") -> dict[str, Any]:
    key = keys.INBOX + path
    aws_clients.s3().put_object(Bucket=BUCKET, Key=key, Body=data if data is not None else png(256, 256))
    etag = aws_clients.s3().head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1, "etag": etag, "sequencer": sequencer}}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def take(harness: Harness, event: dict[str, Any]) -> None:
    """Let the worker have the event, and what follows from it."""
    assert harness.deliver(event) == {"batchItemFailures": []}
    harness.work()


def crash(*_: Any) -> None:
    raise Crash


def answered(harness: Harness) -> dict[str, bytes]:
    return {key.removeprefix(keys.OUTBOX): data for key, data in harness.objects(keys.OUTBOX).items()}


@pytest.fixture(autouse=True)
def input_untouched(harness: Harness) -> Iterator[None]:
    """Whatever happens: at the end every dropped image is what was last dropped."""
    yield
    for data in harness.objects(keys.INBOX).values():
        assert data == png(256, 256) or len(data) < 100


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_answered_at_its_own_path(harness: Harness, name: str) -> None:
    """Spaces, plus, percent and Unicode as they are; EventBridge's keys aren't URL-encoded."""
    take(harness, drop(harness, f"edit/remove_background/{name}"))
    found = answered(harness)
    base = f"edit/remove_background/{name}/"
    assert {path.startswith(base) for path in found} == {True}
    written = json.loads(found[base + "result.json"])
    assert written["input"] == f"{keys.INBOX}edit/remove_background/{name}"
    assert written["success"] is True
    (image,) = (path for path in found if not path.endswith("result.json"))
    assert Image.open(io.BytesIO(found[image])).size == (256, 256)


def test_an_upscale_by_preset(harness: Harness) -> None:
    """inbox/upscale/print/photo.png: the folder's name is the preset; the file is named in result.json."""
    harness.provider_client.image = png(512, 512)
    take(harness, drop(harness, "upscale/web/photo.png"))
    found = answered(harness)
    written = json.loads(found["upscale/web/photo.png/result.json"])
    assert written["metadata"]["preset"] == "web"
    assert written["image_url"] == "photo.png"
    assert "image_base64" not in written
    assert (written["width"], written["height"]) == Image.open(
        io.BytesIO(found["upscale/web/photo.png/photo.png"])
    ).size


def test_social_by_platforms(harness: Harness) -> None:
    """inbox/social/instagram,linkedin/photo.jpg: a file per platform, free, by the same operation."""
    take(harness, drop(harness, "social/instagram,linkedin/photo.jpg"))
    found = answered(harness)
    written = json.loads(found["social/instagram,linkedin/photo.jpg/result.json"])
    assert [each["platform"] for each in written["results"]] == ["instagram", "linkedin"]
    for each in written["results"]:
        image = Image.open(io.BytesIO(found[f"social/instagram,linkedin/photo.jpg/{each['image_url']}"]))
        assert image.size == (each["width"], each["height"])
    assert harness.provider_client.paid == []


def test_an_answer_replaces_the_one_before(harness: Harness) -> None:
    """A list that was wrong and is right now has a result.json and no error.json; and the other way round."""
    right, wrong = b'{"prompt": "a lamp", "width": 64, "height": 64}\n', b'{"prompt": ""}\n'
    for number, (lines, name) in enumerate([(wrong, "error"), (right, "result"), (wrong, "error")]):
        take(harness, drop(harness, "create/list.jsonl", lines, sequencer=str(number)))
        documents = [path for path in answered(harness) if path.startswith("create/list.jsonl/") and "/1/" not in path]
        assert documents == [f"create/list.jsonl/{name}.json"]


def test_an_earlier_image_that_ends_later_answers_no_more(harness: Harness) -> None:
    """The answer is that of the image which is there, in whatever order the jobs end."""
    path = "edit/remove_background/shoe.png"

    def replaced(*_: Any, **__: Any) -> ProviderImage:
        take(harness, drop(harness, path, png(256, 256), sequencer="2"))
        return ProviderImage(png(64, 64), None)

    harness.provider_client.script = [replaced]
    take(harness, drop(harness, path, png(64, 64)))
    found = answered(harness)
    assert json.loads(found[f"{path}/result.json"])["width"] == 256
    assert Image.open(io.BytesIO(found[f"{path}/shoe.png"])).size == (256, 256)
    assert len(harness.provider_client.paid) == 2


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
def test_what_is_not_understood_gets_an_error(harness: Harness, path: str, says: str) -> None:
    """error.json at the input's path, in one sentence; no job, nothing reserved."""
    take(harness, drop(harness, path))
    ((where, text),) = answered(harness).items()
    assert where == f"{path}/error.json"
    written = json.loads(text)
    assert written["status"] == 400
    assert says in written["detail"]
    assert wiring.jobs().newest(keys.OPERATOR, 10) == ([], None)


def test_a_failed_job_gets_an_error(harness: Harness) -> None:
    """With the operation's words; nothing is tried again. An image is one by content, whatever its name says."""
    take(harness, drop(harness, "edit/remove_background/no.png", b"GIF89a"))
    error = json.loads(answered(harness)["edit/remove_background/no.png/error.json"])
    assert error["code"] == "invalid_image"
    harness.provider_client.script = [UnknownCharge("Lost.")]
    take(harness, drop(harness, "edit/remove_background/x.png"))
    error = json.loads(answered(harness)["edit/remove_background/x.png/error.json"])
    assert error["detail"] == "Image editing failed: Lost."
    assert harness.work() == 0


def test_events_that_come_again_do_nothing(harness: Harness) -> None:
    """At once, later, and after the end: one job, one paid call."""
    event = drop(harness, "edit/remove_background/x.png")
    for _ in range(3):
        assert harness.deliver(event) == {"batchItemFailures": []}
    harness.work()
    take(harness, event)
    assert len(harness.provider_client.paid) == 1
    jobs, _ = wiring.jobs().newest(keys.OPERATOR, 10)
    assert [each.status for each in jobs] == ["succeeded"]


def test_the_same_image_dropped_again_is_done_again(harness: Harness) -> None:
    """An operator who drops it again means it: S3's sequencer tells that from a repeated event."""
    take(harness, drop(harness, "edit/remove_background/x.png", sequencer="1"))
    take(harness, drop(harness, "edit/remove_background/x.png", sequencer="2"))
    assert len(harness.provider_client.paid) == 2


def test_a_late_event_of_a_replaced_image_does_nothing(harness: Harness) -> None:
    """Only the newest content is worked on, and no error is written for the other."""
    late = drop(harness, "edit/remove_background/x.png", b"old")
    newest = drop(harness, "edit/remove_background/x.png", sequencer="2")
    take(harness, newest)
    take(harness, late)
    assert len(harness.provider_client.paid) == 1
    assert not any(path.endswith("error.json") for path in answered(harness))


def test_an_image_replaced_while_its_job_waits_is_left(harness: Harness) -> None:
    """The job ends without a paid call; the new image's own job answers."""
    old = drop(harness, "edit/remove_background/x.png", png(64, 64))
    harness.deliver(old)
    new = drop(harness, "edit/remove_background/x.png", sequencer="2")
    harness.work()
    assert harness.provider_client.paid == []
    assert answered(harness) == {}
    take(harness, new)
    assert len(harness.provider_client.paid) == 1


def test_folders_are_no_images(harness: Harness) -> None:
    """What consoles make when somebody clicks "create folder"."""
    for path in ("", "upscale/", "upscale/print/"):
        take(harness, drop(harness, path, b""))
    assert answered(harness) == {}


def test_a_crash_before_the_answer_is_made_good(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paid result is kept, and the next run writes the files."""
    harness.deliver(drop(harness, "edit/remove_background/x.png"))
    with monkeypatch.context() as dying:
        dying.setattr(hot_folder_results, "_place", crash)
        with pytest.raises(Crash):
            harness.work()
    (made,), _ = wiring.jobs().newest(keys.OPERATOR, 10)
    harness.expire(made.id, keys.OPERATOR)
    harness.tick()
    harness.work()
    assert any(path.endswith("result.json") for path in answered(harness))
    assert len(harness.provider_client.paid) == 1


def test_the_operator_has_a_ledger_of_its_own(harness: Harness) -> None:
    """Charged to nobody else; and no token's `sub` leads to it."""
    take(harness, drop(harness, "edit/remove_background/x.png"))
    spent = read(aws_clients.dynamodb(), TABLE, keys.OPERATOR, month_of(time.time()))
    assert spent.used == spent.committed > 0
    assert harness.ask("GET", "/usage", sub=keys.OPERATOR).json["used"] == 0
    assert harness.ask("GET", "/jobs", sub=keys.OPERATOR).json["jobs"] == []


def test_a_full_inbox_waits_for_workers(harness: Harness) -> None:
    """More images than a tier may have in flight are all taken."""
    for number in range(3):
        harness.deliver(drop(harness, f"social/instagram/{number}.png"))
    assert hot_folder.MANY > 100_000
    harness.work()
    assert sum(path.endswith("result.json") for path in answered(harness)) == 3


def test_a_path_too_long_to_answer_is_left(harness: Harness) -> None:
    """S3's keys have 1024 bytes; at the limit there is no room for an answer, and no end of trying either."""
    name = "x" * (1024 - len("inbox/upscale/poster/"))
    take(harness, drop(harness, f"upscale/poster/{name}"))
    assert answered(harness) == {}
    short = name[: -len("/error.json") - 1]
    take(harness, drop(harness, f"upscale/poster/{short}"))
    assert len(answered(harness)) == 1
