"""Log lines carry known fields in their shapes, and nothing else, whoever writes them."""

import ast
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import image_studio
from image_studio.runtime.observability import FIELDS, MAX_FRAMES, AllowListFormatter, logger, set_up_logging

PACKAGE = Path(image_studio.__file__).parent
SECRET = "CANARY-eyJhbGciOi"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


@pytest.fixture
def lines() -> Iterator[Any]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(AllowListFormatter())
    loggers = [logging.getLogger(name) for name in ("image_studio.tested", "botocore.tested")]
    for each in loggers:
        each.handlers[:] = [handler]
        each.propagate = False
        each.setLevel("DEBUG")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for each in loggers:
        each.handlers.clear()
    logger.thread_safe_clear_keys()


ours, theirs = logging.getLogger("image_studio.tested"), logging.getLogger("botocore.tested")


def test_known_fields_are_written(lines: Any) -> None:
    """Ids, numbers, flags and words, beside level, message, place and time."""
    fields = {
        "job_id": "0" * 32,
        "seconds": 1.5,
        "ok": True,
        "provider": "stability",
        "model": "sd3.5-large",
        "credits": 0,
    }
    ours.info("job ended", extra=fields)
    (line,) = lines()
    assert line.items() >= {**fields, "level": "INFO", "message": "job ended", "service": "image-studio"}.items()
    assert line["location"].startswith("image_studio.tested:")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("job_id", SECRET),
        ("job_id", "0" * 33),
        ("provider", SECRET),
        ("code", "A sentence."),
        ("route", "GET /jobs?token=x"),
        ("route", f"POST /{SECRET}\n"),
        ("seconds", SECRET),
        ("credits", [SECRET]),
        ("model", f"{SECRET}?X-Amz-Signature=1"),
        ("request_id", "x" * 65),
        ("kind", {"a": SECRET}),
    ],
)
def test_a_field_of_another_shape_is_a_question_mark(lines: Any, name: str, value: Any) -> None:
    """Whatever gets into a known field by mistake doesn't get out."""
    ours.info("said", extra={name: value})
    assert lines()[0][name] == "?"


def test_an_unknown_field_is_only_named(lines: Any) -> None:
    """Its value never shows."""
    ours.info("said", extra={"prompt": SECRET, "image_base64": SECRET})
    (line,) = lines()
    assert line["left_out"] == ["image_base64", "prompt"]
    assert SECRET not in json.dumps(line)


def test_exceptions_tell_their_type_and_place(lines: Any) -> None:
    """And those of their causes; not what they say, which quotes what it chokes on. AWS codes are documented words."""
    throttled = ClientError({"Error": {"Code": "AccessDeniedException", "Message": SECRET}}, "PutItem")
    try:
        try:
            json.loads(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        ours.exception("failed")
    ours.error("failed", exc_info=throttled)
    line, aws = lines()
    assert [each["type"] for each in line["exceptions"]] == ["builtins.RuntimeError", "json.decoder.JSONDecodeError"]
    assert line["exceptions"][0]["frames"][-1].startswith("runtime/test_observability.py:")
    assert aws["exceptions"][0]["aws"] == "PutItem AccessDeniedException"
    assert SECRET not in json.dumps([line, aws])


def test_a_stack_is_bounded(lines: Any) -> None:
    """The innermost frames of an endless recursion, and three causes of a chain."""

    def fall() -> None:
        fall()

    try:
        fall()
    except RecursionError:
        ours.exception("failed")
    error: Exception | None = None
    for number in range(5):
        cause, error = error, ValueError(number)
        error.__cause__ = cause
    ours.error("failed", exc_info=error)
    recursion, chain = lines()
    assert len(recursion["exceptions"][0]["frames"]) == MAX_FRAMES == 12
    assert len(chain["exceptions"]) == 3


def test_libraries_lines_are_cut_down(lines: Any) -> None:
    """Who and how bad; urllib3 would write a whole address with its query. Our own have no arguments to fill in."""
    theirs.warning("Retrying: /bucket/key?X-Amz-Signature=%s", SECRET)
    theirs.warning(f"could not read {SECRET}", extra={"provider": "stability"})
    ours.warning("prompt %s", SECRET)
    for line in lines():
        assert SECRET not in json.dumps(line)
        assert line["level"] == "WARNING"
        assert "provider" not in line
    assert lines()[2]["message"] == "prompt %s"


def test_appended_keys_are_on_every_line(lines: Any) -> None:
    """If they are known, in their shape, and until they are cleared."""
    logger.thread_safe_append_keys(request_id="JKJaXmPLvHcESHA=", prompt=SECRET, message_id=SECRET + "\n")
    ours.info("said")
    logger.thread_safe_clear_keys()
    ours.info("said")
    first, second = lines()
    assert (first["request_id"], first["message_id"], "prompt" in first) == ("JKJaXmPLvHcESHA=", "?", False)
    assert "request_id" not in second


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted([*PACKAGE.rglob("*.py"), *Path("functions").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield f"{path.name}:{node.lineno}", node


def _is_log(function: ast.expr) -> bool:
    named = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return named and function.attr in LEVELS and function.value.id in ("log", "logger")  # type: ignore[attr-defined]


def test_every_log_call_says_constant_words_and_known_fields() -> None:
    """No formatted message, no argument, no field that a line couldn't carry. Nobody prints: metrics own stdout."""
    calls = list(_calls())
    assert not [where for where, call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    logged = [(where, call) for where, call in calls if _is_log(call.func)]
    assert len(logged) > 10
    for where, call in logged:
        assert [type(argument) for argument in call.args] == [ast.Constant], where
        for keyword in call.keywords:
            assert keyword.arg in ("extra", "exc_info"), where
            if keyword.arg == "extra":
                assert isinstance(keyword.value, ast.Dict), where
                names = {key.value for key in keyword.value.keys if isinstance(key, ast.Constant)}
                assert len(names) == len(keyword.value.keys), where
                assert names <= set(FIELDS), (where, names - set(FIELDS))


def test_on_lambda_everybodys_lines_go_through_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime's own handler would write libraries' messages as they are."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "create")
    set_up_logging.cache_clear()
    try:
        set_up_logging()
        assert [type(handler.formatter) for handler in root.handlers] == [AllowListFormatter]
        assert (root.level, logging.raiseExceptions) == (logging.WARNING, False)
    finally:
        root.handlers[:], root.level, logging.raiseExceptions = before
        logging.captureWarnings(False)
        set_up_logging.cache_clear()


def test_lambdas_own_filter_lets_metrics_through_and_log_level_holds_our_lines() -> None:
    """With LOG_LEVEL=WARN the template leaves Lambda's level at INFO: it would drop metrics, which have no level."""
    code = """if True:
        import logging
        from image_studio.runtime import metrics, observability
        observability.set_up_logging()
        for level in ("info", "warning"):
            getattr(logging.getLogger("image_studio.tested"), level)("line")
            getattr(observability.logger, level)("line")
        metrics.swept(2, 1)"""
    levels = {"LOG_LEVEL": "WARN", "AWS_LAMBDA_LOG_LEVEL": "INFO", "POWERTOOLS_SERVICE_NAME": "stack"}
    variables = {**levels, "PYTHONPATH": str(PACKAGE.parent), "AWS_LAMBDA_FUNCTION_NAME": "worker"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert [json.loads(line)["level"] for line in done.stderr.splitlines()] == ["WARNING", "WARNING"]
    (metric,) = map(json.loads, done.stdout.splitlines())
    assert (metric["service"], metric["StuckJobs"]) == ("stack", [1])
