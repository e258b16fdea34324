"""Another caller's id is an unknown id: the same answer, by one read in the caller's own partition."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from image_studio.runtime import aws_clients
from image_studio.runtime.settings import settings
from image_studio.storage.keys import UPLOADS
from tests.operations.fakes import photo, to_text
from tests.security.inside import Inside, inside_aws, use_emulators
from tests.waiting import until

UNKNOWN = "f" * 32
IMAGE = to_text(photo(128, 128))
INPAINT = {"operation": "inpaint", "prompt": "x"}
ASSETS = "/api/content-assets"
REGISTERED = {"asset_type": "image", "source_module": "image_studio", "filename": "x.png"}
LOOKED_UP = ("JOB#", "BATCH#", "PERSONA#", "ASSET#", UPLOADS, "library/")  # in keys of records and objects
BOAT = {"prompt": "a boat", "width": 64, "height": 64}


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    """The API, and what all of this file's callers have in one table."""
    with pytest.MonkeyPatch.context() as patch, inside_aws(patch):
        use_emulators(patch)
        settings()  # read now: each test empties the environment
        yield Inside()


@pytest.fixture(scope="module")
def alices(inside: Inside) -> dict[str, str]:
    job = inside.ask("POST", "/create", body={**BOAT, "provider": "stability"}).headers["x-job-id"]
    upload = inside.ask("POST", "/uploads", body={"content_type": "image/png"}).json["upload_id"]
    inside.ask("PUT", "/personas/acme", body={"name": "Acme", "voice": "warm"})
    asset = inside.ask("POST", "/save-to-library", body={"image_base64": IMAGE}).json["asset_id"]
    body = {"operation": "create", "items": [{**BOAT, "provider": "stability"}]}
    batch = inside.ask("POST", "/batches", body=body).json["batch_id"]
    assert until(lambda: "lease" not in inside.records("BATCH#")[0])  # announced: nothing is written any more
    return {"job": job, "upload": upload, "persona": "acme", "asset": asset, "batch": batch}


@contextmanager
def _noted(inside: Inside) -> Iterator[list[str]]:
    """What the table and the bucket are asked for meanwhile, as text."""
    made: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        made.append(json.dumps({"operation": model.name, **params}, default=str))

    watched = [(inside.db, "provide-client-params.dynamodb"), (aws_clients.s3(), "provide-client-params.s3")]
    for client, event in watched:
        client.meta.events.register(event, note)
    yield made
    for client, event in watched:
        client.meta.events.unregister(event, note)


#: What names an id: method, path, body; `{}` is the id. The kind says whose ids it takes.
BEARING = [
    ("job", "GET", "/jobs/{}", None),
    ("job", "GET", "/jobs/{}?wait=1", None),
    ("job", "GET", "/jobs/{}/result", None),
    ("job", "POST", "/jobs/{}/result", None),
    ("job", "GET", "/jobs/{}/result?delivery=url", None),
    ("job", "DELETE", "/jobs/{}", None),
    ("batch", "GET", "/batches/{}", None),
    ("batch", "DELETE", "/batches/{}", None),
    ("batch", "GET", "/batches/{}/zip", None),
    ("persona", "GET", "/personas/{}", None),
    ("persona", "DELETE", "/personas/{}", None),
    ("persona", "POST", "/create", {"prompt": "a boat", "persona_id": "{}", "use_persona": True}),
    *(
        (kind, "POST", path, body)
        for kind in ("job", "upload", "asset")
        for path, body in (
            ("/edit/process", {"image_base64": kind + ":{}", "operation": "remove_background"}),
            ("/edit/process", {**INPAINT, "image_base64": IMAGE, "mask_base64": kind + ":{}"}),
            ("/edit/process", {"operation": "relight", "image_base64": IMAGE, "background_image_base64": kind + ":{}"}),
            ("/upscale", {"image_base64": kind + ":{}", "mode": "fast"}),
            ("/control/process", {"control_image_base64": kind + ":{}", "operation": "sketch", "prompt": "a boat"}),
            ("/social/optimize", {"image_base64": kind + ":{}", "platforms": ["instagram"]}),
            ("/save-to-library", {"image_base64": kind + ":{}"}),
            (ASSETS, {**REGISTERED, "file_url": kind + ":{}"}),
        )
    ),
    ("asset", "GET", ASSETS + "/{}", None),
    ("asset", "PUT", ASSETS + "/{}", {"title": "mine"}),
    ("asset", "DELETE", ASSETS + "/{}", None),
    ("asset", "POST", ASSETS + "/{}/favorite", None),
    ("asset", "POST", ASSETS + "/{}/usage?action=share", None),
    ("job", "POST", "/edit/process", {"image_base64": "job:{}/1", "operation": "remove_background"}),
]


