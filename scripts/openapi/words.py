"""What the document says in words: its introduction, the fields of requests, headers and errors.

Field descriptions are by name, since a name means the same wherever it occurs.
"""

import inspect
from collections.abc import Iterator, Mapping

from image_studio.errors import StudioError
from image_studio.runtime.settings import READS_PER_WORK, TIERS, settings
from image_studio.schemas.limits import MAX_FILE_BYTES, MAX_VARIATIONS

TITLE = "Image Studio"
IMAGE = "Raw base64, a data URL, `upload:<id>` of an upload, or `job:<id>/<variation>` of an earlier result."

FIELDS: Mapping[str, str] = {
    "prompt": "What the image shall show, or what shall be done, in words.",
    "template_id": "A template of GET /templates: its size, style and quality, where the request has none.",
    "provider": "`auto`, or who shall do it. `ideogram` and `qwen` mean WaveSpeed's models of that name.",
    "model": "One of the provider's models.",
    "width": "Pixels.",
    "height": "Pixels.",
    "aspect_ratio": "Such as 16:9, where width and height aren't both given.",
    "style_preset": "A style by name.",
    "quality": "How much to spend: draft, standard or premium.",
    "negative_prompt": "What shall not be in the image.",
    "guidance_scale": "How closely the model follows the prompt, where it can.",
    "steps": "Inference steps, where the model takes them.",
    "seed": "The same seed gives the same image; variation i uses seed + i.",
    "num_variations": f"Images to make, 1 to {MAX_VARIATIONS}, at the same time.",
    "num_images": f"Images, 1 to {MAX_VARIATIONS}.",
    "enhance_prompt": "Whether the prompt is made richer first.",
    "use_persona": "Whether a persona's voice, colors and words go into the prompt.",
    "persona_id": "Which persona; without it, the one called `default`.",
    "delivery": "`auto`: inside the answer what fits, the rest as URLs; `url`: URLs only (15 minutes).",
    "options": "Further settings of the operation.",
    "image_base64": f"The image. {IMAGE}",
    "control_image_base64": f"The sketch, structure or style. {IMAGE}",
    "style_image_base64": f"The style to transfer. {IMAGE}",
    "mask_base64": f"White is changed, black is kept. {IMAGE}",
    "background_image_base64": f"The new background. {IMAGE}",
    "lighting_image_base64": f"Where the light comes from. {IMAGE}",
    "operation": "What to do.",
    "search_prompt": "What to look for in the image.",
    "select_prompt": "What to recolor.",
    "expand_left": "Pixels to add at the left.",
    "expand_right": "Pixels to add at the right.",
    "expand_up": "Pixels to add at the top.",
    "expand_down": "Pixels to add at the bottom.",
    "output_format": "png, jpeg (or jpg), webp.",
    "mode": "fast (4x), conservative (keeps details), creative (invents them), or auto.",
    "target_width": "Pixels of the answer.",
    "target_height": "Pixels of the answer.",
    "preset": "A named long side: web, print or social.",
    "control_strength": "0 to 1; for sketch and structure.",
    "fidelity": "0 to 1; how close to the style image.",
    "style_strength": "0 to 1; for style_transfer.",
    "composition_fidelity": "0 to 1; for style_transfer.",
    "change_strength": "0 to 1; for style_transfer.",
    "platforms": "Platforms to make images for.",
    "format_names": "A format's name, or several, for each platform; without it, the platform's first.",
    "formats": "`all`: every format of the platforms.",
    "show_safe_zones": "Draw what the platform covers, on a further copy of each image.",
    "crop_mode": "smart: what matters stays; center; fit: the whole image, padded.",
    "focal_point": "The point that must stay, 0 to 1 from the top left; for smart.",
    "content_type": "The image's file type, also as image/png.",
    "request": "The operation's body without its image; the job starts when the upload has arrived.",
    "image_resolution": "The image's size in pixels.",
    "user_tier": "The caller's tier: free prefers what costs the least.",
    "preferences": "prioritize_quality or prioritize_cost.",
    "name": "What the persona is called.",
    "voice": "How the brand sounds, in words.",
    "palette": "Colors.",
    "style_words": "Words for the look.",
    "avoid_words": "What never to show.",
    "x": "Share of the width from the left.",
    "y": "Share of the height from the top.",
}

