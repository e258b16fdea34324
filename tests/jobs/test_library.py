"""The library over HTTP: what is saved is kept as it came, found again, and gone when it is deleted."""

import base64
import io
import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image, ImageDraw

from image_studio.imaging.encode import encode
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.runtime import aws_clients, library, wiring
from image_studio.runtime.settings import TIERS
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import MAX_TAGS, SourceType
from image_studio.storage import keys
from tests.imaging.samples import saved
from tests.jobs.harness import CREATE, Harness, png


def to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


ALICE = keys.tenant_of("alice")
ASSETS = "/api/content-assets"


def save(harness: Harness, image: str = "", **given: Any) -> Any:
    sub = given.pop("sub", "alice")
    body = {"image_base64": image or to_text(png()), **given}
    answer = harness.ask("POST", "/save-to-library", body=body, sub=sub)
    assert answer.status == 200, answer.body
    return answer.json


def listed(harness: Harness, query: str = "", sub: str = "alice") -> Any:
    answer = harness.ask("GET", f"{ASSETS}/?{query}", sub=sub)
    assert answer.status == 200, answer.body
    return answer.json


def files(harness: Harness, sub: str = "alice") -> dict[str, bytes]:
    return harness.objects(f"library/{keys.tenant_of(sub)}/")


def test_an_image_is_kept_as_it_came_with_a_thumbnail(harness: Harness) -> None:
    """Byte for byte, so that marks of its making stay; the thumbnail is a WebP with a longer side of 512 pixels."""
    original = png(1200, 300)
    saved = save(harness, to_text(original), prompt="A pier", provider="stability", model="core", cost=3)
    assert (saved["success"], saved["file_size"]) == (True, len(original))
    assert saved["filename"].endswith(".png")
    kept = files(harness)
    assert kept.pop(keys.asset_key(ALICE, saved["asset_id"])) == original
    [thumbnail] = kept.values()
    with Image.open(io.BytesIO(thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", (512, 128))


def test_the_thumbnail_of_a_marked_image_is_marked(harness: Harness) -> None:
    mark = Mark(SourceType.TRAINED, "Somebody's model")
    original = encode(Image.new("RGB", (640, 480), "teal"), FileType.JPEG, xmp=mark.to_xmp())
    saved = save(harness, to_text(original))
    kept = files(harness)
    assert kept.pop(keys.asset_key(ALICE, saved["asset_id"])) == original
    assert [read_mark(thumbnail) for thumbnail in kept.values()] == [mark]


def test_an_asset_has_the_fields_of_the_original(harness: Harness) -> None:
    saved = save(harness, prompt="A pier", tags=["Sea", "sea", ""], title="Pier", description="At dawn", cost=2.5)
    [asset] = listed(harness)["assets"]
    urls = {asset.pop("file_url"), asset.pop("thumbnail_url")}
    assert all(f"library/{ALICE}/{saved['asset_id']}/" in url and "X-Amz-Expires=900" in url for url in urls)
    assert asset["created_at"] == asset["updated_at"]
    assert abs(time.time() * 1000 - int(saved["asset_id"][:12], 16)) < 60_000
    assert {key: value for key, value in asset.items() if not key.endswith("_at")} == {
        "id": saved["asset_id"],
        "user_id": "alice",
        "asset_type": "image",
        "source_module": "image_studio",
        "filename": saved["filename"],
        "file_size": saved["file_size"],
        "mime_type": "image/png",
        "title": "Pier",
        "description": "At dawn",
        "prompt": "A pier",
        "tags": ["Sea"],
        "asset_metadata": {"operation": "image-generation", "width": 64, "height": 64},
        "provider": None,
        "model": None,
        "cost": 2.5,
        "generation_time": None,
        "is_favorite": False,
        "download_count": 0,
        "share_count": 0,
    }
    assert harness.ask("GET", f"{ASSETS}/{saved['asset_id']}").json["title"] == "Pier"


def test_an_image_at_a_url_is_saved(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same downloads as every other image; clients of the original register such URLs."""
    monkeypatch.setattr("image_studio.runtime.submit.download_input", lambda url, seconds: png(70, 50))
    body = {**REGISTERED, "file_url": "https://images.example/pier.png"}
    answer = harness.ask("POST", ASSETS, body=body)
    assert (answer.status, answer.json["asset_metadata"]) == (200, {"width": 70, "height": 50})
    assert files(harness)[keys.asset_key(ALICE, answer.json["id"])] == png(70, 50)


def test_a_result_is_copied_with_what_its_job_says(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the client says of it: provider, model, cost, prompt; the bucket copies the file."""
    job_id = harness.submit({**CREATE, "num_variations": 2, "seed": 7, "provider": "stability"})
    harness.work()
    monkeypatch.setattr(wiring.objects(), "put_once", None)
    saved = save(harness, f"job:{job_id}/2", provider="gemini", model="x", cost=99, prompt="y", title="Lamp")
    [asset] = listed(harness)["assets"]
    assert (asset["provider"], asset["model"], asset["cost"], asset["prompt"]) == ("stability", "core", 3.0, "a lamp")
    assert asset["title"] == "Lamp"
    assert asset["generation_time"] >= 0
    facts = {"operation": "create", "job_id": job_id, "variation": 2, "seed": 8, "width": 64, "height": 64}
    assert asset["asset_metadata"] == facts
    result = harness.objects(keys.result_key(ALICE, job_id, 2))[keys.result_key(ALICE, job_id, 2)]
    assert files(harness)[keys.asset_key(ALICE, saved["asset_id"])] == result


def test_what_a_job_does_not_know_stays_as_the_client_has_it(harness: Harness) -> None:
    """A crop has no provider, no model and no prompt."""
    crop = {"platforms": ["instagram"], "image_base64": to_text(png())}
    batch = harness.ask("POST", "/batches", body={"operation": "social", "items": [crop]}).json["batch_id"]
    harness.work()
    [item] = harness.ask("GET", f"/batches/{batch}").json["items"]
    said = {"provider": "gemini", "model": "x", "prompt": "y"}
    save(harness, f"job:{item['job_id']}/1")
    save(harness, f"job:{item['job_id']}/1", **said, cost=99)
    given, without = listed(harness)["assets"]
    assert {name: given[name] for name in (*said, "cost")} == {**said, "cost": 0}
    assert {name: without[name] for name in said} == dict.fromkeys(said)


def test_a_result_is_copied_within_the_bucket(harness: Harness) -> None:
    """The function writes its thumbnail only."""
    job_id = harness.submit()
    harness.work()
    made: list[tuple[str, str]] = []
    events = aws_clients.s3().meta.events
    events.register(
        "before-parameter-build.s3", note := lambda params, model, **_: made.append((model.name, params["Key"]))
    )
    saved = save(harness, f"job:{job_id}")["asset_id"]
    events.unregister("before-parameter-build.s3", note)
    written = [call for call in made if call[0] != "GetObject"]
    assert written == [
        ("CopyObject", keys.asset_key(ALICE, saved)),
        ("PutObject", keys.thumbnail_key(ALICE, saved)),
    ]


@pytest.mark.parametrize("days", [0, 2])
def test_the_prompt_of_an_edit_comes_from_its_request_while_it_is_kept(harness: Harness, days: int) -> None:
    edit = {"operation": "general_edit", "prompt": "make it blue", "image_base64": to_text(png())}
    job_id = harness.submit(edit, "/edit/process")
    harness.work()
    if days:  # S3 has deleted the inputs
        harness.remove(harness.job(job_id).input)
    save(harness, f"job:{job_id}", prompt="as the client has it")
    assert listed(harness)["assets"][0]["prompt"] == ("as the client has it" if days else "make it blue")


def test_an_upload_and_an_asset_can_be_saved(harness: Harness) -> None:
    """The copy of an asset is one of its own: it stays when the first is deleted."""
    form = harness.ask("POST", "/uploads", body={"content_type": "image/png"}).json
    harness.put(form["fields"]["key"], png(80, 80))
    first = save(harness, form["reference"])["asset_id"]
    second = save(harness, f"asset:{first}")["asset_id"]
    assert harness.ask("DELETE", f"{ASSETS}/{first}").json == {"asset_id": first, "deleted": True}
    assert files(harness)[keys.asset_key(ALICE, second)] == png(80, 80)


def strokes(width: int, height: int) -> bytes:
    """White strokes on black: a mask and a sketch as well as an image."""
    image = Image.new("RGB", (width, height), "black")
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height // 2), fill="white")
    return saved(image, "PNG")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/edit/process", {"operation": "remove_background", "image_base64": "{}"}),
        ("/edit/process", {"operation": "inpaint", "prompt": "x", "image_base64": "IMAGE", "mask_base64": "{}"}),
        ("/upscale", {"mode": "fast", "image_base64": "{}"}),
        ("/control/process", {"operation": "sketch", "prompt": "x", "control_image_base64": "{}"}),
        ("/social/optimize", {"platforms": ["instagram"], "image_base64": "{}"}),
    ],
)
def test_an_asset_is_an_image_in_every_field(harness: Harness, path: str, body: Any) -> None:
    """What was priced is what is worked on: the job doesn't need the asset any more."""
    asset_id = save(harness, to_text(strokes(128, 128)))["asset_id"]
    filled = json.loads(json.dumps(body).replace("{}", f"asset:{asset_id}").replace("IMAGE", to_text(png(128, 128))))
    if path.startswith("/social"):
        assert harness.ask("POST", path, body=filled).status == 200
        return
    job_id = harness.submit(filled, path)
    harness.ask("DELETE", f"{ASSETS}/{asset_id}")
    harness.work()
    assert harness.status(job_id)["status"] == "succeeded", harness.status(job_id)
    again = harness.ask("POST", path, body=filled)
    assert (again.status, f"asset:{asset_id}" in again.json["detail"]) == (404, True)


def test_what_was_deleted_leaves_nothing(harness: Harness) -> None:
    """Neither files nor records; a second deletion doesn't find it."""
    saved = save(harness, prompt="A pier", tags=["sea"])["asset_id"]
    harness.ask("POST", f"{ASSETS}/{saved}/favorite")
    assert harness.ask("DELETE", f"{ASSETS}/{saved}").status == 200
    assert files(harness) == {}
    left = [each["sk"]["S"] for each in harness.records() if each["pk"]["S"] == keys.library_pk(ALICE)]
    assert left == ["TOTALS"]
    assert harness.ask("DELETE", f"{ASSETS}/{saved}").status == 404


def test_a_change_keeps_what_it_does_not_name(harness: Harness) -> None:
    """Metadata is added to; tags are replaced; the new words find it, the old ones don't."""
    saved = save(harness, title="Pier", description="At dawn", tags=["sea"])["asset_id"]
    body = {"title": "Harbor", "description": None, "tags": ["boats"], "asset_metadata": {"client": "Acme"}}
    changed = harness.ask("PUT", f"{ASSETS}/{saved}", body=body).json
    assert (changed["title"], changed["description"], changed["tags"]) == ("Harbor", "At dawn", ["boats"])
    assert changed["asset_metadata"]["client"] == "Acme"
    assert changed["asset_metadata"]["width"] == 64
    assert changed["updated_at"] > changed["created_at"]
    totals = {query: listed(harness, query)["total"] for query in ("search=pier", "search=harb", "tags=sea,boats")}
    assert totals == {"search=pier": 0, "search=harb": 1, "tags=sea,boats": 1}
    assert harness.ask("PUT", f"{ASSETS}/{saved}", body={"tags": []}).json["tags"] == []


def test_two_changes_in_one_millisecond_are_two(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a time of its own, by which the next one sees that the asset changed."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(0, tz)

    monkeypatch.setattr(library, "datetime", Stopped)
    saved = save(harness)["asset_id"]
    times = [harness.ask("PUT", f"{ASSETS}/{saved}", body={"title": title}).json["updated_at"] for title in "ab"]
    assert times == sorted(set(times))


def test_favorites_and_uses(harness: Harness) -> None:
    saved = save(harness)["asset_id"]
    toggled = [harness.ask("POST", f"{ASSETS}/{saved}/favorite").json for _ in range(3)]
    assert toggled == [{"asset_id": saved, "is_favorite": each} for each in (True, False, True)]
    for action in ("download", "share", "access"):
        used = harness.ask("POST", f"{ASSETS}/{saved}/usage?action={action}").json
        assert used == {"asset_id": saved, "action": action, "tracked": True}
    [asset] = listed(harness, "favorites_only=true")["assets"]
    assert (asset["download_count"], asset["share_count"], asset["is_favorite"]) == (1, 1, True)


def test_statistics_say_what_is_kept(harness: Harness) -> None:
    first = save(harness, cost=2.5)
    second = {**REGISTERED, "source_module": "blog_writer", "cost": 1}
    assert harness.ask("POST", ASSETS, body=second).status == 200
    harness.ask("POST", f"{ASSETS}/{first['asset_id']}/favorite")
    assert harness.ask("GET", f"{ASSETS}/statistics").json == {
        "total": 2,
        "by_type": {"image": 2},
        "by_source": {"image_studio": 1, "blog_writer": 1},
        "total_cost": 3.5,
        "favorites_count": 1,
        "total_bytes": first["file_size"] + len(png()),
        "max_assets": TIERS["enterprise"].library_assets,
        "max_bytes": TIERS["enterprise"].library_bytes,
    }


REGISTERED: dict[str, Any] = {
    "asset_type": "image",
    "source_module": "image_studio",
    "filename": "x.png",
    "file_url": to_text(png()),
}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("holiday.PNG", "holiday.png"),
        ('a"b\r\nSet-Cookie: x', "a_b_Set-Cookie_ x.png"),
        ("../../etc/passwd", "_.._etc_passwd.png"),
        ("....", "image.png"),
        ("é" * 300, "_.png"),
        ("x" * 500, "x" * 100 + ".png"),
        ("photo.jpeg", "photo.png"),
    ],
)
def test_a_registered_file_has_a_name_that_every_system_takes(harness: Harness, name: str, kept: str) -> None:
    """With the extension of what the file is."""
    answer = harness.ask("POST", f"{ASSETS}/", body={**REGISTERED, "filename": name, "file_path": "/x", "file_size": 5})
    assert (answer.status, answer.json["filename"]) == (200, kept)
    assert answer.headers["x-ignored-fields"] == "file_path, file_size"


