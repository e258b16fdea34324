"""Operations that make one image: read the request, fit its images to a model, make the image, describe how."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import OperationInfo
from image_studio.errors import InvalidImage, InvalidRequest, JobFailed, UnknownChoice
from image_studio.imaging.content_credentials import History
from image_studio.imaging.decode import MAX_SCALED_PIXELS, RESULT_LIMITS, DecodeLimits, decode, decode_base64, read_info
from image_studio.imaging.encode import encode_for_provider
from image_studio.imaging.geometry import Frame, cover, scale
from image_studio.imaging.types import DecodedImage, Size
from image_studio.operations import provenance
from image_studio.operations.context import OperationContext, is_url
from image_studio.operations.generate import (
    EncodedImage,
    VariationTask,
    encode_image,
    generate,
    inline_share,
    keep_image,
)
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate, ModelQuery, select_candidates
from image_studio.providers import PROVIDERS, SPECS, find_model
from image_studio.providers.adapter import Blob, Task
from image_studio.providers.spec import InputLimits, nearest_size
from image_studio.schemas.common import Request, SingleImageRequest
from image_studio.schemas.limits import Quality

SAME_RATIO = 0.005  # two ratios closer than this are the same: providers round their pixels
#: Share of a provider's largest request that the images may fill; base64 is a third longer than the bytes.
IMAGES_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image is sent to a model: its place in the sent frame, and the size that is requested (pixels)."""

    frame: Frame
    requested: Size


FinishedImage = tuple[DecodedImage, dict[str, Any]]  # an image for the caller and its `metadata`


@dataclass(frozen=True, kw_only=True)
class SingleImageOperation(ABC):
    """A checked request for one image, its inputs decoded. Each operation implements what differs."""

    group: ClassVar[str]  # the first part of the operation's name, as in `edit.inpaint`
    request: SingleImageRequest
    info: OperationInfo
    quality: Quality
    ignored: list[str]  # fields that the operation has no use for
    source: bytes  # the file of the image
    image: DecodedImage

    @property
    def name(self) -> str:
        return f"{self.group}.{self.info.name}"

    def candidates(self, context: OperationContext) -> list[Candidate]:
        query = ModelQuery(
            operation=self.name, quality=self.quality, provider=self.request.provider, model=self.request.model
        )
        return accepting_models(find_candidates(query, context), self.fit)

    def honored(self, *fields: str) -> dict[str, Any]:
        """The request's values of the fields that the operation honors."""
        return {name: getattr(self.request, name) for name in fields if name in self.info.honored}

    def fit_notes(self, candidate: Candidate, fit: Fit) -> dict[str, Any]:
        notes: dict[str, Any] = {"sent_size": str(fit.frame.size)}
        if fit.frame.padded:
            notes["padded_from"] = str(fit.frame.inner)
        if self.name in candidate.model.emulates:
            notes["emulated"] = True
        return notes

    @property
    def needs_model(self) -> bool:
        """Whether a provider is called; else `finish_here` makes the image, for 0 credits."""
        return True

    def finish_here(self) -> FinishedImage:
        raise NotImplementedError  # only where no model is needed

    def history(self, entry: Entry, context: OperationContext) -> History | None:
        """Return what the image is marked by: what was done, on top of what the sent image was marked by."""
        if not self.needs_model:
            return provenance.carried(self.source)
        prompt = getattr(self.request, "prompt", None)
        return provenance.history_of(context, entry, self.info.source_type, prompt, self.source)

    @abstractmethod
    def fit(self, candidate: Candidate) -> Fit:
        """Fit the image to the model. Raises InvalidImage where the model can't take it."""

    @abstractmethod
    def task(self, candidate: Candidate) -> Task:
        """Build the task for the model."""

    @abstractmethod
    def finish(self, result: DecodedImage, candidate: Candidate) -> FinishedImage:
        """Turn the model's result into the response's image, and say what was done."""

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """The entries of the API reference that the response's metadata starts with."""


