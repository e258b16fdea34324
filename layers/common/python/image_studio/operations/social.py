"""POST /social/optimize: one image cropped, scaled and encoded for many platforms; free, without a provider."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from image_studio.catalog.load import choose_platform, load_catalog
from image_studio.catalog.models import Platform, PlatformFormat
from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.content_credentials import History
from image_studio.imaging.decode import RESULT_LIMITS, DecodeLimits, decode
from image_studio.imaging.encode import AS_REQUESTED, EncodedCopy, EncodedRendition, encode_copy
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, Zone, check_background, render_all
from image_studio.operations import provenance
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import keep_copy
from image_studio.operations.single_image import read_image
from image_studio.schemas.common import Delivery, FileType
from image_studio.schemas.limits import INLINE_BYTES
from image_studio.schemas.social import (
    CropMode,
    SocialCrop,
    SocialFailure,
    SocialRequest,
    SocialResponse,
    SocialResult,
)

ALL = "all"
BACKGROUND = "background"
COPYING_THREADS = 2  # of inline copies; the function has two processors
_ENLARGED = 1.001  # a scale up to this is enlarged by rounding only


class Target(NamedTuple):
    platform: Platform
    format: PlatformFormat


def estimate(request: SocialRequest, context: OperationContext) -> int:
    """Return 0: it is free. Raises what makes the request invalid."""
    _background(request)
    list(chosen_targets(request))
    return 0


def run(request: SocialRequest, context: OperationContext) -> SocialResponse:
    """Make every requested format within its platform's limit of bytes. Raises InvalidRequest where all fail."""
    targets = list(chosen_targets(request))
    placement = Placement(request.crop_mode.value, request.focal_point, _background(request))
    data = read_image(request.image_base64, context)
    history = provenance.carried(data)
    xmp, room = provenance.xmp_and_room(context, history)
    specs = [_spec(target.format, request, xmp, room) for target in targets]
    outcomes = render_all(data, specs, placement, DecodeLimits(max_pixels=context.max_pixels))
    sign = partial(_sign, context, history)
    outcomes = [sign(target.format.max_bytes, one) for target, one in zip(targets, outcomes, strict=True)]
    copies = _inline_copies(request, outcomes, context, history)
    response = SocialResponse(success=True, results=[], total_optimized=0, ignored=unread_fields(request))
    for target, outcome, copy in zip(targets, outcomes, copies, strict=True):
        if isinstance(outcome, StudioError):
            failed = {"platform": target.platform.id, "format": target.format.name}
            response.errors.append(SocialFailure(**failed, detail=outcome.detail, code=outcome.code))
        else:
            entry = context.journal.entry(len(response.results) + 1)
            file = outcome.encoded
            stored = context.journal.keep(entry, file.data, file.file_type.mime).stored
            inline = keep_copy(context.journal, entry.variation, copy) if copy else None
            images = {"stored": stored, "inline": inline, "metadata": provenance.metadata_of(history)}
            response.results.append(_result(target, outcome, images, request.output_format))
    response.total_optimized, response.total_failed = len(response.results), len(response.errors)
    if not response.results:
        raise next(outcome for outcome in outcomes if isinstance(outcome, StudioError))
    return response


def chosen_targets(request: SocialRequest) -> Iterator[Target]:
    """Yield the requested formats by platform: all, those named, or a platform's first. Raises UnknownChoice."""
    catalog = load_catalog()
    named = {choose_platform(name, catalog.platforms).id: names for name, names in request.format_names.items()}
    for platform in dict.fromkeys(choose_platform(name, catalog.social_platforms) for name in request.platforms):
        names = named.get(platform.id)
        if request.formats == ALL:
            formats = list(platform.formats)
        elif names:
            formats = [platform.format(name) for name in ([names] if isinstance(names, str) else names)]
        else:
            formats = [platform.formats[0]]
        yield from (Target(platform, one) for one in dict.fromkeys(formats))


