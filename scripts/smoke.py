"""`make smoke STAGE=dev`: call a deployed stage as its first user would, and remove what that made.

Checks GET /health, gets a token, reads GET /usage, makes one draft image and deletes its job. Without TOKEN a user is
made in the stack's own Cognito pool and deleted afterward; the pool's client must allow ADMIN_USER_PASSWORD_AUTH.
`URL=http://127.0.0.1:8000 TOKEN=...` checks any other address, the local stack among them. `make rehearse` checks what
was built before it is deployed.
"""

import argparse
import base64
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from local.stack import Options, Stack
from local.static import CONFIG
from scripts.stage import AWS_FAILURES, UnknownStage, find_stage

PREFIX = CONFIG["api"]
SECONDS = 60  # for one request
IMAGE_SECONDS = 180  # until the image has to be there
SIDE = 512  # pixels; drafts at this size cost the least
PNG = b"\x89PNG"


class Failed(Exception):
    """A step went wrong; the text says which and why."""


def check(url: str, token: str) -> Iterator[str]:
    """Yield a sentence for each step that went well. Raises Failed at the first that didn't."""
    session = requests.Session()
    health = _call(session, "GET", f"{url}/health")
    if health.get("status") != "healthy":
        raise Failed(f"GET /health says {health}")
    yield "The API is healthy."
    session.headers["authorization"] = f"Bearer {token}"
    usage = _call(session, "GET", f"{url}/usage")
    yield f"The token is accepted: tier {usage['tier']}, {usage['remaining']} credits left."
    body = {"prompt": "A red bicycle in front of a white wall", "quality": "draft", "width": SIDE, "height": SIDE}
    key = {"idempotency-key": f"smoke-{secrets.token_hex(8)}", "prefer": "respond-async"}
    job = _call(session, "POST", f"{url}/create", json=body, headers=key)["job_id"]
    with _undone_by(lambda: _call(session, "DELETE", f"{url}/jobs/{job}")):
        yield _image(session, url, job)
    yield "The job and its image are deleted."


@contextmanager
def _undone_by(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` after the block. If the block fails, its failure is raised, whatever comes of `undo`."""
    try:
        yield
    except BaseException:
        with suppress(Failed, *AWS_FAILURES):
            undo()
        raise
    undo()


def _image(session: requests.Session, url: str, job: str) -> str:
    """Wait for the job's image, and return a sentence about it."""
    until = time.monotonic() + IMAGE_SECONDS
    while (record := _call(session, "GET", f"{url}/jobs/{job}"))["status"] not in ("succeeded", "failed"):
        if time.monotonic() > until:
            raise Failed(f"The job is {record['status']} after {IMAGE_SECONDS} s. Does the worker run?")
        time.sleep(1)
    [result] = _call(session, "GET", f"{url}/jobs/{job}/result")["results"]
    text = result.get("image_base64")
    data = base64.b64decode(text) if text else requests.get(result["image_url"], timeout=SECONDS).content
    if not data.startswith(PNG):
        raise Failed(f"The image has {len(data)} bytes and is no PNG.")
    cost = record["credits"]["charged"]
    return f"{result['provider']}'s {result['model']} made an image of {len(data):,} bytes for {cost} credits."


def _call(session: requests.Session, method: str, url: str, **options: Any) -> dict[str, Any]:
    try:
        response = session.request(method, url, timeout=SECONDS, **options)
    except requests.RequestException as error:
        raise Failed(f"{method} {url} can't be reached: {type(error).__name__}") from None
    if not response.ok:
        raise Failed(f"{method} {url} answers {response.status_code}: {response.text[:300]}")
    body: dict[str, Any] = response.json()
    return body


@contextmanager
def pool_token(pool: str, client: str, cognito: Any) -> Iterator[str]:
    """Make a user in a Cognito pool, give its access token, and delete the user. Raises Failed."""
    name, password = f"smoke-{secrets.token_hex(6)}@example.com", f"Aa1!{secrets.token_urlsafe(24)}"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    with _undone_by(lambda: cognito.admin_delete_user(UserPoolId=pool, Username=name)):
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
        try:
            signed_in = cognito.admin_initiate_auth(
                UserPoolId=pool,
                ClientId=client,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": name, "PASSWORD": password},
            )
        except cognito.exceptions.InvalidParameterException:
            raise Failed("The pool's client allows no password sign-in: deploy with PoolPasswordSignIn=yes.") from None
        yield signed_in["AuthenticationResult"]["AccessToken"]


def smoke_stage(stage: str, token: str) -> None:
    """Check a stage of samconfig.toml, and print each step. Raises Failed, UnknownStage, AWS_FAILURES."""
    found = find_stage(stage)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.stack()["Outputs"]}
    url = outputs["ApiUrl"]
    if token:
        show(url, token)
    elif "UserPoolId" in outputs:
        with pool_token(outputs["UserPoolId"], outputs["UserPoolClientId"], found.session.client("cognito-idp")) as own:
            show(url, own)
    else:
        raise Failed(f"The stage takes tokens of {outputs['Issuer']}: get one there, and give it as TOKEN=...")


def smoke_built(folder: Path) -> None:
    """Check what was built into a folder, in a local stack, and print each step. Raises Failed."""
    with TemporaryDirectory() as state:
        options = Options(template=folder.resolve() / "template.yaml", state=Path(state), emulated=True)
        with Stack(options) as stack:
            show(stack.url, stack.token())


def show(url: str, token: str) -> None:
    for line in check(url, token):
        print(line, flush=True)


def main() -> int:
    """Check a stage or an address; the exit code."""
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("stage", nargs="?", default="dev")
    parser.add_argument("--url", default="", help="the API's address without /api/image-studio, in place of a stage")
    parser.add_argument("--token", default="", help="an access token")
    parser.add_argument("--built", type=Path, help="what was built into this folder, in place of a stage")
    chosen = parser.parse_args()
    try:
        if chosen.built:
            smoke_built(chosen.built)
        elif chosen.url:
            show(chosen.url.rstrip("/") + PREFIX, chosen.token)
        else:
            smoke_stage(chosen.stage, chosen.token)
    except (Failed, UnknownStage, KeyError, *AWS_FAILURES) as problem:
        print(f"FAILED: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
