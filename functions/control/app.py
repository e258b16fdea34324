"""Control: one paid operation and what describes it."""

from image_studio.operations.listings import control_operations
from image_studio.runtime import aws_clients
from image_studio.runtime.api import Response, cached
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.submit import submit

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/control/process", spends=True)
def control() -> Response:
    """Carry out the operation."""
    return submit(app.call, "control")


@app.get("/control/operations")
def operations() -> Response:
    """List the operations and the fields that each has."""
    return cached(app.call, control_operations())