@pytest.mark.parametrize(
    ("kind", "method", "path", "body"), BEARING, ids=lambda value: str(value)[:60] if value else "-"
)
def test_another_callers_id_is_an_unknown_id(  # noqa: PLR0917  one row of the table
    inside: Inside, alices: dict[str, str], kind: str, method: str, path: str, body: Any, count: Any
) -> None:
    """Mallory gets the same status, headers and sentence for Alice's id and for one that nobody has.

    The look-up is one read, of the table or the bucket, and no key that is asked for is anybody else's.
    """
    unknown = "nobodys" if kind == "persona" else UNKNOWN
    answers, own = [], inside.tenant("mallory")
    for tried in (alices[kind], unknown):
        filled = json.loads(json.dumps(body).replace("{}", tried)) if body else b""
        with _noted(inside) as calls:
            answer = inside.ask(method, path.replace("{}", tried), body=filled, sub="mallory")
        headers = {name: value for name, value in answer.headers.items() if "ratelimit" not in name}
        answers.append((answer.status, headers, answer.body.replace(tried, "ID")))
        looked_up = [call for call in calls if any(each in call for each in LOOKED_UP)]
        foreign = [call for call in calls if own not in call and '"STUDIO"' not in call]
        count("ids", reads=len(looked_up), foreign=len(foreign))
        assert (len(looked_up), foreign) == (1, [])
    count("ids", asked=1, same=int(answers[0] == answers[1]), statuses={answers[0][0]: 1})
    assert answers[0] == answers[1]
    assert answers[0][0] == 404, answers[0]
    assert inside.ask("GET", f"/jobs/{alices['job']}").status == 200


def test_an_upload_lands_under_the_callers_own_prefix(inside: Inside) -> None:
    """The form's key is the server's, begins with a hash of the caller, and can't be chosen."""
    body = {"content_type": "image/png", "upload_id": "../alice", "key": "uploads/alice/x"}
    answer = inside.ask("POST", "/uploads", body=body, sub="mallory")
    key = answer.json["fields"]["key"]
    assert key == f"uploads/{inside.tenant('mallory')}/{answer.json['upload_id']}"
    assert "upload_id" in answer.headers["x-ignored-fields"]


def test_lists_hold_ones_own_only(inside: Inside, alices: dict[str, str]) -> None:
    """Jobs, personas and usage of somebody else never show."""
    assert inside.ask("GET", "/jobs", sub="mallory").json["jobs"] == []
    assert inside.ask("GET", "/personas", sub="mallory").json["personas"] == []
    assert inside.ask("GET", ASSETS, sub="mallory").json["total"] == 0
    assert inside.ask("GET", "/usage", sub="mallory").json["used"] == 0
    mark = "2020-01-01T00:00:00+00:00%23" + alices["job"]
    assert inside.ask("GET", f"/jobs?before={mark}", sub="mallory").json["jobs"] == []


def test_an_idempotency_key_is_the_callers_own(inside: Inside, emulated: dict[str, Any]) -> None:
    """The same key and request of another caller make another job."""
    plan = {"body": BOAT, "headers": {"idempotency-key": "k"}}
    jobs = {inside.ask("POST", "/create", sub=sub, **plan).headers["x-job-id"] for sub in ("alice", "mallory")}
    assert len(jobs) == 2


@pytest.mark.parametrize("sub", ["alice ", " alice", "Alice", "alice\n", "alice\u200b", "a" * 1024])
def test_subs_that_look_alike_are_apart(inside: Inside, emulated: dict[str, Any], sub: str) -> None:
    """A caller is the exact subject of its token."""
    assert inside.tenant(sub) != inside.tenant("alice")
    job = inside.ask("POST", "/create", body=BOAT).headers["x-job-id"]
    assert inside.ask("GET", f"/jobs/{job}", sub=sub).status == 404