#: Header -> what it says, and its schema.
HEADERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "X-RateLimit-Limit": ("Requests allowed per window; of the limit that is nearest to its end.", {"type": "integer"}),
    "X-RateLimit-Remaining": ("Requests left of that limit.", {"type": "integer"}),
    "X-RateLimit-Reset": ("When the limit's window ends, epoch seconds.", {"type": "integer"}),
    "X-RateLimit-Window": ("Seconds that the limit is for.", {"type": "integer"}),
    "RateLimit": (
        "All limits of this request: what is left (r), seconds until the window ends (t); IETF draft.",
        {"type": "string"},
    ),
    "RateLimit-Policy": ("All limits of this request: quota (q) per window in seconds (w).", {"type": "string"}),
    "Retry-After": ("Seconds after which asking again makes sense.", {"type": "integer"}),
    "X-Credits-Remaining": ("Credits of this month that are neither used nor reserved.", {"type": "integer"}),
    "X-Job-Id": ("The job behind the answer: GET /jobs/{id}, or `job:<id>` as an image.", {"type": "string"}),
    "X-Ignored-Fields": ("Fields of the body that nobody read.", {"type": "string"}),
    "Location": ("Where to go on.", {"type": "string"}),
    "ETag": ("For If-None-Match.", {"type": "string"}),
    "Preference-Applied": ("What of `Prefer` was done.", {"type": "string"}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
}
RATE_HEADERS = tuple(name for name in HEADERS if "RateLimit" in name)

ERRORS: Mapping[int, str] = {
    400: "The request can't be carried out as it is; the sentence says what to change.",
    401: "No valid token. API Gateway answers itself where the token is missing, expired or forged.",
    402: "Not enough credits left this month.",
    403: "The token lacks the scope that this deployment asks for.",
    404: "Something named in the path or in the body isn't there; other callers' ids aren't there either.",
    409: "The job's state forbids it.",
    413: "The body is larger than 6 MB; API Gateway mostly says so itself. Send large images through POST /uploads.",
    415: "The body isn't JSON.",
    429: "Over a limit of the tier; Retry-After says when to come back.",
    500: "A provider failed, or we did.",
    503: "Our storage doesn't answer, or API Gateway waited in vain; nothing is charged twice if it is sent again "
    "with its Idempotency-Key.",
}
#: Statuses that API Gateway also answers by itself, with another body.
BY_GATEWAY = (401, 403, 413, 429, 500, 503)


def codes() -> Iterator[tuple[str, int, str]]:
    """Each error's code, status and what it means."""
    seen = set()
    for kind in tree():
        if kind.__module__ == StudioError.__module__ and "code" in vars(kind) and kind.code not in seen:
            seen.add(kind.code)
            yield kind.code, kind.status, (inspect.getdoc(kind) or "").partition("\n")[0]


def tree(root: type[StudioError] = StudioError) -> Iterator[type[StudioError]]:
    """All classes of errors, each before those below it."""
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
Create, edit, upscale, control and resize images over four AI providers.

Every route but `/health`, `/openapi.json` and `/docs` needs a bearer token.

**Waiting.** A paid operation is a job. Its POST waits for it and answers the documented body; where that takes
longer than a request may, it answers 303 to a route that waits on: a client that follows redirects needs to know
nothing of jobs. `Prefer: respond-async` answers 202 at once, `Prefer: wait=N` waits at most N seconds. With an
`Idempotency-Key` the same request joins the same job and its one charge for 24 hours.

**Sizes.** A request or an answer has at most 6 MB: about 4.4 MB of image in, 4.7 MB out. Larger images come in
through `POST /uploads` ({MAX_FILE_BYTES // 1_000_000} MB) and go out as URLs that live 15 minutes.

**Limits per caller.** Requests that do work (create, edit, upscale, control, social, uploads) are counted exactly;
reads roughly, {READS_PER_WORK} times wider; looking at jobs isn't counted. Credits are the defaults; an operator may
set others.

| tier | requests/minute | requests/day | credits/month | variations in flight | open waits | megapixels |
|---|---|---|---|---|---|---|
{table}

**Errors** are `{{"detail": "<one sentence>", "code": "<word>"}}`. What API Gateway answers itself (401, 413, 429,
500, 503 before or instead of a function) is `{{"message": "..."}}`.

| code | status | meaning |
|---|---|---|
{listed}
"""
