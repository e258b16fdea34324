"""Control: one paid operation and what describes it."""

from image_studio.operations.listings import control_operations
from image_studio.runtime import reads
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi

api = StudioApi()
handler = api.handle


@api.post("/control/process", spends=True)
def control(call: Call) -> Response:
    """Carry out the operation."""
    from image_studio.runtime.submit import submit

    return submit(call, "control")


@api.get("/control/operations")
def operations(call: Call) -> Response:
    """List the operations and the fields that each has."""
    return reads.cached(call, control_operations())