LARGE = {"description": "x" * 2_000, "title": "x" * 200, "prompt": "x" * 10_000, "provider": "x" * 100}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/save-to-library", {}, "image_base64 is required."),
        ("/save-to-library", {"image_base64": "no image!"}, "Invalid base64 image payload"),
        ("/save-to-library", {"image_base64": to_text(b"GIF89a" + b"x" * 99)}, "not a PNG, JPEG, WebP, HEIC or AVIF"),
        ("/save-to-library", {"image_base64": to_text(png()[:-40])}, "damaged"),
        ("/save-to-library", {"image_base64": to_text(png()), "cost": -1}, "cost"),
        ("/save-to-library", {"image_base64": to_text(png()), "tags": ["a,b"]}, "must not contain a comma"),
        ("/save-to-library", {"image_base64": to_text(png()), "tags": list("abcdefghijklmnopq")}, "at most 16 tags"),
        ("/save-to-library", {"image_base64": to_text(png()), "title": "x" * 201}, "title"),
        (ASSETS, {**REGISTERED, "asset_type": "video"}, "Valid: image."),
        (ASSETS, {**REGISTERED, "source_module": "elsewhere"}, "Valid: image_studio, "),
        (ASSETS, {**REGISTERED, "asset_metadata": {"x": "y" * 8_000}}, "8,000 characters"),
    ],
    ids=str,
)
def test_what_can_not_be_kept_is_a_sentence(harness: Harness, path: str, body: Any, said: str) -> None:
    """And leaves neither a file nor a record."""
    answer = harness.ask("POST", path, body=body)
    assert answer.status == 400
    assert said in answer.json["detail"]
    assert (files(harness), listed(harness)["total"]) == ({}, 0)


