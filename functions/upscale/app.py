"""Upscale: one paid operation."""

from image_studio.runtime import aws_clients
from image_studio.runtime.api import Response
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.submit import submit

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/upscale", spends=True)
def upscale() -> Response:
    """Carry out the operation."""
    return submit(app.call, "upscale")
