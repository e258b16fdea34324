"""Write events/: for each route of template.yaml the event that API Gateway makes of a request, and the worker's.

`python -m scripts.events` writes them again; a test holds them and the template together. Request bodies are those of
the API reference where it has one.
"""

import base64
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.intrinsics import ACCOUNT, REGION
from local.payload import HttpRequest, Stamp, build_event
from local.poller import record, scheduled_event
from local.routes import RouteTable
from local.stack import PREFIX
from local.template import DEFAULT_ROUTE, ROOT, Route, Schedule, Template

EVENTS = ROOT / "events"
ISSUER = "https://issuer.example.com"
MOMENT = 1_790_000_000.0  # the events' time, seconds since 1970; fixed, so that they don't change by themselves
JOB = "0123456789abcdef0123456789abcdef"
TENANT = "fedcba9876543210fedcba9876543210"
BUCKET = "image-studio-bucket"
EVENT_ID = "17793124-05d4-b198-2fde-7ededc63b103"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:image-studio-jobqueue"


def small_png(side: int = 64) -> bytes:
    """A gray gradient of side x side pixels; stored, not compressed, so that every zlib writes the same bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((2 * (x + y)) % 256 for x in range(side)) for y in range(side))
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", stored + struct.pack(">I", zlib.adler32(rows)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


DATA_URL = f"data:image/png;base64,{base64.b64encode(small_png()).decode()}"

LIST_ASSETS = {"query": "search=workspace&tags=office&sort_by=created_at&sort_order=desc&limit=100&offset=0"}
REGISTER_ASSET = {
    "body": {
        "asset_type": "image",
        "source_module": "main_image_generation",
        "filename": "workspace.png",
        "file_url": DATA_URL,
        "title": "Workspace",
        "tags": ["office"],
    }
}

#: Route key without the prefix: query and body of a request that works. A route without an entry has neither.
REQUESTS: dict[str, dict[str, Any]] = {
    "POST /create": {
        "body": {
            "prompt": "Modern minimalist workspace with laptop",
            "template_id": "linkedin_post",
            "provider": "auto",
            "style_preset": "photographic",
            "quality": "standard",
            "negative_prompt": "blurry, low quality",
            "num_variations": 1,
            "enhance_prompt": True,
            "use_persona": False,
        }
    },
    "GET /templates": {"query": "platform=instagram"},
    "GET /templates/search": {"query": "query=linkedin"},
    "GET /templates/recommend": {"query": "use_case=product+showcase&platform=instagram"},
    "POST /estimate-cost": {
        "body": {
            "provider": "wavespeed",
            "model": "ideogram-v3-turbo",
            "operation": "generate",
            "num_images": 1,
            "width": 1200,
            "height": 628,
        }
    },
    "PUT /personas/{id}": {
        "body": {
            "name": "Acme",
            "voice": "warm and plain",
            "palette": ["orange", "teal"],
            "style_words": ["soft daylight"],
            "avoid_words": ["clutter"],
        }
    },
    "POST /edit/process": {
        "body": {"image_base64": DATA_URL, "operation": "remove_background", "output_format": "png", "options": {}}
    },
    "GET /edit/models": {"query": "operation=general_edit"},
    "POST /edit/recommend": {"body": {"operation": "general_edit"}},
    "POST /upscale": {
        "body": {
            "image_base64": DATA_URL,
            "mode": "conservative",
            "preset": "print",
            "prompt": "High fidelity upscale preserving original details",
        }
    },
    "POST /control/process": {
        "body": {
            "control_image_base64": DATA_URL,
            "operation": "sketch",
            "prompt": "Modern office interior",
            "control_strength": 0.8,
            "output_format": "png",
        }
    },
    "POST /provenance/inspect": {"body": {"image_base64": DATA_URL}},
    "POST /social/optimize": {
        "body": {
            "image_base64": DATA_URL,
            "platforms": ["instagram", "facebook", "linkedin"],
            "format_names": {"instagram": "Feed Post (Square)", "facebook": "Feed Post", "linkedin": "Post"},
            "show_safe_zones": False,
            "crop_mode": "smart",
            "output_format": "png",
        }
    },
    "POST /compress": {"body": {"image_base64": DATA_URL, "format": "webp", "quality": 80}},
    "POST /compress/batch": {"body": {"images": [{"image_base64": DATA_URL, "format": "jpeg"}]}},
    "POST /compress/estimate": {"body": {"image_base64": DATA_URL, "format": "jpeg", "quality": 85}},
    "POST /convert-format": {"body": {"image_base64": DATA_URL, "target_format": "webp"}},
    "POST /convert-format/batch": {"body": {"images": [{"image_base64": DATA_URL, "target_format": "png"}]}},
    "GET /convert-format/recommendations": {"query": "source_format=png"},
    "POST /save-to-library": {
        "body": {
            "image_base64": DATA_URL,
            "prompt": "Modern minimalist workspace with laptop",
            "provider": "wavespeed",
            "model": "ideogram-v3-turbo",
            "operation": "image-generation",
            "output_format": "png",
        }
    },
    "GET /api/content-assets": LIST_ASSETS,
    "GET /api/content-assets/": LIST_ASSETS,
    "POST /api/content-assets": REGISTER_ASSET,
    "POST /api/content-assets/": REGISTER_ASSET,
    "PUT /api/content-assets/{id}": {"body": {"title": "Workspace", "tags": ["office", "autumn"]}},
    "POST /api/content-assets/{id}/usage": {"query": "action=download"},
    "GET /jobs": {"query": "limit=20"},
    "GET /jobs/{id}/result": {"query": "wait=0"},
    "POST /jobs/{id}/result": {"query": "wait=0"},
    "POST /batches": {
        "body": {
            "operation": "create",
            "items": [{"prompt": "A red chair"}, {"prompt": "A blue chair"}],
            "shared": {"width": 1024, "height": 1024},
        }
    },
    "GET /batches": {"query": "limit=20"},
    # an address and no name, so that it works without a name server
    "POST /webhooks": {"body": {"url": "https://1.1.1.1/image-studio"}},
    "POST /uploads": {"body": {"content_type": "png"}},
}
VARIABLES = {"{id}": JOB, "{platform}": "instagram", "{proxy+}": "api/image-studio/create"}
CLAIMS = {
    "iss": ISSUER,
    "sub": "user_1",
    "aud": "image-studio",
    "iat": str(int(MOMENT)),
    "exp": str(int(MOMENT) + 3600),
    "tier": "pro",
}


def all_events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every event, with its path under events/."""
    template = Template()
    table = RouteTable(template.routes())
    folders = {
        each.name: Path(each.properties["CodeUri"]).name for each in template.resources("AWS::Serverless::Function")
    }
    for route in table.routes:
        if route.method == "HEAD":  # as the event of GET
            continue
        yield f"{folders[route.function]}/{file_name(route)}", route_event(route, table)
    yield from worker_events()