def estimate_credits(operation: SingleImageOperation, context: OperationContext) -> int:
    if not operation.needs_model:
        return 0
    first = operation.candidates(context)[0]
    return first.model.price(nearest_size(first.model, *operation.fit(first).requested))


def make_image(operation: SingleImageOperation, context: OperationContext) -> dict[str, Any]:
    """Make the image and return the response's fields. Raises JobFailed with the provider's failure, StillRunning."""

    def encode_result(data: bytes, entry: Entry) -> EncodedImage:
        result = decode(data, RESULT_LIMITS)
        image, notes = operation.finish(result, Candidate(*find_model(entry.provider, entry.model), ""))
        return _encode(operation, entry, image, {"native_size": f"{result.width}x{result.height}", **notes}, context)

    if operation.needs_model:
        candidates = operation.candidates(context)
        entry = generate(context, candidates, [VariationTask(1, operation.task, encode_result)])[0]
    else:
        entry = _make_here(operation, context)
    if entry.stage is Stage.FAILED:
        raise JobFailed(entry.status or 500, entry.code or "", entry.detail or "")
    made = {key: value for key, value in entry.facts["metadata"].items() if key != "ignored" or value}
    request = {key: value for key, value in operation.metadata().items() if key not in made.get("ignored", ())}
    seed = {} if entry.seed is None else {"seed": entry.seed}
    return {
        "success": True,
        "provider": entry.provider,
        "model": entry.model,
        "width": entry.facts["width"],
        "height": entry.facts["height"],
        "stored": entry.stored,
        "inline": entry.facts.get("inline"),
        "metadata": {**request, **made, **seed},
    }


#: What responses have as provider and model of an image that was made without one.
HERE, RESIZE = "image_studio", "resize"


def _make_here(operation: SingleImageOperation, context: OperationContext) -> Entry:
    entry = context.journal.entry(1)
    if entry.stage is Stage.DONE:
        return entry
    entry = entry.with_(provider=HERE, model=RESIZE, ordered_at=context.now())
    encoded = _encode(operation, entry, *operation.finish_here(), context)
    return keep_image(context, entry.with_(facts=encoded.facts), encoded)


def _encode(
    operation: SingleImageOperation, entry: Entry, image: DecodedImage, notes: dict[str, Any], context: OperationContext
) -> EncodedImage:
    options = getattr(operation.request, "options", {})
    by_model = [f"options.{name}" if name in options else name for name in entry.facts.get("ignored", ())]
    metadata = {
        **notes,
        "ignored": [*operation.ignored, *by_model],
        "processing_time": round(context.now() - entry.ordered_at, 2),
    }
    facts = {"width": image.width, "height": image.height, "metadata": metadata}
    request = operation.request
    history = operation.history(entry, context)
    share = inline_share(request.delivery, 1)
    return encode_image(image, request.output_format, facts, share, history, source=operation.image)


