"""Social: one image in the sizes of many platforms, and what the platforms want."""

from image_studio.operations import listings
from image_studio.runtime import aws_clients
from image_studio.runtime.api import Response, cached
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.submit import serve_now

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/social/optimize")
def optimize() -> Response:
    """Crop, scale and encode one image for many platforms."""
    return serve_now(app.call, "social")


@app.get("/social/platforms/<platform>/formats")
def formats(platform: str) -> Response:
    """List a platform's formats."""
    return cached(app.call, listings.platform_formats(platform))


@app.get("/platform-specs/<platform>")
def specs(platform: str) -> Response:
    """Say what a platform accepts."""
    return cached(app.call, listings.platform_specs(platform))