def test_the_longest_texts_are_kept(harness: Harness) -> None:
    asset_id = save(harness, **LARGE, tags=[f"{number:02d}".ljust(60, "x") for number in range(MAX_TAGS)])["asset_id"]
    asset = harness.ask("GET", f"{ASSETS}/{asset_id}").json
    assert {name: asset[name] for name in LARGE} == LARGE
    assert len(asset["tags"]) == MAX_TAGS


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sort_by=size", "Valid: created_at, updated_at, cost, file_size, title."),
        ("sort_order=up", "Valid: asc, desc."),
        ("asset_type=picture", "Valid: text, image, video, audio."),
        ("source_module=x", "Valid: image_studio"),
        ("favorites_only=junk", "Valid: true, 1, yes, on, false, 0, no, off."),
        ("date_from=yesterday", "date_from must be a date such as 2026-01-31"),
        ("search=a1+b1+c1+d1+e1+f1", "at most 5 words"),
        ("tags=a,b,c,d,e,f,g,h,i,j,k", "10 tags"),
        ("limit=many", "limit must be a number."),
    ],
)
def test_a_list_names_what_it_takes(harness: Harness, query: str, said: str) -> None:
    answer = harness.ask("GET", f"{ASSETS}?{query}")
    assert answer.status == 400
    assert said in answer.json["detail"]


