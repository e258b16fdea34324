"""Social: one image in the sizes of many platforms, and what the platforms want."""

from image_studio.operations import listings
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi
from image_studio.runtime.reads import cached

api = StudioApi()
handler = api.handle


@api.post("/social/optimize")
def optimize(call: Call) -> Response:
    """Crop, scale and encode one image for many platforms."""
    from image_studio.runtime.inline import serve_now

    return serve_now(call, "social")


@api.get("/social/platforms/<platform>/formats")
def formats(call: Call, platform: str) -> Response:
    """List a platform's formats."""
    return cached(call, listings.platform_formats(platform))


@api.get("/platform-specs/<platform>")
def specs(call: Call, platform: str) -> Response:
    """Say what a platform accepts."""
    return cached(call, listings.platform_specs(platform))
