"""`make guides`: the guides' generated pages, written from the data that the API itself runs on.

docs/guides/providers.md and costs.md come from the providers' specs, docs/guides/troubleshooting.md from errors.py.
"""

import sys
from collections.abc import Iterator

from image_studio.catalog.operations import table
from image_studio.errors import JobFailed, StudioError
from image_studio.operations.estimate import known_operations
from image_studio.operations.listings import cost_range, default_provider, generators
from image_studio.providers import SPECS
from image_studio.providers.spec import ModelSpec, ProviderSpec
from image_studio.schemas.limits import MAX_VARIATIONS
from local.template import ROOT
from scripts.openapi.words import tree
from scripts.transcripts import markdown_table

GUIDES = ROOT / "docs/guides"
NOTE = "<!-- Written by `make guides` from the data; a test holds it to that. -->\n"
STUDIOS = ("edit", "upscale", "control")

#: What to do about an error, by its code; the sentence of each answer says more.
ADVICE = {
    "internal_error": "Our fault. Try again later; if it stays, tell the operator the `apigw-requestid` of the answer.",
    "invalid_request": "Change what the sentence names and send it again. Nothing was charged.",
    "unknown_choice": "Take one of the values that the sentence lists.",
    "unsupported": "Choose a provider or model that the sentence names, or leave `provider` and `model` out.",
    "invalid_image": "Send a whole PNG, JPEG or WebP file as base64 or as a data URL, or a reference: `upload:<id>`, "
    "`job:<id>/<variation>`.",
    "content_refused": "Reword the prompt or use another image; another provider may see it differently.",
    "idempotency_mismatch": "Use a new `Idempotency-Key` for a new request; the old one belongs to another body.",
    "superseded": "Nothing to do: a newer event of the same file took over.",
    "not_authenticated": "Send `Authorization: Bearer <token>` with a token that hasn't expired.",
    "not_enough_credits": "Wait for the next month, ask for fewer or cheaper images, or have the tier raised. "
    "`GET /usage` says what is left.",
    "not_allowed": "Ask for a token with the scope that the operator requires.",
    "not_found": "Check the id. Results live for a week, uploads for a day; other callers' jobs are never seen.",
    "method_not_allowed": "Use a method of the `Allow` header.",
    "job_conflict": "Look at `GET /jobs/{id}`: a job that runs can't be deleted, one that failed has no result.",
    "too_large": "Upload the image with `POST /uploads` and send `upload:<id>`; ask for big answers with "
    '`"delivery": "url"`.',
    "wrong_content_type": "Send `Content-Type: application/json`.",
    "too_many_requests": "Wait as many seconds as `Retry-After` says, then go on more slowly.",
    "temporarily_unavailable": "Nothing was charged. Try again after `Retry-After` seconds.",
    "provider_failed": "Try again, or choose another provider. `GET /jobs/{id}` says what was charged, if anything.",
    "provider_unavailable": "The provider has no key, no credit or no room here. Leave `provider` out to let another "
    "one do it, or tell the operator.",
    "unknown_charge": "The provider may have made and charged the image, so the call isn't repeated by itself. "
    "Look at the job later; send the request anew only if you accept paying twice.",
}


def main() -> int:
    """Write all pages; the exit code."""
    for name, text in pages().items():
        (GUIDES / name).write_text(text)
        print(f"docs/guides/{name}")
    return 0


def pages() -> dict[str, str]:
    """The generated pages by file name."""
    return {
        "providers.md": "\n".join(_providers()),
        "costs.md": "\n".join(_costs()),
        "troubleshooting.md": "\n".join(_troubleshooting()),
    }


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    return [markdown_table(heads, rows), ""]


# --- providers ------------------------------------------------------------------------------------------


def _providers() -> Iterator[str]:
    yield NOTE
    yield "# Which provider?\n"
    yield "Leave `provider` out (or send `auto`): the studio takes the provider that is best for the operation and"
    yield "the quality you ask for, skips those without a key or in trouble, and falls back to the next one as long as"
    yield "nothing was charged. The answer says who made the image and why. Name a `provider`, or a provider and one"
    yield "of its `model`s, where you know better.\n"
    yield from _table(
        ("provider", "name", "can", "largest it makes by itself", "one created image"), map(_provider_row, SPECS)
    )
    yield "A result always has the exact size that was asked for: it is made in the nearest shape that the model has,"
    yield "then scaled and cropped by content.\n"
    for spec in SPECS:
        yield f"## {spec.title}\n"
        yield from _table(("model", "does", "credits"), (_model_row(model) for model in spec.live_models()))
        words = [f"`{model.alias}` ({model.name})" for model in spec.live_models() if model.alias]
        if words:
            yield f"Also accepted as `provider`: {', '.join(words)}.\n"
    retired = [(spec, model) for spec in SPECS for model in spec.models if model.retired]
    if retired:
        yield "## Gone\n"
        yield from _table(("provider", "model", "why"), ((s.name, f"`{m.name}`", m.retired or "") for s, m in retired))


