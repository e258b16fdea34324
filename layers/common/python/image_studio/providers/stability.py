"""Stability AI, REST v2beta. Source: Stability's OpenAPI document (api.stability.ai, 2026), read 2026-11.

Every call is multipart/form-data, also without a file. A picture comes back as bytes, with `seed` and
`finish-reason` as headers; two operations answer with an id that is polled, at most every 10 seconds.
Only successful generations are charged, so its own 5xx are never paid for.
"""

from image_studio.errors import ContentRefused, ProviderOutage, StudioError, UnknownCharge
from image_studio.providers.adapter import Blob, Finished, HttpCall, Outcome, Pending, Reply, Task
from image_studio.providers.replies import MAX_SAID, plain_error
from image_studio.providers.shapes import nearest
from image_studio.providers.spec import ModelSpec, ProviderSpec, Range, Sized

ZERO_SEED = 4_294_967_294  # its wire reads 0 as "random", so our seed 0 travels as its largest seed
POLL_SECONDS = 10.0  # "no more than once every 10 seconds"

_TEXT = frozenset({"negative_prompt", "seed", "style_preset"})
_CFG = Range(1, 10)
#: Pixels of SD3.5 and Ultra per ratio (about 1 MP); Core answers up to 1.5 MP of the same shapes.
_RATIOS = tuple(
    Sized(word, width, height)
    for word, width, height in (
        ("21:9", 1536, 640),
        ("16:9", 1344, 768),
        ("3:2", 1216, 832),
        ("5:4", 1088, 896),
        ("1:1", 1024, 1024),
        ("4:5", 896, 1088),
        ("2:3", 832, 1216),
        ("9:16", 768, 1344),
        ("9:21", 640, 1536),
    )
)


def _generator(name: str, wire: str, usd: float, *, auto: dict[str, int], cfg: bool = False) -> ModelSpec:
    return ModelSpec(
        name=name,
        wire=wire,
        operations=frozenset({"create"}),
        usd=usd,
        sizes=_RATIOS,
        accepts=_TEXT | ({"guidance_scale"} if cfg else set()),
        ranges={"guidance_scale": _CFG} if cfg else {},
        auto={"create": auto} if auto else {},
    )


SPEC = ProviderSpec(
    name="stability",
    title="Stability AI",
    base_url="https://api.stability.ai",
    key_variable="STABILITY_API_KEY",
    base_url_variable="STABILITY_BASE_URL",
    auth_header="authorization",
    auth_format="Bearer {key}",
    in_flight=10,  # 150 requests per 10 s are allowed; ten pictures at a time stay far below
    capabilities=("generation", "editing", "upscaling"),
    max_resolution=(2048, 2048),  # as the API reference lists it; native generation is 1 to 1.5 MP
    models=(
        _generator("ultra", "generate/ultra", 0.08, auto={"premium": 1}),
        _generator("core", "generate/core", 0.03, auto={"draft": 4, "standard": 1}),
        _generator("sd3.5-large", "generate/sd3", 0.065, auto={"premium": 4}, cfg=True),
        _generator("sd3.5-large-turbo", "generate/sd3", 0.04, auto={}, cfg=True),
        _generator("sd3.5-medium", "generate/sd3", 0.035, auto={}, cfg=True),
        _generator("sd3.5-flash", "generate/sd3", 0.025, auto={}, cfg=True),
    ),
)


def build_request(model: ModelSpec, task: Task) -> HttpCall:
    """The multipart form of one generation."""
    form: dict[str, str | Blob] = {"prompt": task.prompt, "output_format": "png"}
    form["aspect_ratio"] = nearest(model, task.width, task.height).word
    if model.wire == "generate/sd3":
        form["model"] = model.name
    _put(form, model, "negative_prompt", task.negative_prompt)
    _put(form, model, "style_preset", task.style_preset)
    _put(form, model, "seed", ZERO_SEED if task.seed == 0 else task.seed)
    _put(form, model, "guidance_scale", task.guidance_scale, wire="cfg_scale")
    return HttpCall(
        method="POST",
        path=f"/v2beta/stable-image/{model.wire}",
        headers={"accept": "image/*"},
        form=form,
    )


def _put(form: dict[str, str | Blob], model: ModelSpec, field: str, value: object, *, wire: str | None = None) -> None:
    if value is not None and field in model.accepts:
        form[wire or field] = f"{value:g}" if isinstance(value, float) else str(value)


def build_poll(model: ModelSpec, handle: str) -> HttpCall:
    """Ask for an asynchronous result; it lives 24 hours."""
    return HttpCall(method="GET", path=f"/v2beta/results/{handle}", headers={"accept": "*/*"})


def read_response(model: ModelSpec, reply: Reply, handle: str | None = None) -> Outcome:
    """Bytes with the seed in a header; 202, or a body with an id, is still in progress."""
    if reply.status == 202 and handle:
        return Pending(handle, POLL_SECONDS)
    mime = reply.headers.get("content-type", "")
    if mime.startswith("application/json"):
        return _read_id(reply)
    if reply.headers.get("finish-reason") == "CONTENT_FILTERED":
        raise ContentRefused
    if not mime.startswith("image/"):
        raise UnknownCharge(f"{SPEC.title} answered with {mime or 'no content type'} instead of a picture.")
    return Finished(reply.body, _seed(reply.headers.get("seed")))


def _read_id(reply: Reply) -> Outcome:
    document = reply.json()
    handle = document.get("id") if isinstance(document, dict) else None
    if not isinstance(handle, str) or not handle.isalnum():
        raise UnknownCharge(f"{SPEC.title}'s answer could not be read.")
    return Pending(handle, POLL_SECONDS)


def _seed(text: str | None) -> int | None:
    if not text or not text.isdigit():
        return None
    return 0 if int(text) == ZERO_SEED else int(text)


def read_error(reply: Reply) -> StudioError:
    """Stability's own words over the plain statuses; its own 5xx are never charged.

    v2beta says what is wrong in `errors`, v1 in `message`; a proxy's 5xx has no `name` and stays unknown.
    """
    document = reply.json()
    body = document if isinstance(document, dict) else {}
    said = "; ".join(str(error) for error in body.get("errors") or [body.get("message") or ""])
    name = body.get("name")
    if reply.status == 422 or name == "content_moderation":
        return ContentRefused(f"{SPEC.title} refused this request: {said[:MAX_SAID]}" if said else None)
    if reply.status >= 500 and name:
        return ProviderOutage(f"{SPEC.title} failed ({reply.status}).")
    return plain_error(SPEC.title, reply, said)
