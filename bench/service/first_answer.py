"""One cold start: import a handler by its file, answer one event, print the answer. Run by cold.py, once per sample."""

import importlib.util
import json
import sys
from dataclasses import dataclass


@dataclass
class _Context:
    function_name: str = "bench"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Half a minute."""
        return 30_000


def _count() -> list[str]:
    """Note every AWS call from now on."""
    from botocore.client import BaseClient  # noqa: PLC0415  only where calls are counted

    made: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]  # there is no public hook before a client is made

    def noted(self, name, arguments):  # type: ignore[no-untyped-def]
        made.append(name)
        return call(self, name, arguments)

    BaseClient._make_api_call = noted  # type: ignore[attr-defined]
    return made


def main() -> None:
    """Arguments: the handler's file, the event's file, and `count` to print the AWS calls instead."""
    file, event = sys.argv[1:3]
    made = _count() if sys.argv[3:] else None
    with open(event) as text:
        asked = json.load(text)
    if file == "bare":
        answer = {"statusCode": 200, "body": "{}"}
    else:
        spec = importlib.util.spec_from_file_location("app", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["app"] = module
        spec.loader.exec_module(module)
        answer = module.handler(asked, _Context())
    print(json.dumps({"status": answer["statusCode"]} if made is None else made), flush=True)


if __name__ == "__main__":
    main()
