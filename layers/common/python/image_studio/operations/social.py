"""Social: one image cropped, scaled and encoded for many platforms; free work without a provider."""

from collections.abc import Iterator
from dataclasses import dataclass

from image_studio import catalog
from image_studio.catalog.entries import Platform, PlatformFormat
from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.budget import AS_REQUESTED, EncodedRendition
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, check_background, render_all
from image_studio.imaging.safe_zones import Zone
from image_studio.operations.context import OperationContext
from image_studio.operations.inputs import pixel_limits, read_image
from image_studio.operations.operation import Operation
from image_studio.schemas.common import FileType, StoredImage
from image_studio.schemas.social import SocialFailure, SocialRequest, SocialResponse, SocialResult

ALL = "all"
BACKGROUND = "background"
#: Less than this above one result pixel a source pixel was only rounded.
_ENLARGED = 1.001


@dataclass(frozen=True, slots=True)
class Target:
    """A format of a platform that the request asks for."""

    platform: Platform
    format: PlatformFormat


def optimize_social(request: SocialRequest, studio: OperationContext) -> SocialResponse:
    """Make every format that is asked for, each in at most its platform's bytes; the source is decoded once.

    The files go to `studio.journal`, numbered from 1 in the order of the results. A format that fails is told of
    in `errors`; raises InvalidRequest when all do, InvalidImage for a source that isn't an image.
    """
    targets = list(chosen_targets(request))
    placing = Placement(request.crop_mode.value, request.focal_point, _background(request))
    wanted = [_wanted(target.format, request) for target in targets]
    made = render_all(read_image(request.image_base64, studio), wanted, placing, pixel_limits(studio))
    answer = SocialResponse(success=True, results=[], total_optimized=0)
    for target, outcome in zip(targets, made, strict=True):
        if isinstance(outcome, StudioError):
            answer.errors.append(_failure(target, outcome))
        else:
            entry = studio.journal.entry(len(answer.results) + 1)
            file = outcome.encoded
            stored = studio.journal.keep(entry, file.data, file.file_type.mime).stored
            answer.results.append(_result(target, outcome, stored, request.output_format))
    answer.total_optimized, answer.total_failed = len(answer.results), len(answer.errors)
    if not answer.results:
        raise next(outcome for outcome in made if isinstance(outcome, StudioError))
    return answer


def chosen_targets(request: SocialRequest) -> Iterator[Target]:
    """The formats asked for, platform by platform: all, those named, or a platform's first.

    Raises UnknownChoice, listing the valid ones, for a platform or a format that doesn't exist.
    """
    named = {catalog.choose_platform(name).id: names for name, names in request.format_names.items()}
    for platform in dict.fromkeys(catalog.choose_social_platform(name) for name in request.platforms):
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


def _wanted(one: PlatformFormat, request: SocialRequest) -> RenditionSpec:
    """The file to make: as asked where the platform takes that, else as what it takes."""
    allowed = [FileType(name) for name in one.file_types]
    ordered = sorted(allowed, key=lambda file_type: file_type is not request.output_format)
    zone = Zone(*one.safe_zone) if request.show_safe_zones else None
    return RenditionSpec(one.width, one.height, tuple(ordered), one.max_bytes, zone)


def _failure(target: Target, error: StudioError) -> SocialFailure:
    return SocialFailure(platform=target.platform.id, format=target.format.name, detail=error.detail, code=error.code)


def _result(target: Target, made: Rendition, stored: StoredImage | None, asked: FileType) -> SocialResult:
    file = made.encoded
    left, top = round(made.box.left), round(made.box.top)
    return SocialResult(
        platform=target.platform.id,
        format=target.format.name,
        width=made.width,
        height=made.height,
        ratio=target.format.ratio,
        file_type=file.file_type.value,
        bytes=len(file.data),
        crop={
            "left": left,
            "top": top,
            "width": round(made.box.right) - left,
            "height": round(made.box.bottom) - top,
        },
        safe_zone=target.format.safe_zone.as_dict(),
        upscaled=made.scale > _ENLARGED,
        scale_factor=round(made.scale, 4),
        encoding=_told(file, asked),
        stored=stored,
    )


def _told(file: EncodedRendition, asked: FileType) -> str:
    """How the file came about; a type that the platform doesn't take was never tried."""
    if file.how == AS_REQUESTED and file.file_type is not asked:
        return f"{file.file_type.value}, as the platform does not take {asked.value}"
    return file.how


def _check(request: SocialRequest, studio: OperationContext) -> int:
    """Nothing: it is free. Raises what makes the request invalid."""
    _background(request)
    list(chosen_targets(request))
    return 0


OPERATION = Operation(
    name="social",
    request=SocialRequest,
    answer=SocialResponse,
    run=optimize_social,
    estimate=_check,
    failure="Social optimization failed",
    variations=lambda request: len(list(chosen_targets(request))),
)
