"""`sam local invoke` by hand: the line that `make run` prints, in a container."""

import json
import os
import subprocess
from contextlib import ExitStack

import pytest

from local import sam
from local.stack import Stack
from local.template import ROOT
from scripts.containers import LOCAL_IMAGE, ask_engine


def test_the_file_has_each_functions_variables(stack: Stack) -> None:
    """With addresses that containers reach."""
    with ExitStack() as closing:
        found = json.loads(sam.write_variables(stack, closing).read_text())
    assert set(found) == set(stack.settings().resolved().functions())
    assert "127.0.0.1" not in {each["AWS_ENDPOINT_URL"].split("/")[2].partition(":")[0] for each in found.values()}
    assert "127.0.0.1" not in found["WorkerFunction"]["STABILITY_BASE_URL"]


@pytest.mark.parametrize(
    ("function", "event"),
    [("CreateFunction", "create/post-create.json"), ("WorkerFunction", "worker/inbox-arrived.json")],
)
def test_the_printed_line_works(
    lambda_stack: Stack, surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch, function: str, event: str
) -> None:
    """An image by a token's claims, and the S3 event, whose object isn't there."""
    if "DOCKER_HOST" in surroundings:
        monkeypatch.setenv("DOCKER_HOST", surroundings["DOCKER_HOST"])
    if ask_engine("/_ping") != 200:
        pytest.skip("no container engine answers, so `sam local invoke` was not run")
    local = ask_engine(f"/images/{LOCAL_IMAGE}/json") == 200
    more = f" --template {lambda_stack.options.template}" + f" --skip-pull-image --invoke-image {LOCAL_IMAGE}" * local
    with ExitStack() as closing:
        line = sam.command(function, event, sam.write_variables(lambda_stack, closing)) + more
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=ROOT,
            env=surroundings | os.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    answer = json.loads(next(each for each in reversed(done.stdout.splitlines()) if each.startswith("{")))
    assert answer.get("statusCode") == 200 if function == "CreateFunction" else answer == {"batchItemFailures": []}
