"""Compress and convert: one image, or a batch, as smaller files or files of another type; free, without a provider."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from image_studio.catalog.load import choose, load_catalog
from image_studio.errors import InvalidRequest, StudioError
from image_studio.imaging.content_credentials import History
from image_studio.imaging.convert import (
    KB,
    LOSSLESS,
    MAX_JPEG_EXIF,
    OPAQUE,
    FileOptions,
    WrittenFile,
    adobe_rgb,
    to_adobe_rgb,
    write,
    write_under,
)
from image_studio.imaging.decode import Metadata, decode, detect_file_type, read_metadata
from image_studio.imaging.encode import QUALITY, check_sides
from image_studio.imaging.masks import flatten
from image_studio.imaging.types import DecodedImage
from image_studio.operations import provenance
from image_studio.operations.context import OperationContext
from image_studio.operations.single_image import pixel_limits, read_image
from image_studio.operations.table import Operation
from image_studio.schemas import convert as schemas
from image_studio.schemas.convert import TargetType

_DEFAULT_QUALITY = 85  # of a compressed file
_RESERVED_SECONDS = 6.0  # for the last image of a batch, and to send the response
R = TypeVar("R")


class _Source(NamedTuple):
    data: bytes
    image: DecodedImage
    file_type: str
    metadata: Metadata
    history: History | None  # of a marked image, whose mark the new file carries

    @property
    def kilobytes(self) -> float:
        return _kilobytes(self.data)


def _read(text: str, context: OperationContext) -> _Source:
    data = read_image(text, context)
    limits = pixel_limits(context, whole=True)
    image = decode(data, limits)
    file_type = detect_file_type(data).value
    return _Source(data, image, file_type, read_metadata(data, limits), provenance.carried(data))


def _exif_for(target: TargetType, source: _Source) -> bytes:
    """The source's EXIF, if a file of the type can hold it."""
    exif = source.metadata.exif
    holds = target not in _WITHOUT_EXIF and (target is not TargetType.JPEG or len(exif) <= MAX_JPEG_EXIF)
    return exif if holds else b""


_WITHOUT_EXIF = frozenset({TargetType.GIF, TargetType.BMP})


def _sign(source: _Source, data: bytes, mime: str, context: OperationContext, most: float) -> bytes:
    return provenance.sign(context, data, mime, source.history, most) if source.history else data


def _kilobytes(data: bytes) -> float:
    return round(len(data) / KB, 2)


def _saved(before: bytes, after: bytes) -> float:
    """Percent by which a file became smaller."""
    return round((1 - len(after) / len(before)) * 100, 2)


# -- compress


def compress(request: schemas.CompressRequest, context: OperationContext, number: int = 1) -> schemas.Compressed:
    """Compress one image. Raises InvalidRequest where the target size can't be met."""
    source = _read(request.image_base64, context)
    check_sides(request.format, *source.image.size, "format")
    exif = b"" if request.strip_metadata else _exif_for(TargetType(request.format), source)
    xmp, _ = provenance.xmp_and_room(context, source.history)
    exact = request.quality == LOSSLESS
    file = _compressed(source, request, FileOptions(request.optimize, request.progressive, exact, exif, xmp=xmp))
    if file.data != source.data:
        most = min(len(source.data), (request.target_size_kb or math.inf) * KB)
        file = replace(file, data=_sign(source, file.data, request.format.mime, context, most))
    stored = context.journal.keep(context.journal.entry(number), file.data, request.format.mime).stored
    return schemas.Compressed(
        success=True,
        original_size_kb=source.kilobytes,
        compressed_size_kb=_kilobytes(file.data),
        compression_ratio=_saved(source.data, file.data),
        format=request.format.value,
        width=source.image.width,
        height=source.image.height,
        quality_used=file.quality,
        metadata_stripped=not exif,
        stored=stored,
        metadata=provenance.metadata_of(source.history),
    )


def _compressed(source: _Source, request: schemas.CompressRequest, options: FileOptions) -> WrittenFile:
    target = TargetType(request.format)
    if request.target_size_kb is None:
        file = write(source.image, target, request.quality or _DEFAULT_QUALITY, options)
    else:
        file = write_under(source.image, target, request.target_size_kb * KB, request.quality, options)
    same = source.file_type == request.format.value and (not request.strip_metadata or source.metadata.nothing)
    if len(file.data) < len(source.data) or not same:
        return file
    return WrittenFile(source.data, LOSSLESS if target is TargetType.PNG else file.quality)


def estimate_compression(
    request: schemas.CompressEstimateRequest, context: OperationContext
) -> schemas.CompressEstimate:
    """Compress an image to learn the size of its file, which isn't returned."""
    file = compress(schemas.CompressRequest(**dict(request)), context)
    return schemas.CompressEstimate(
        original_size_kb=file.original_size_kb,
        estimated_size_kb=file.compressed_size_kb,
        estimated_reduction_percent=file.compression_ratio,
        width=file.width,
        height=file.height,
        format=file.format,
    )


