"""Forged and broken tokens against every route, over sockets through the whole stack: nobody gets in, nothing runs."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.stack import Options, Stack
from local.template import ROOT
from tests.security.forging import ATTACKS, SCOPED, SCOPELESS
from tests.security.inside import GUARDED, documented_request

ASTRAY = [("GET", "/nowhere"), ("PATCH", "/create"), ("DELETE", "/templates")]


def _targets() -> Iterator[tuple[str, str, Any]]:
    """Method, path with query, and body of a request that would work, for every guarded route; and some astray."""
    yield from (documented_request(route) for route in GUARDED)
    yield from ((method, path, None) for method, path in ASTRAY)


SESSION = requests.Session()
SESSION.trust_env = False  # reading it takes longer than the request


def _send(stack: Stack, method: str, path: str, body: Any, headers: Any) -> requests.Response:
    return SESSION.request(method, stack.url + path, json=body, headers=headers, timeout=60, allow_redirects=False)


def _records(stack: Stack) -> list[str]:
    found = stack.aws.client("dynamodb").scan(TableName=stack.resources["Table"]["Ref"])
    return [item["sk"]["S"] for item in found["Items"] if item["pk"]["S"].startswith("CALLER#")]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_gets_in_anywhere(stack: Stack, attack: str, count: Any) -> None:
    """401, 403 or 404 on every route; no record is made and no provider is asked."""
    before = Counter(_records(stack))
    statuses: Counter[int] = Counter()
    for method, path, body in _targets():
        answer = _send(stack, method, path, body, ATTACKS[attack](stack.issuer))
        assert answer.status_code in (401, 403, 404), (method, path, answer.status_code)
        assert answer.json().keys() in ({"message"}, {"detail", "code"})
        statuses[answer.status_code] += 1
    made = Counter(_records(stack)) - before
    ran = made.total() + sum(len(emulator.calls) for emulator in stack.emulators.values())
    assert ran == 0
    count("tokens", routes=sum(statuses.values()), statuses=statuses, ran=ran)


def test_only_a_token_in_the_authorization_header_gets_in(stack: Stack) -> None:
    """The same request with a good token works; in the query, which is logged, or in a body it is none."""
    assert min(len(ATTACKS) - 14, len(GUARDED) - 24) > 0
    assert _send(stack, "GET", "/templates", None, stack.headers(sub="mallory")).status_code == 200
    for name in ("access_token", "token", "authorization"):
        assert _send(stack, "GET", f"/templates?{name}={stack.token()}", None, {}).status_code == 401
    body = {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "mallory"}}}}, "prompt": "a boat"}
    assert _send(stack, "POST", "/create", body, {}).status_code == 401


@pytest.fixture(scope="module")
def scoped_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = Options(state=tmp_path_factory.mktemp("scoped"), parameters={"RequiredScope": "studio"})
    with Stack(options) as stack:
        yield stack


@pytest.mark.parametrize("kind", SCOPELESS)
def test_without_the_scope_nothing_runs(scoped_stack: Stack, kind: str, count: Any) -> None:
    """403 with the documented body on every route, 404 or 405 never tell what is there; nothing is recorded."""
    headers = scoped_stack.headers(sub="scopeless", tier="enterprise", **SCOPELESS[kind])
    answers = [_send(scoped_stack, method, path, body, headers) for method, path, body in _targets()]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json()["code"] for answer in answers} == {"not_allowed"}
    ran = len(_records(scoped_stack)) + sum(len(emulator.calls) for emulator in scoped_stack.emulators.values())
    assert ran == 0
    count("tokens", routes=len(answers), statuses={403: len(answers)}, ran=ran)


@pytest.mark.parametrize("kind", SCOPED)
def test_with_the_scope_callers_get_in(scoped_stack: Stack, kind: str) -> None:
    """As a string or as a list, in `scope` or in `scp`."""
    answer = _send(scoped_stack, "GET", "/templates", None, scoped_stack.headers(**SCOPED[kind]))
    assert answer.status_code == 200


def test_nothing_of_the_local_authorizer_is_deployed() -> None:
    """Neither layer nor functions name the local stack, read the Authorization header, or verify tokens."""
    words = ("from local", "import local", "import jwt", 'header("authorization")')
    for path in (each for folder in ("layers", "functions") for each in (ROOT / folder).rglob("*.py")):
        assert not any(word in path.read_text() for word in words), path