def test_a_search_without_a_word_finds_nothing(harness: Harness) -> None:
    """A word may be one character; a blank search is none."""
    save(harness, title="猫 at plan B")
    save(harness, title="Pier")
    totals = {"猫": 1, "b": 1, "p": 2, "z": 0, "***": 0, "😀": 0, "*** pier": 1, "": 2, " ": 2}
    assert {word: listed(harness, f"search={quote(word)}")["total"] for word in totals} == totals


def test_filters_take_their_words_in_any_case(harness: Harness) -> None:
    """Only images are kept, so other types are empty."""
    harness.ask("POST", f"{ASSETS}/{save(harness)['asset_id']}/favorite")
    save(harness)
    totals = {
        "favorites_only": {"true": 1, "1": 1, "Yes": 1, "ON": 1, "": 2, "FALSE": 2, "0": 2, "no": 2, "off": 2},
        "asset_type": {"image": 2, "IMAGE": 2, "": 2, "text": 0, "Video": 0},
        "source_module": {"Image_Studio": 2, "": 2, "BLOG_WRITER": 0},
    }
    for name, words in totals.items():
        assert {word: listed(harness, f"{name}={word}")["total"] for word in words} == words


def test_a_day_is_a_whole_day(harness: Harness) -> None:
    """From its first to its last millisecond; a time is a time, with or without a zone."""
    made = save(harness)["asset_id"]
    created = harness.ask("GET", f"{ASSETS}/{made}").json["created_at"]
    day = created[:10]
    days = ("date_from=1900-01-01", f"date_from={day}", f"date_to={day}", f"date_from={day}&date_to={day}")
    for query in (*days, f"date_to={created}"):
        assert listed(harness, query)["total"] == 1, query
    for query in ("date_to=2026-01-01", "date_from=2999-01-01T00:00:00", "date_to=1900-01-01"):
        assert listed(harness, query)["total"] == 0, query


