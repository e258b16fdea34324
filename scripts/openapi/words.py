"""What the document says in words: its introduction, headers and errors. Fields are described in the schemas."""

import inspect
from collections.abc import Iterator, Mapping

from image_studio.errors import StudioError
from image_studio.runtime.settings import READS_PER_WORK, TIERS, settings
from image_studio.schemas.limits import MAX_FILE_BYTES

TITLE = "Image Studio"
#: Header -> what it says, and its schema.
HEADERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "X-RateLimit-Limit": ("Requests allowed per window, of the limit that is nearest to its end.", {"type": "integer"}),
    "X-RateLimit-Remaining": ("Requests left of that limit.", {"type": "integer"}),
    "X-RateLimit-Reset": ("When the limit's window ends, epoch seconds.", {"type": "integer"}),
    "X-RateLimit-Window": ("Seconds that the limit is for.", {"type": "integer"}),
    "RateLimit": (
        "All limits of this request: what is left (r), seconds until the window ends (t); IETF draft.",
        {"type": "string"},
    ),
    "RateLimit-Policy": ("All limits of this request: quota (q) per window in seconds (w).", {"type": "string"}),
    "Retry-After": ("Seconds to wait before the next request.", {"type": "integer"}),
    "X-Credits-Remaining": ("Credits of this month that are neither used nor reserved.", {"type": "integer"}),
    "X-Job-Id": ("The job behind the response: GET /jobs/{id}, or `job:<id>` as an image.", {"type": "string"}),
    "X-Ignored-Fields": ("Fields of the body that were ignored, such as `hue` or `images.0.hue`.", {"type": "string"}),
    "Location": ("Where to continue.", {"type": "string"}),
    "ETag": ("For If-None-Match.", {"type": "string"}),
    "Preference-Applied": ("The preferences that were applied.", {"type": "string"}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
}
RATE_HEADERS = tuple(name for name in HEADERS if "RateLimit" in name)

#: Uploads a file and prints its reference: what to do where a request is too large. A test runs it.
UPLOAD = (
    """curl -T photo.jpg "$(curl -s "$ORIGIN/api/image-studio/uploads" -H "Authorization: Bearer $TOKEN" """
    """-H 'Content-Type: application/json' -d '{"content_type": "jpeg"}' """
    """| tee upload.json | jq -r .put_url)" && jq -r .reference upload.json"""
)
INSTEAD = "Send the image's https URL, or upload the image and send the reference that this line prints instead:"

ERRORS: Mapping[int, str] = {
    400: "The request is invalid. The sentence says what to change.",
    401: "No valid token. API Gateway answers itself if the token is missing, expired or forged.",
    402: "Not enough credits are left this month.",
    403: "The token lacks the scope that this deployment requires.",
    404: "Something that the path or the body names doesn't exist, or belongs to another caller.",
    409: "The job's state doesn't allow it.",
    413: f"The body is larger than 6 MB. API Gateway usually says so itself. {INSTEAD} `{UPLOAD}`",
    415: "The body isn't JSON.",
    429: "Over a limit of the tier. Retry-After says when to retry.",
    500: "A provider failed, or we did.",
    503: "Our storage is not responding, or API Gateway timed out. Nothing is charged twice if the request is retried "
    "with its Idempotency-Key.",
}
#: Statuses that API Gateway also answers by itself, with another body.
BY_GATEWAY = (401, 403, 413, 429, 500, 503)


OUR_FAULT = "Something failed on our side."


def codes() -> Iterator[tuple[str, int, str]]:
    """Yield each error's code, status and meaning."""
    seen = set()
    for kind in tree():
        if kind.__module__ == StudioError.__module__ and "code" in vars(kind) and kind.code not in seen:
            seen.add(kind.code)
            about = OUR_FAULT if kind is StudioError else (inspect.getdoc(kind) or "").partition("\n")[0]
            yield kind.code, kind.status, about


def tree(root: type[StudioError] = StudioError) -> Iterator[type[StudioError]]:
    """Yield all classes of errors, each before those below it."""
    yield root
    for kind in root.__subclasses__():
        yield from tree(kind)


def introduction() -> str:
    """The document's description, Markdown."""
    credits = settings().monthly_credits
    rows = [
        f"| {name} | {tier.per_minute:,} | {tier.per_day:,} | {credits[name]:,} | {tier.in_flight} | {tier.waits} "
        f"| {tier.max_pixels / 1e6:.1f} |"
        for name, tier in TIERS.items()
    ]
    table = "\n".join(rows)
    listed = "\n".join(f"| `{code}` | {status} | {about} |" for code, status, about in sorted(codes()))
    return f"""\
One API to create, edit, upscale, control and resize images with several AI providers.

Every route but `/health`, `/openapi.json` and `/docs` needs a bearer token. HEAD works wherever GET does.

**Waiting.** A paid operation is a job. Its POST waits for the job and returns the documented body. If the job takes
longer than a request may, the response is 303 to a route that continues to wait: a client that follows redirects
doesn't need to handle jobs. With `Prefer: respond-async` the response is 202 at once; `Prefer: wait=N` waits at most
N seconds. With an `Idempotency-Key`, the same request joins the same job and its one charge for 24 hours.

**Sizes.** A request or a response has at most 6 MB: about 4.4 MB of image in, 4.4 MB out. Send the https URL of a
larger image (up to {MAX_FILE_BYTES // 1_000_000} MB), or upload it through `POST /uploads`. Larger results have both
forms: `image_base64` is a smaller copy (WebP, or JPEG for a JPEG, as near to lossless as fits), `image_url` leads to
the whole file for 15 minutes, and `metadata.inline` has the copy's file type and quality, and why there is one. With
`"delivery": "url"` there are URLs only.

**Limits per caller.** Requests that do work (create, edit, upscale, control, social, uploads) are counted exactly.
Reads are counted approximately, with {READS_PER_WORK} times the limit. Reading jobs isn't counted. The credits are
the defaults; an operator may set others.

| tier | requests/minute | requests/day | credits/month | variations in flight | open waits | megapixels |
|---|---|---|---|---|---|---|
{table}

**Errors** are `{{"detail": "<one sentence>", "code": "<word>"}}`. API Gateway's own errors (401, 413, 429, 500,
503 before or instead of a function) are `{{"message": "..."}}`.

| code | status | meaning |
|---|---|---|
{listed}
"""
