"""A cold start on Lambda: no garbage is looked for until the first answer, and never among what init made."""

import json

import pytest

from local.template import ROOT
from tests.runtime.test_snapshot import LATE, LAYER, run

#: Loads a function as Lambda does, answers one event, and prints whether garbage was collected before and after.
LOADED = """
import gc, json
from app import handler
before = gc.isenabled()
handler({event}, None)
print(json.dumps([before, gc.isenabled(), gc.get_freeze_count() > 10_000]))
"""
KEYS = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.mark.parametrize(
    ("function", "event", "collects_after_init"),
    [("create", "{}", False), ("worker", '{"detail-type": "Unknown"}', True)],
)
def test_a_cold_start_collects_no_garbage(function: str, event: str, collects_after_init: bool) -> None:
    """From the first answer on (the worker: from init on) it is collected, but what init made stays out of it."""
    path = f"{ROOT / 'functions' / function}:{LAYER}"
    printed = run(LOADED.format(event=event), path, AWS_LAMBDA_FUNCTION_NAME=function, **KEYS)
    assert json.loads(printed.splitlines()[-1]) == [collects_after_init, True, True]


@pytest.mark.parametrize("function", ["social", "worker", "library"])
def test_init_loads_what_every_request_needs(function: str) -> None:
    """Not what few need: that of Content Credentials alone takes 75 ms. The worker's client for secrets is made."""
    path = f"{ROOT / 'functions' / function}:{LAYER}"
    code = (
        "import sys, app; from image_studio.runtime.aws_clients import secretsmanager;"
        "print(sorted(set(sys.argv) & set(sys.modules)), secretsmanager.cache_info().currsize)"
    )
    printed = run(code, path, *LATE, AWS_LAMBDA_FUNCTION_NAME=function, **KEYS)
    assert printed.splitlines()[-1] == f"[] {int(function == 'worker')}"