def fit(candidate: Candidate, width: int, height: int, times: float = 1.0, *, pad: bool = True) -> Fit:
    """Fit a width x height image to the model; the result shall be `times` as large. Raises InvalidImage.

    For a model with fixed ratios the image is padded to the nearest of them (`pad`), so that nothing is cut off or
    stretched; the padding is cut off the result.
    """
    across, down = _canvas(candidate, width, height) if pad else (width, height)
    limits = candidate.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(across, down), math.sqrt(limits.max_pixels / (across * down)))
    size = Size(*(max(1, math.floor(side * shrink + 1e-6)) for side in (across, down)))
    inner = Size(*(max(1, min(limit, round(side * shrink))) for side, limit in zip((width, height), size, strict=True)))
    _check_limits(candidate, limits, size, Size(width, height))
    frame = Frame(size, (size.width - inner.width) // 2, (size.height - inner.height) // 2, inner)
    return Fit(frame, Size(round(across * times), round(down * times)))


def _canvas(candidate: Candidate, width: int, height: int) -> tuple[float, float]:
    """The image's size, or the smallest canvas around it that has the nearest ratio that the model makes."""
    if candidate.model.sizes is None or "target_resolution" in candidate.model.accepts:  # an upscaler's are no ratios
        return width, height
    native = nearest_size(candidate.model, width, height)
    ratio = native.width / native.height
    if abs(math.log(ratio * height / width)) <= SAME_RATIO:
        return width, height
    return max(width, height * ratio), max(height, width / ratio)


def _check_limits(candidate: Candidate, limits: InputLimits, sent: Size, size: Size) -> None:
    if limits.fits(*sent):
        return
    title = f"{candidate.provider.title}'s {candidate.model.name}"
    short, long = sorted(sent)
    if limits.max_aspect and long > short * limits.max_aspect:
        raise InvalidImage(
            f"The image is {long / short:.2f}:1; {title} takes at most {limits.max_aspect:g}:1. Crop it first."
        )
    raise InvalidImage(
        f"The image has {size} pixels; {title} needs sides of at least {limits.min_side}"
        f" and {limits.min_pixels:,} pixels in all. Send a larger image."
    )


def accepting_models(candidates: Sequence[Candidate], check: Callable[[Candidate], object]) -> list[Candidate]:
    """The candidates whose model takes the image. Raises the first one's InvalidImage where none does."""
    accepting: list[Candidate] = []
    refusals: list[InvalidImage] = []
    for candidate in candidates:
        try:
            check(candidate)
            accepting.append(candidate)
        except InvalidImage as refusal:
            refusals.append(refusal)
    if not accepting:
        raise refusals[0]
    return accepting


def find_candidates(query: ModelQuery, context: OperationContext) -> list[Candidate]:
    """The models to try, best first. A model of another provider than the named one wins.

    Clients of the original API name one fixed provider with every model that `/edit/models` lists.
    """
    named = PROVIDERS.get(query.provider or "")
    elsewhere = named and query.model and named.SPEC.model(query.model) is None
    if elsewhere and any(spec.model(query.model or "") for spec in SPECS):
        query = ModelQuery(operation=query.operation, quality=query.quality, model=query.model)
    query = replace(query, not_ready=context.not_ready)
    return select_candidates(query, context.configured, context.circuits.is_open)


def fit_further_image(image: DecodedImage, candidate: Candidate) -> DecodedImage:
    """Scale a further image (style, background, light) down to the model's limits, and crop one that is too narrow."""
    limits = candidate.model.inputs or InputLimits()
    shrink = min(1.0, limits.max_side / max(image.size), math.sqrt(limits.max_pixels / (image.width * image.height)))
    if shrink < 1.0:
        image = scale(image, max(1, math.floor(image.width * shrink)), max(1, math.floor(image.height * shrink)))
    aspect = candidate.model.further_max_aspect
    if aspect and max(image.size) > aspect * min(image.size):
        image = cover(image, *(min(side, math.floor(min(image.size) * aspect)) for side in image.size))[0]
    return image


def encode_input(image: DecodedImage, candidate: Candidate, count: int = 1) -> Blob:
    """Encode one of `count` images that are sent in the same request, within the provider's largest request."""
    data, file_type = encode_for_provider(image, int(candidate.provider.request_bytes * IMAGES_SHARE / count))
    return Blob(data, file_type.mime)


# -- reading a request

#: Prefixes of references to an upload, an earlier result, an asset, or a stored input of the request.
REFERENCES = ("upload:", "job:", "asset:", "input:")


def read_image(text: str, context: OperationContext) -> bytes:
    """Return the bytes of raw base64, a data or https URL, `upload:`, `job:`, `asset:` or a stored input.

    Raises InvalidImage for anything else, NotFound for ids that are not the caller's.
    """
    if text.startswith(REFERENCES) or is_url(text):
        return context.references.image(text)
    return decode_base64(text)


def decode_source(
    source: bytes, context: OperationContext, *, whole: bool = False, png_pixels: int = 0
) -> DecodedImage:
    """Decode an image. A JPEG of too many pixels, or a PNG of at most `png_pixels`, is reduced; `whole` refuses it."""
    limits = pixel_limits(context, whole=whole)
    return decode(source, replace(limits, max_png_pixels=png_pixels))


def decode_input(text: str, context: OperationContext, field: str, png_pixels: int = 0) -> DecodedImage:
    """Decode an image other than the request's main one; errors name its field. Raises InvalidImage."""
    try:
        return decode_source(read_image(text, context), context, png_pixels=png_pixels)
    except InvalidImage as error:
        raise InvalidImage(f"{field}: {error.detail}") from None


def own_size(source: bytes, context: OperationContext) -> Size:
    """The size of the file (pixels, upright), also where the image is decoded at a fraction of it."""
    info = read_info(source, pixel_limits(context))
    return Size(info.width, info.height)


def check_whole(source: bytes, context: OperationContext) -> None:
    """Raise InvalidImage for an image that is decoded at a fraction."""
    read_info(source, pixel_limits(context, whole=True))


def pixel_limits(context: OperationContext, *, whole: bool = False) -> DecodeLimits:
    most = context.max_pixels
    return DecodeLimits(max_pixels=most, max_scaled_pixels=most if whole else MAX_SCALED_PIXELS)


def decode_further_image(
    request: Request, name: str, info: OperationInfo, context: OperationContext
) -> DecodedImage | None:
    """Decode a further image that the request has and the operation honors; `name` is the table's."""
    (field,) = REQUEST_FIELDS[name]
    text = getattr(request, field)
    return decode_input(text, context, field) if text and name in info.honored else None


#: Fields of the table whose request fields have other names.
REQUEST_FIELDS: Mapping[str, tuple[str, ...]] = {
    "mask": ("mask_base64",),
    "background": ("background_image_base64",),
    "lighting": ("lighting_image_base64",),
    "control_image": ("control_image_base64",),
    "style_image": ("style_image_base64",),
    "expansion": ("expand_left", "expand_right", "expand_up", "expand_down"),
}
QUALITY = "quality"  # the option that every operation has


def request_fields(request: Request, names: Iterable[str]) -> frozenset[str]:
    """Those of the table's fields `names` that the request sets: not null, not empty, no side of 0."""
    return frozenset(name for name in names if any(_has(request, field) for field in REQUEST_FIELDS.get(name, (name,))))


def _has(request: Request, field: str) -> bool:
    value = getattr(request, field)
    return value not in (None, "", 0) if field.startswith("expand_") else value not in (None, "")


def require(info: OperationInfo, fields: frozenset[str]) -> None:
    """Raise InvalidRequest with the documented sentence where a required field is missing from `fields`."""
    sentence = info.missing(fields)
    if sentence:
        raise InvalidRequest(sentence)


def unsupported_fields(request: Request, info: OperationInfo, fields: frozenset[str]) -> list[str]:
    """The request's fields and options that the operation has no use for."""
    unsupported = [
        field
        for name in sorted(fields - info.honored)
        for field in REQUEST_FIELDS.get(name, (name,))
        if _has(request, field)
    ]
    options: Mapping[str, Any] = getattr(request, "options", {})
    return unsupported + [f"options.{name}" for name in options if name != QUALITY and name not in info.options]


def checked_options(info: OperationInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the operation's own options; null means "not set". Raises InvalidRequest or UnknownChoice."""
    return {
        name: info.options[name].check(name, value)
        for name, value in options.items()
        if name in info.options and value is not None
    }


def quality_of(options: Mapping[str, Any]) -> Quality:
    """Return `options.quality`, standard by default. Raises UnknownChoice."""
    quality = options.get(QUALITY)
    if quality is None:
        return Quality.STANDARD
    try:
        return Quality(quality)
    except ValueError:
        raise UnknownChoice.of("options.quality", str(quality), [*Quality]) from None


def check_style(style_preset: str | None) -> None:
    """Raise UnknownChoice for a style that isn't in the catalog."""
    known = tuple(load_catalog().styles)
    if style_preset and style_preset not in known:
        raise UnknownChoice.of("style_preset", style_preset, known)
