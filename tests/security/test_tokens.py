"""Forged and broken tokens against every route, over sockets through the whole stack: nobody gets in, nothing runs.

Tokens without a required scope pass the gateway and meet the functions, in this process.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests

from local.authorizer import as_text
from local.stack import Stack
from local.template import ROOT, Template
from tests.security.forging import ATTACKS, SCOPED, SCOPELESS
from tests.security.inside import GUARDED, Inside, documented_request
from tests.tables import forget

ASTRAY = [("GET", "/nowhere"), ("PATCH", "/create"), ("DELETE", "/templates")]
PARTS = 4
#: Each attack with a part of the routes, in turns; `make security` tries all parts.
ATTACKED = [
    pytest.param(attack, part, marks=() if number % PARTS == part else pytest.mark.long)
    for number, attack in enumerate(ATTACKS)
    for part in range(PARTS)
]


def _targets() -> Iterator[tuple[str, str, Any]]:
    """Method, path with query, and body of a request that would work, for every guarded route; and some astray."""
    yield from (documented_request(route) for route in GUARDED)
    yield from ((method, path, None) for method, path in ASTRAY)


SESSION = requests.Session()
SESSION.trust_env = False  # reading it takes longer than the request


def _send(stack: Stack, method: str, path: str, body: Any, headers: Any) -> requests.Response:
    return SESSION.request(method, stack.url + path, json=body, headers=headers, timeout=60, allow_redirects=False)


def _records(stack: Stack) -> int:
    """How many records callers and their limits have."""
    pages = stack.aws.client("dynamodb").get_paginator("scan")
    found = pages.paginate(
        TableName=stack.resources["Table"]["Ref"],
        Select="COUNT",
        FilterExpression="begins_with(pk, :caller) OR begins_with(pk, :limits)",
        ExpressionAttributeValues={":caller": {"S": "CALLER#"}, ":limits": {"S": "LIMITS#"}},
    )
    return sum(page["Count"] for page in found)


@pytest.mark.parametrize(("attack", "part"), ATTACKED)
def test_no_attack_gets_in_anywhere(stack: Stack, attack: str, part: int, count: Any) -> None:
    """401, 403 or 404 on every route; no record is made and no provider is asked."""
    before = _records(stack)
    statuses: Counter[int] = Counter()
    for method, path, body in [*_targets()][part::PARTS]:
        answer = _send(stack, method, path, body, ATTACKS[attack](stack.issuer))
        assert answer.status_code in (401, 403, 404), (method, path, answer.status_code)
        assert method == "HEAD" or answer.json().keys() in ({"message"}, {"detail", "code"})
        statuses[answer.status_code] += 1
    ran = _records(stack) - before + sum(len(emulator.calls) for emulator in stack.emulators.values())
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


@pytest.fixture
def scoped(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Inside:
    variables = Template().document["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["REQUIRED_SCOPE"] == {"Ref": "RequiredScope"}
    monkeypatch.setenv("REQUIRED_SCOPE", "studio")
    forget()
    return inside


def _claims(given: Mapping[str, Any]) -> dict[str, str]:
    return {"sub": "mallory", "tier": "enterprise", **{name: as_text(value) for name, value in given.items()}}


@pytest.mark.parametrize("kind", SCOPELESS)
def test_without_the_scope_nothing_runs(scoped: Inside, emulated: dict[str, Any], kind: str, count: Any) -> None:
    """403 with the documented body on every route, 404 or 405 never tell what is there; nothing is recorded."""
    claims = _claims(SCOPELESS[kind])
    answers = [scoped.ask(method, path, body=body or b"", claims=claims) for method, path, body in _targets()]
    assert {(answer.status, answer.json["code"]) for answer in answers} == {(403, "not_allowed")}
    made = [each for each in scoped.records() if each["pk"]["S"].startswith("CALLER#")]
    ran = len(made) + sum(len(emulator.calls) for emulator in emulated.values())
    assert ran == 0
    count("tokens", routes=len(answers), statuses={403: len(answers)}, ran=ran)


@pytest.mark.parametrize("kind", SCOPED)
def test_with_the_scope_callers_get_in(scoped: Inside, kind: str) -> None:
    """As a string or as a list, in `scope` or in `scp`."""
    assert scoped.ask("GET", "/templates", claims=_claims(SCOPED[kind])).status == 200


def test_nothing_of_the_local_authorizer_is_deployed() -> None:
    """Neither layer nor functions name the local stack, read the Authorization header, or verify tokens."""
    words = ("from local", "import local", "import jwt", 'header("authorization")')
    for path in (each for folder in ("layers", "functions") for each in (ROOT / folder).rglob("*.py")):
        assert not any(word in path.read_text() for word in words), path
