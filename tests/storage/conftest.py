"""Moto's table that refuses reserved words, a store on it, and a clock."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from image_studio.runtime import aws_clients
from image_studio.storage.jobs import JobStore
from tests.storage.table import Clock, store
from tests.tables import fake_aws

RESERVED = {word.upper() for word in ReservedKeywords.get_reserved_keywords()}
RESERVED -= {"SET", "ADD", "REMOVE", "AND", "OR", "NOT", "BETWEEN"}


def refuse_reserved_words(params: Any, **_: Any) -> None:
    """DynamoDB refuses its reserved words where they aren't behind a placeholder; moto lets conditions through."""
    for text in re.findall(r'Expression": "([^"]+)"', json.dumps(params, default=str)):
        # bare words: no placeholders, and no parts of a name behind a dot's placeholder
        assert not {word.upper() for word in re.split(r"[\s(),.]+", text)} & RESERVED, text


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake_aws(monkeypatch):
        aws_clients.dynamodb().meta.events.register("before-parameter-build.dynamodb", refuse_reserved_words)
        yield


@pytest.fixture
def jobs(table: None, clock: Clock) -> JobStore:
    return store(clock)