def unread_fields(request: SocialRequest) -> list[str]:
    """The request's fields and options that have no effect beside its others."""
    catalog = load_catalog()
    wanted = {choose_platform(name, catalog.social_platforms).id for name in request.platforms}
    unread = [
        f"format_names.{name}"
        for name, names in request.format_names.items()
        if names and (request.formats == ALL or choose_platform(name, catalog.platforms).id not in wanted)
    ]
    if request.focal_point and request.crop_mode is not CropMode.SMART:
        unread.append("focal_point")
    return unread + [f"options.{name}" for name in request.options if name != BACKGROUND]


def _sign(
    context: OperationContext, history: History | None, most: int, outcome: Rendition | StudioError
) -> Rendition | StudioError:
    """Sign a file of a marked image, within its platform's limit of bytes."""
    if isinstance(outcome, StudioError) or history is None:
        return outcome
    file = outcome.encoded
    data = provenance.sign(context, file.data, file.file_type.mime, history, most)
    return replace(outcome, encoded=replace(file, data=data))


def _inline_copies(
    request: SocialRequest,
    outcomes: Sequence[Rendition | StudioError],
    context: OperationContext,
    history: History | None,
) -> list[EncodedCopy | None]:
    """Make copies of the files that are larger than their share of the response; the others stay as they are."""
    files = [None if isinstance(outcome, StudioError) else outcome.encoded for outcome in outcomes]
    share = fair_share([len(file.data) for file in files if file], INLINE_BYTES)
    xmp, room = provenance.xmp_and_room(context, history)

    def copy(file: EncodedRendition | None) -> EncodedCopy | None:
        if file is None or len(file.data) <= share:
            return None
        made = encode_copy(decode(file.data, RESULT_LIMITS), file.file_type, share - room, xmp)
        if made is None or history is None:
            return made
        return replace(made, data=provenance.sign(context, made.data, made.file_type.mime, history, share))

    if request.delivery is Delivery.URL:
        return [None] * len(files)
    with ThreadPoolExecutor(COPYING_THREADS) as threads:
        return list(threads.map(copy, files))


def fair_share(sizes: Sequence[int], total: int) -> int:
    """Return the largest size of which all `sizes`, cut down to it, add up to at most `total`."""
    left = total
    for count, size in zip(range(len(sizes), 0, -1), sorted(sizes), strict=True):
        if size * count > left:
            return left // count
        left -= size
    return total


def _background(request: SocialRequest) -> str | None:
    background = request.options.get(BACKGROUND)
    if background is not None and not isinstance(background, str):
        raise InvalidRequest("options.background must be a CSS color or 'blur'.")
    check_background(background)
    return background


def _spec(target: PlatformFormat, request: SocialRequest, xmp: bytes, room: int) -> RenditionSpec:
    """The file to make: of the requested type where the platform takes it, else of the platform's types.

    `room` (bytes) is left for its signature.
    """
    allowed = [FileType(name) for name in target.file_types]
    ordered = sorted(allowed, key=lambda file_type: file_type is not request.output_format)
    zone = Zone(**vars(target.safe_zone)) if request.show_safe_zones else None
    keeps_alpha = request.output_format is not FileType.JPEG
    most = target.max_bytes - room
    return RenditionSpec(target.width, target.height, tuple(ordered), most, zone, keeps_alpha, xmp)


def _result(target: Target, rendition: Rendition, images: dict[str, Any], requested: FileType) -> SocialResult:
    file, how = rendition.encoded, rendition.encoded.how
    if how == AS_REQUESTED and file.file_type is not requested:  # a type that the platform doesn't take was not tried
        how = f"{file.file_type.value}, as the platform does not take {requested.value}"
    left, top, right, bottom = map(round, rendition.crop.box)
    return SocialResult(
        platform=target.platform.id,
        format=target.format.name,
        width=rendition.width,
        height=rendition.height,
        ratio=target.format.ratio,
        file_type=file.file_type.value,
        bytes=len(file.data),
        crop=SocialCrop(
            left=left,
            top=top,
            width=right - left,
            height=bottom - top,
            focus=rendition.crop.focus,
            faces=list(rendition.crop.faces),
        ),
        safe_zone=vars(target.format.safe_zone),
        upscaled=rendition.scale > _ENLARGED,
        scale_factor=round(rendition.scale, 4),
        encoding=how,
        **images,
    )