def file_name(route: Route) -> str:
    """`get-jobs-id-result.json` for `GET /api/image-studio/jobs/{id}/result`."""
    path = route.path + "slash" if route.path.endswith("/") else route.path
    words = path.removeprefix(PREFIX).strip("/$").replace("/", "-").replace(".", "-")
    plain = "".join(each for each in words if each not in "{}+")
    return f"{'' if route.path == DEFAULT_ROUTE else route.method.lower() + '-'}{plain}.json"


def route_event(route: Route, table: RouteTable) -> dict[str, Any]:
    """The event of a request that works on a route."""
    path = f"{PREFIX}/nowhere" if route.path == DEFAULT_ROUTE else route.path
    for variable, value in VARIABLES.items():
        path = path.replace(variable, value)
    method = "GET" if route.method == "ANY" else route.method
    match = table.match(method, path)
    if match is None or match.route != route:
        raise ValueError(f"{method} {path} does not meet {route.key}")
    request = REQUESTS.get(f"{route.method} {route.path.removeprefix(PREFIX)}", {})
    body = json.dumps(request["body"]).encode() if "body" in request else b""
    asked = HttpRequest(method, path, request.get("query", ""), tuple(_headers(route, body)), body, "203.0.113.7")
    authorizer = {"jwt": {"claims": CLAIMS, "scopes": None}} if route.authorized else None
    return build_event(asked, match, authorizer, Stamp("JKJaXmPLvHcESHA=", MOMENT))


def _headers(route: Route, body: bytes) -> Iterator[tuple[str, str]]:
    yield "accept", "*/*"
    if route.authorized:
        yield "authorization", "Bearer (checked by the gateway)"
    if body:
        yield "content-length", str(len(body))
        yield "content-type", "application/json"
    yield "host", f"abc123.execute-api.{REGION}.amazonaws.com"
    yield "user-agent", "image-studio-events"
    yield "x-forwarded-for", "203.0.113.7"
    yield "x-forwarded-port", "443"
    yield "x-forwarded-proto", "https"


def worker_events() -> Iterator[tuple[str, dict[str, Any]]]:
    """What comes out of the job queue, a job or an image that arrived; and the schedule's event."""
    bodies = {
        "job": {"tenant": TENANT, "job": JOB},
        "upload-arrived": object_created(f"uploads/{TENANT}/{JOB}"),
        "inbox-arrived": object_created("inbox/social/instagram/summer.png"),
    }
    for name, body in bodies.items():
        message = {
            "MessageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "ReceiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "Body": json.dumps(body),
            "MD5OfBody": "0" * 32,
            "Attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": str(int(MOMENT * 1000)),
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": str(int(MOMENT * 1000) + 1),
            },
        }
        yield f"worker/{name}.json", {"Records": [record(message, QUEUE_ARN)]}
    sweep = scheduled_event(Schedule("WorkerFunction", "Sweep", 60), MOMENT)
    yield "worker/sweep.json", {**sweep, "id": EVENT_ID}


def object_created(key: str) -> dict[str, Any]:
    """EventBridge's event for a new object. The key is not URL-encoded there."""
    return {
        **_envelope("Object Created", "aws.s3", f"arn:aws:s3:::{BUCKET}"),
        "detail": {
            "version": "0",
            "bucket": {"name": BUCKET},
            "object": {
                "key": key,
                "size": len(small_png()),
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "203.0.113.7",
            "reason": "PutObject",
        },
    }


def _envelope(kind: str, source: str, resource: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": EVENT_ID,
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-09-21T14:13:20Z",
        "region": REGION,
        "resources": [resource],
    }


def main() -> int:
    """Write all events; remove those whose route is gone."""
    wanted = {EVENTS / name: f"{json.dumps(event, indent=2)}\n" for name, event in all_events()}
    for path in EVENTS.rglob("*.json"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{len(wanted)} events written to {EVENTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
