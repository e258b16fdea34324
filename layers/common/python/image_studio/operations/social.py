"""POST /social/optimize: one image cropped, scaled and encoded for many platforms; free, without a provider."""

from collections.abc import Iterator
from typing import NamedTuple

from image_studio.catalog.load import choose, load_catalog
from image_studio.catalog.models import Platform, PlatformFormat
from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.decode import DecodeLimits
from image_studio.imaging.encode import AS_REQUESTED
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, Zone, check_background, render_all
from image_studio.operations.context import OperationContext
from image_studio.operations.single_image import read_image
from image_studio.schemas.common import FileType, StoredImage
from image_studio.schemas.social import SocialFailure, SocialRequest, SocialResponse, SocialResult

ALL = "all"
BACKGROUND = "background"
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
    specs = [_spec(target.format, request) for target in targets]
    data = read_image(request.image_base64, context)
    outcomes = render_all(data, specs, placement, DecodeLimits(max_pixels=context.max_pixels))
    response = SocialResponse(success=True, results=[], total_optimized=0)
    for target, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, StudioError):
            failed = {"platform": target.platform.id, "format": target.format.name}
            response.errors.append(SocialFailure(**failed, detail=outcome.detail, code=outcome.code))
        else:
            entry = context.journal.entry(len(response.results) + 1)
            file = outcome.encoded
            stored = context.journal.keep(entry, file.data, file.file_type.mime).stored
            response.results.append(_result(target, outcome, stored, request.output_format))
    response.total_optimized, response.total_failed = len(response.results), len(response.errors)
    if not response.results:
        raise next(outcome for outcome in outcomes if isinstance(outcome, StudioError))
    return response


def chosen_targets(request: SocialRequest) -> Iterator[Target]:
    """Yield the requested formats by platform: all, those named, or a platform's first. Raises UnknownChoice."""
    catalog = load_catalog()
    named = {choose("platform", name, catalog.platforms).id: names for name, names in request.format_names.items()}
    for platform in dict.fromkeys(choose("platform", name, catalog.social_platforms) for name in request.platforms):
        names = named.get(platform.id)
        if request.formats == ALL:
            formats = list(platform.formats)
        elif names:
            formats = [platform.format(name) for name in ([names] if isinstance(names, str) else names)]
        else:
            formats = [platform.formats[0]]
        yield from (Target(platform, one) for one in dict.fromkeys(formats))


def _background(request: SocialRequest) -> str | None:
    background = request.options.get(BACKGROUND)
    if background is not None and not isinstance(background, str):
        raise InvalidRequest("options.background must be a CSS color or 'blur'.")
    check_background(background)
    return background


def _spec(target: PlatformFormat, request: SocialRequest) -> RenditionSpec:
    """The file to make: of the requested type where the platform takes it, else of the platform's types."""
    allowed = [FileType(name) for name in target.file_types]
    ordered = sorted(allowed, key=lambda file_type: file_type is not request.output_format)
    zone = Zone(**vars(target.safe_zone)) if request.show_safe_zones else None
    return RenditionSpec(target.width, target.height, tuple(ordered), target.max_bytes, zone)


def _result(target: Target, rendition: Rendition, stored: StoredImage | None, requested: FileType) -> SocialResult:
    file, how = rendition.encoded, rendition.encoded.how
    if how == AS_REQUESTED and file.file_type is not requested:  # a type that the platform doesn't take was not tried
        how = f"{file.file_type.value}, as the platform does not take {requested.value}"
    left, top, right, bottom = map(round, rendition.box)
    return SocialResult(
        platform=target.platform.id,
        format=target.format.name,
        width=rendition.width,
        height=rendition.height,
        ratio=target.format.ratio,
        file_type=file.file_type.value,
        bytes=len(file.data),
        crop={"left": left, "top": top, "width": right - left, "height": bottom - top},
        safe_zone=vars(target.format.safe_zone),
        upscaled=rendition.scale > _ENLARGED,
        scale_factor=round(rendition.scale, 4),
        encoding=how,
        stored=stored,
    )
