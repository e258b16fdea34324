"""What the emulators and the table know, and how the tests change what an operator would."""

import json
import time
from collections.abc import Callable

from local.stack import Stack
from tests.contract.replay import SECONDS


def paid(stack: Stack) -> dict[str, int]:
    return {name: emulator.paid_calls for name, emulator in stack.emulators.items() if emulator.paid_calls}


def secret(stack: Stack, **changes: str) -> None:
    client, name = stack.aws.client("secretsmanager"), stack.resources["ProviderKeys"]["Ref"]
    known = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    client.put_secret_value(SecretId=name, SecretString=json.dumps(known | changes))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def recorded(stack: Stack) -> list[str]:
    """The names of the providers with a key, as the worker put them on record."""
    key = {"pk": {"S": "STUDIO"}, "sk": {"S": "PROVIDERS"}}
    found = stack.aws.client("dynamodb").get_item(TableName=stack.resources["Table"]["Ref"], Key=key)
    return [name["S"] for name in found.get("Item", {"names": {"L": []}})["names"]["L"]]
