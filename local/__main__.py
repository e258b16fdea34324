"""`python -m local`: run the stack. The roles `app` and `aws` are its own child processes."""

import json
import socket
import sys


def main() -> int:
    """Run what the arguments ask for; the exit code."""
    role = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if role == "app":
        from local.app import from_json, serve  # noqa: PLC0415  # each role imports only its own part

        serve(*from_json(json.loads(sys.argv[2])))
    elif role == "aws":
        _aws(json.loads(sys.argv[2]))
    else:
        from local.serve import main as run  # noqa: PLC0415  # the same

        return run(sys.argv[1:])
    return 0


def _aws(given: dict[str, int]) -> None:
    from local.aws import serve  # noqa: PLC0415  # the same
    from local.child_processes import end_with_parent, report_ready  # noqa: PLC0415  # the same

    end_with_parent()
    report_ready(given["ready"])  # the socket listens already: who connects now is answered soon
    serve(socket.socket(fileno=given["socket"]), given["concurrency"])


if __name__ == "__main__":
    sys.exit(main())
