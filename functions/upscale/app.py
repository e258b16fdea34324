"""Upscale: one paid operation and what describes it."""

from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi

api = StudioApi()
handler = api.handle


@api.post("/upscale", spends=True)
def upscale(call: Call) -> Response:
    """Carry out the operation."""
    from image_studio.runtime.submit import submit

    return submit(call, "upscale")
