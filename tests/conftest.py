"""What holds for every test: no network beyond loopback, no credentials, a stack that is like `make run`'s."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

from local.aws import Aws
from local.stack import Options, Stack
from tests.security import board
from tests.security.canaries import keep_log, search_report

#: The environment before it was emptied, for the few tests that run tools which fetch packages.
SURROUNDINGS = dict(os.environ)
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")
DUMMIES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[Any]:
    """Search what each test's functions logged for images, tokens, keys and presigned queries."""
    report = yield
    search_report(report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was counted for the security board; with COUNTED in the environment, keep it there."""
    outcomes = terminalreporter.stats
    for reason, number in Counter(each.longrepr[2] for each in outcomes.get("skipped", [])).items():
        terminalreporter.write_line(f"{number} tests left out. {reason}")
    reports = [each for kind in ("passed", "failed", "error", "") for each in outcomes.get(kind, [])]
    collected = board.collected(reports)
    notes = {row: found.notes for row, found in collected.items()}
    lines = list(board.lines(collected, whole=False))
    if lines:
        terminalreporter.section("security board")
        terminalreporter.write_line("\n".join(lines))
    if SURROUNDINGS.get("COUNTED"):
        failed = len(outcomes.get("failed", [])) + len(outcomes.get("error", []))
        summary = {"notes": notes, "passed": len(outcomes.get("passed", [])), "failed": failed}
        kept = Path(SURROUNDINGS["COUNTED"])
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(summary))


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Count for a row of the security board: `count("limits", allowed=10, limit=10)`."""
    noted = request.node.user_properties
    return lambda row, **counted: noted.append(("counted", (row, json.loads(json.dumps(counted)))))


@pytest.fixture(scope="session", autouse=True)
def _logs_of_stacks() -> Iterator[None]:
    stop = Stack.stop

    def kept(stack: Stack) -> None:
        log = getattr(stack, "log", None)  # none where it could not start
        if log and log.exists():
            keep_log(log)
        stop(stack)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "stop", kept)
        yield


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no profile, no setting of the person who runs the tests gets in."""
    for name in os.environ:
        if name not in KEPT:
            monkeypatch.delenv(name)
    for name, value in DUMMIES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def surroundings() -> dict[str, str]:
    return dict(SURROUNDINGS)


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(Options(state=tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


@pytest.fixture
def stack(running_stack: Stack) -> Stack:
    """The whole local stack: url, token(sub=, tier=), emulators[...] with nothing recorded yet."""
    for emulator in running_stack.emulators.values():
        emulator.reset()
    _close_circuits(running_stack)
    return running_stack


def _close_circuits(stack: Stack) -> None:
    """Forget which providers failed in earlier tests; where one was set aside, start workers that don't know it."""
    db, table = _dynamodb(stack.aws), stack.resources["Table"]["Ref"]
    found = db.query(
        TableName=table,
        KeyConditionExpression="pk = :studio AND begins_with(sk, :health)",
        ExpressionAttributeValues={":studio": {"S": "STUDIO"}, ":health": {"S": "HEALTH#"}},
    )["Items"]
    for item in found:
        db.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    if any(item["open_until"]["N"] != "0" for item in found):
        stack.reload()


@lru_cache(maxsize=1)
def _dynamodb(aws: Aws) -> Any:
    return aws.client("dynamodb")