def test_a_full_library_refuses_and_keeps_no_file(harness: Harness) -> None:
    """At the limit the last one is kept."""
    tier = TIERS["free"]
    answer = harness.ask("POST", "/save-to-library", body={"image_base64": to_text(png())}, tier="free")
    assert answer.status == 200
    harness.db.update_item(
        TableName="table",
        Key=keys.library_key(ALICE, "TOTALS"),
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": str(tier.library_assets - 1)}},
    )
    statuses = []
    for _ in range(2):
        answer = harness.ask("POST", "/save-to-library", body={"image_base64": to_text(png())}, tier="free")
        statuses.append(answer.status)
    assert statuses == [200, 400]
    assert answer.json["code"] == "library_full"
    assert "1,000 assets and 1 GB" in answer.json["detail"]
    assert len(files(harness)) == 4


def test_a_page_that_is_too_large_says_so(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    save(harness)
    monkeypatch.setattr(library, "MAX_BODY", 100)
    answer = harness.ask("GET", ASSETS)
    assert (answer.status, "limit" in answer.json["detail"]) == (413, True)


def test_a_change_that_keeps_meeting_others_is_to_be_repeated(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(harness)["asset_id"]
    monkeypatch.setattr(type(wiring.library()), "set_favorite", lambda *_: False)
    assert harness.ask("POST", f"{ASSETS}/{saved}/favorite").status == 503
