"""One cold start: import a handler by its file, answer an event, print the result. Run by cold.py, once per sample."""

import importlib.util
import json
import sys
import time
from dataclasses import dataclass
from typing import Any


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


def _load(file: str) -> Any:
    """The handler of a file."""
    spec = importlib.util.spec_from_file_location("app", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["app"] = module
    spec.loader.exec_module(module)
    return module.handler


def _cpu(handler: Any, event: Any) -> float:
    """Processor time of one answer, ms."""
    started = time.process_time()
    answer = handler(event, _Context())
    assert answer["statusCode"] == 202, answer
    return (time.process_time() - started) * 1000


def main() -> None:
    """Arguments: handler's file, event's file, and `count` (print the AWS calls) or `twice` (print ms of CPU)."""
    file, event = sys.argv[1:3]
    mode = sys.argv[3] if sys.argv[3:] else ""
    made = _count() if mode == "count" else None
    with open(event) as text:
        asked = json.load(text)
    if file == "bare":
        result: Any = {"status": 200}
    elif mode == "twice":
        handler = _load(file)
        result = [_cpu(handler, asked), _cpu(handler, asked)]
    else:
        result = {"status": _load(file)(asked, _Context())["statusCode"]}
    print(json.dumps(result if made is None else made), flush=True)


if __name__ == "__main__":
    main()
