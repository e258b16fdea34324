"""Free work on images: in the sizes of many platforms, compressed, converted; what platforms want; origins."""

from image_studio.operations import convert, listings
from image_studio.operations.table import find_operation
from image_studio.runtime import aws_clients
from image_studio.runtime.api import Response, cached
from image_studio.runtime.provenance import inspect
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.signing import signing
from image_studio.runtime.submit import serve_now

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/social/optimize")
def optimize() -> Response:
    """Crop, scale and encode one image for many platforms."""
    return serve_now(app.call, find_operation("social"), signing())


@app.post("/provenance/inspect")
def inspect_image() -> Response:
    """Say which marks an image carries, and whether it was made here."""
    return inspect(app.call)


@app.get("/social/platforms/<platform>/formats")
def formats(platform: str) -> Response:
    """List a platform's formats."""
    return cached(app.call, listings.platform_formats(platform))


@app.get("/platform-specs/<platform>")
def specs(platform: str) -> Response:
    """Say what a platform accepts."""
    return cached(app.call, listings.platform_specs(platform))


@app.post("/compress")
def compress() -> Response:
    """Make an image's file smaller."""
    return serve_now(app.call, convert.COMPRESS, signing())


@app.post("/compress/batch")
def compress_batch() -> Response:
    """Make the files of up to 20 images smaller."""
    return serve_now(app.call, convert.COMPRESS_BATCH, signing())


@app.post("/compress/estimate", counts_as=RateClass.READ)
def estimate_compression() -> Response:
    """Say how small a file would become."""
    return serve_now(app.call, convert.COMPRESS_ESTIMATE, signing())


@app.get("/compress/formats")
def compress_formats() -> Response:
    """List the file types that are compressed."""
    return cached(app.call, convert.compress_formats())


@app.get("/compress/presets")
def compress_presets() -> Response:
    """List settings that suit common uses."""
    return cached(app.call, convert.compress_presets())


@app.post("/convert-format")
def convert_format() -> Response:
    """Write an image as another file type."""
    return serve_now(app.call, convert.CONVERT, signing())


@app.post("/convert-format/batch")
def convert_format_batch() -> Response:
    """Write up to 20 images as other file types."""
    return serve_now(app.call, convert.CONVERT_BATCH, signing())


@app.get("/convert-format/supported")
def convert_formats() -> Response:
    """List the file types that can be written."""
    return cached(app.call, convert.convert_formats())


@app.get("/convert-format/recommendations")
def convert_recommendations() -> Response:
    """Recommend file types to convert to."""
    return cached(app.call, convert.convert_recommendations(app.call.needed_query("source_format")))
