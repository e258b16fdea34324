"""Uploads and the hot folder on the whole local stack, from S3's own events."""

import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from image_studio.storage import keys
from local.stack import Stack
from local.template import ROOT
from scripts.openapi.words import ERRORS, UPLOAD
from tests.conftest import SURROUNDINGS
from tests.jobs.harness import png
from tests.waiting import until

TIMEOUT = 120.0  # seconds, for what takes about three
DROPPED = (264, 256)  # width x height by which a test knows its own images


def bucket(stack: Stack) -> tuple[Any, str]:
    return stack.aws.client("s3"), stack.resources["Bucket"]["Ref"]


def answers(stack: Stack, drops: Collection[str]) -> dict[str, bytes]:
    """What is in the outbox for these drops, when each was answered; others' drops are others'."""
    s3, name = bucket(stack)
    until = time.monotonic() + TIMEOUT
    while True:
        listed = [s3.list_objects_v2(Bucket=name, Prefix=f"{keys.OUTBOX}{drop}/").get("Contents", []) for drop in drops]
        written = [any(each["Key"].endswith(".json") for each in found) for found in listed]
        if all(written) or time.monotonic() > until:
            found = [each["Key"] for one in listed for each in one]
            return {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in found}
        time.sleep(0.3)


def paid_for(stack: Stack, size: tuple[int, int]) -> int:
    """The paid calls with an image of that width x height, which no other test has."""
    calls = [call for emulator in stack.emulators.values() for call in emulator.calls if call.accepted]
    return sum(any(Image.open(BytesIO(each)).size == size for each in call.images.values()) for call in calls)


@pytest.mark.parametrize(("by_curl", "size"), [(False, (256, 248)), (True, (256, 240))], ids=["form", "curl -T"])
def test_an_upload_starts_its_job(stack: Stack, tmp_path: Path, by_curl: bool, size: tuple[int, int]) -> None:
    """The form or the URL, the file, S3's event by EventBridge and the queue, the worker, the image."""
    headers = stack.headers()
    body = {"content_type": "image/png", "operation": "edit", "request": {"operation": "remove_background"}}
    form = requests.post(f"{stack.url}/uploads", json=body, headers=headers, timeout=30).json()
    status = requests.get(stack.origin + form["status_url"], headers=headers, timeout=30).json()
    assert (status["status"], status["awaits_upload"]) == ("queued", form["upload_id"])
    if by_curl:
        (tmp_path / "photo.png").write_bytes(png(*size))
        subprocess.run(["curl", "-fsS", "-T", tmp_path / "photo.png", form["put_url"]], check=True, timeout=30)
    else:
        sent = requests.post(form["url"], data=form["fields"], files={"file": png(*size)}, timeout=30)
        assert sent.status_code == 204
    answer = requests.get(stack.origin + form["result_url"], headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == size
    assert paid_for(stack, size) == 1


@pytest.mark.skipif(not shutil.which("jq"), reason="The line needs jq.")
def test_the_line_of_the_guides_uploads_a_file(stack: Stack, tmp_path: Path) -> None:
    """As README, the guides and OpenAPI's 413 have it: it prints a reference that stands for the image."""
    for page in ("README.md", "docs/jobs.md", "docs/guides/troubleshooting.md"):
        assert UPLOAD in (ROOT / page).read_text(), page
    assert UPLOAD in ERRORS[413]
    (tmp_path / "photo.jpg").write_bytes(png(264, 248))
    variables = {"ORIGIN": stack.origin, "TOKEN": stack.token(), "PATH": SURROUNDINGS["PATH"]}
    printed = subprocess.check_output(["bash", "-c", UPLOAD], cwd=tmp_path, env=variables, text=True, timeout=60)
    body = {"image_base64": printed.strip(), "operation": "remove_background"}
    answer = requests.post(f"{stack.url}/edit/process", json=body, headers=stack.headers(), timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (264, 248)


def test_the_hot_folder_answers_any_name(stack: Stack) -> None:
    """Each drop once, at its own path, and no right is missing in the template."""
    s3, name = bucket(stack)
    refused = len(stack.aws.refusals())
    drops = {
        "social/instagram,linkedin/a b+c%20d é猫.jpg": "result.json",
        "edit/remove_background/50% + more.png": "result.json",
        "edit/inpaint/no prompt.png": "error.json",
    }
    for path in drops:
        s3.put_object(Bucket=name, Key=keys.INBOX + path, Body=png(*DROPPED))
    found = answers(stack, drops)
    for path, kind in drops.items():
        written = json.loads(found[f"{keys.OUTBOX}{path}/{kind}"])
        assert written["input"] == keys.INBOX + path
        assert s3.get_object(Bucket=name, Key=keys.INBOX + path)["Body"].read() == png(*DROPPED)
    assert sum(key.endswith(".json") for key in found) == len(drops)
    assert paid_for(stack, DROPPED) == 1
    assert stack.aws.refusals()[refused:] == []


def test_the_batch_of_the_guide_runs_to_its_zip(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """The guide's own lines, the jobs on the queue, the workers, the file that a worker makes on demand."""
    refused = len(stack.aws.refusals())
    sample = (ROOT / "docs/guides/batches.md").read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"token": stack.token()}
    exec(sample.replace("http://127.0.0.1:8000", stack.origin).replace("sleep(5)", "sleep(0.2)"), names)  # noqa: S102
    batch, headers = names["batch"], names["headers"]
    assert batch["counts"] == {"total": 3, "succeeded": 3, "failed": 0}
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [[n, "succeeded"] for n in "012"]

    def read(path: str) -> requests.Response:
        return requests.get(stack.origin + path, headers=headers, timeout=30)

    assert read(batch["items"][0]["result_url"]).json()["results"][0]["width"] == 1024
    assert until(lambda: read(batch["zip_url"]).status_code == 200, TIMEOUT)
    file = requests.get(read(batch["zip_url"]).json()["url"], timeout=30)
    archive = zipfile.ZipFile(BytesIO(file.content))
    assert archive.namelist() == ["001.png", "002.png", "003.png"]
    assert Image.open(archive.open("002.png")).size == (1024, 1024)
    assert stack.aws.refusals()[refused:] == []