def _provider_row(spec: ProviderSpec) -> tuple[str, ...]:
    width, height = spec.max_resolution
    return (f"`{spec.name}`", spec.title, ", ".join(spec.capabilities), f"{width} x {height}", cost_range(spec))


def _model_row(model: ModelSpec) -> tuple[str, ...]:
    does = ", ".join(f"`{name}`" for name in sorted(model.operations | model.emulates))
    return (f"`{model.name}`", does, _price(model))


def _price(model: ModelSpec) -> str:
    prices = {model.price()}
    if isinstance(model.sizes, tuple):
        prices |= {model.price(size) for size in model.sizes}
    return str(min(prices)) if len(prices) == 1 else f"{min(prices)} to {max(prices)}, by size"


# --- costs ----------------------------------------------------------------------------------------------


def _costs() -> Iterator[str]:
    yield NOTE
    yield "# What does it cost?\n"
    yield "Prices are in credits. A credit is a US cent of the provider's price, rounded up. Reading, estimating and"
    yield "everything in Social are free.\n"
    yield "- Before: `POST /estimate-cost` says what an operation would cost; the playground shows it at the button."
    yield "  An upscale's `target_width`, `target_height` and `preset` count:"
    yield "  what the fast mode can't reach costs more. What your tier can't ask for is refused here, too, and"
    yield "  `auto` has the price of who would be taken: who has no key isn't."
    yield f"- A request reserves its estimate (up to {MAX_VARIATIONS} variations times the price of one) and is refused"
    yield "  with 402 when the month doesn't cover it."
    yield "- After: only what was delivered is charged, never more than the estimate. A failed variation costs nothing."
    yield "- `GET /usage` says what was used, what is reserved and what is left; answers of paid requests carry"
    yield "  `x-credits-remaining`."
    yield "- A retry with the same `Idempotency-Key` joins the same job and its one charge.\n"
    yield "## Creating one image\n"
    rows = ((spec.title, f"`{model.name}`", _price(model)) for spec in SPECS for model in generators(spec))
    yield from _table(("provider", "model", "credits"), rows)
    for studio in STUDIOS:
        yield f"## {studio.title()}\n"
        yield from _table(("operation", "first choice of `auto`", "credits, by model"), _operation_rows(studio))
    yield "## Names for /estimate-cost\n"
    yield ", ".join(f"`{name}`" for name in known_operations()) + ".\n"


def _operation_rows(studio: str) -> Iterator[tuple[str, ...]]:
    for name, info in table(studio).operations.items():
        operation = f"{studio}.{name}"
        able = [
            f"{spec.name} `{model.name}` {_price(model)}"
            for spec in SPECS
            for model in spec.live_models()
            if model.does(operation)
        ]
        yield (f"{info.label} (`{name}`)", default_provider(operation), "<br>".join(able))


# --- troubleshooting ------------------------------------------------------------------------------------


def shown_errors() -> list[type[StudioError]]:
    """Every class of the tree with a code of its own, in the tree's order."""
    seen: dict[str, type[StudioError]] = {}
    for each in tree():
        if each is not JobFailed:
            seen.setdefault(each.code, each)
    return list(seen.values())


def _troubleshooting() -> Iterator[str]:
    yield NOTE
    yield "# What went wrong, and what to do\n"
    yield 'Every error of the API is `{"detail": "<one sentence>", "code": "<word>"}`. Show people the sentence; let'
    yield "programs look at the code. Errors of the gateway in front have no code: `401` means no valid token, `403` a"
    yield "token without the right, `413` more than 6 MB (`POST /uploads` takes large images), `429` too much"
    yield "traffic at once, `503` try again.\n"
    yield from _table(("code", "status", "what it means", "what to do"), map(_error_row, shown_errors()))
    yield "## Waiting and 303\n"
    yield "An image may take longer than one request can last. Then the answer is `303` to the job's result, which"
    yield "waits on; `fetch` and `requests` follow it by themselves, `curl` needs `-L` (and `-d`, not `-X POST`). With"
    yield "`Prefer: respond-async` you get `202` at once and ask `GET /jobs/{id}`.\n"
    yield "## One of several images failed\n"
    yield "The answer is 200 with the images that there are, `total_failed`, and an entry in `errors` for each that"
    yield "isn't: its variation, sentence and code. Only what was delivered is charged.\n"


def _error_row(error: type[StudioError]) -> tuple[str, ...]:
    meaning = error.sentence if error is StudioError else (error.__doc__ or "").strip().splitlines()[0]
    return (f"`{error.code}`", str(error.status), meaning, ADVICE[error.code])


if __name__ == "__main__":
    sys.exit(main())
