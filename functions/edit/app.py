"""Edit: one paid operation, what describes it, and the models that do it."""

from image_studio.operations.listings import edit_models, edit_operations
from image_studio.runtime import reads
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi
from image_studio.runtime.limits import Meter

api = StudioApi()
handler = api.handle


@api.post("/edit/process", spends=True)
def edit(call: Call) -> Response:
    """Carry out the operation."""
    from image_studio.runtime.submit import submit

    return submit(call, "edit")


@api.get("/edit/operations")
def operations(call: Call) -> Response:
    """List the operations and the fields that each has."""
    return reads.cached(call, edit_operations())


@api.get("/edit/models")
def models(call: Call) -> Response:
    """List the models that edit, by operation and tier."""
    return reads.cached(call, edit_models(call.query("operation"), call.query("tier")))


@api.post("/edit/recommend", meter=Meter.READ)
def recommend(call: Call) -> Response:
    """Recommend a model for an edit."""
    return reads.recommend(call)
