"""Answers as the query asks, or with the event itself."""

import gc
import json
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import greeting

COUNT = {"calls": 0}


def handler(event, context):
    COUNT["calls"] += 1
    asked = event.get("queryStringParameters", {})
    return DEEDS.get(asked.get("do", ""), _echo)(event, context, asked)


def _echo(event, context, asked):
    return {"event": event, "seen": _seen(context)}


def _seen(context):
    return {
        "calls": COUNT["calls"],
        "pid": os.getpid(),
        "layer": greeting.WORD,
        "environment": dict(os.environ),
        "remaining": context.get_remaining_time_in_millis(),
        "function": context.function_name,
    }


def _sleep(event, context, asked):
    time.sleep(float(asked["seconds"]))
    return {"slept": asked["seconds"], "pid": os.getpid()}


def _fail(event, context, asked):
    raise ValueError("as asked")


def _exit(event, context, asked):
    os._exit(3)


def _fade(event, context, asked):
    for each in gc.get_objects():
        if isinstance(each, Connection):
            each.close()
    time.sleep(0.5)
    os._exit(3)


def _meet(event, context, asked):
    folder = Path(asked["folder"])
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < int(asked["count"]):
        time.sleep(0.02)
    return {"pid": os.getpid()}


def _large(event, context, asked):
    return "x" * (int(asked["bytes"]) - 2)  # the JSON string adds two quotes


def _size(event, context, asked):
    return {"bytes": len(json.dumps(event, ensure_ascii=False).encode())}


def _response(event, context, asked):
    return {
        "statusCode": 201,
        "headers": {"x-one": "1", "access-control-allow-origin": "https://function.example"},
        "cookies": ["a=1", "b=2"],
        "body": "AAEC/w==",
        "isBase64Encoded": True,
    }


def _nonsense(event, context, asked):
    return {"statusCode": "many", "body": 7}


def _unwritable(event, context, asked):
    return {"body": object()}


DEEDS = {
    "sleep": _sleep,
    "fail": _fail,
    "exit": _exit,
    "fade": _fade,
    "meet": _meet,
    "large": _large,
    "size": _size,
    "response": _response,
    "nonsense": _nonsense,
    "unwritable": _unwritable,
}