# -- convert


def convert(request: schemas.ConvertRequest, context: OperationContext, number: int = 1) -> schemas.Converted:
    """Convert one image to another file type."""
    source = _read(request.image_base64, context)
    target, image = request.target_format, source.image
    check_sides(target, *image.size, "target_format")
    transparent = image.mode == "RGBA"
    kept = transparent and request.preserve_transparency and target not in OPAQUE
    image = image if kept else flatten(image)
    exif = b"" if request.strip_metadata else _exif_for(target, source)
    profile = b""
    if request.color_space == _ADOBE_RGB:
        if target in _WITHOUT_EXIF:  # nor do they hold a profile
            raise InvalidRequest(
                f"A {target.value} file can't say that it is Adobe RGB. Use png, jpeg, webp, avif or tiff."
            )
        image, profile = to_adobe_rgb(image), adobe_rgb()
    xmp, _ = provenance.xmp_and_room(context, source.history)
    options = FileOptions(request.optimize, request.progressive, True, exif, profile, xmp)
    file = write(image, target, request.quality or QUALITY, options)
    data = _sign(source, file.data, target.mime, context, math.inf)
    stored = context.journal.keep(context.journal.entry(number), data, target.mime).stored
    return schemas.Converted(
        success=True,
        original_format=source.file_type,
        target_format=target.value,
        original_size_kb=source.kilobytes,
        converted_size_kb=_kilobytes(data),
        width=image.width,
        height=image.height,
        transparency_preserved=kept,
        metadata_preserved=bool(exif),
        color_space=request.color_space or "sRGB",
        stored=stored,
        metadata=provenance.metadata_of(source.history),
    )


_ADOBE_RGB = "Adobe RGB"


# -- batches


def _each(
    requests: list[R], context: OperationContext, make: Callable[[R, OperationContext, int], Any]
) -> dict[str, Any]:
    """Make each image, as long as there is time. One that fails doesn't stop the others."""
    ends = context.now() + context.wait_seconds - _RESERVED_SECONDS
    results: list[Any] = []
    for index, request in enumerate(requests):
        try:
            if index and context.now() > ends:
                raise InvalidRequest("There was no time left for this image. Send it in a smaller batch.")
            results.append(make(request, context, index + 1))
        except StudioError as error:
            results.append(schemas.FileFailure(index=index, detail=error.detail, code=error.code))
    failed = sum(isinstance(result, schemas.FileFailure) for result in results)
    made = len(results) - failed
    return {"success": made > 0, "results": results, "total_images": len(results), "successful": made, "failed": failed}


def compress_batch(request: schemas.CompressBatchRequest, context: OperationContext) -> schemas.CompressBatch:
    return schemas.CompressBatch(**_each(request.images, context, compress))


def convert_batch(request: schemas.ConvertBatchRequest, context: OperationContext) -> schemas.ConvertBatch:
    return schemas.ConvertBatch(**_each(request.images, context, convert))


def _free(request: Any, context: OperationContext) -> int:
    return 0


def _operation(name: str, request: Any, response: Any, run: Callable[[Any, Any], Any]) -> Operation:
    return Operation(name, request, response, run, _free, f"{name.capitalize()} failed")


COMPRESS = _operation("compress", schemas.CompressRequest, schemas.Compressed, compress)
COMPRESS_ESTIMATE = _operation(
    "compress", schemas.CompressEstimateRequest, schemas.CompressEstimate, estimate_compression
)
COMPRESS_BATCH = _operation("compress", schemas.CompressBatchRequest, schemas.CompressBatch, compress_batch)
CONVERT = _operation("conversion", schemas.ConvertRequest, schemas.Converted, convert)
CONVERT_BATCH = _operation("conversion", schemas.ConvertBatchRequest, schemas.ConvertBatch, convert_batch)


# -- lists


def compress_formats() -> schemas.CompressFormatList:
    return schemas.CompressFormatList(formats=load_catalog().files["compress_formats"])


def compress_presets() -> schemas.CompressPresetList:
    return schemas.CompressPresetList(presets=load_catalog().files["compress_presets"])


def convert_formats() -> schemas.SupportedFormatList:
    return schemas.SupportedFormatList(formats=load_catalog().files["convert_formats"])


def convert_recommendations(source_format: str) -> schemas.FormatRecommendationList:
    """Return what to convert a file type to, best first. Raises UnknownChoice with the types that are read."""
    word = source_format.strip().lower().lstrip(".")
    word = {"jpg": "jpeg", "heif": "heic"}.get(word, word)
    found = choose("source_format", word, load_catalog().files["convert_recommendations"])
    return schemas.FormatRecommendationList(recommendations=found)
