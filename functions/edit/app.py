"""Edit: one paid operation, what describes it, and the models that do it."""

from image_studio.operations.listings import edit_models, edit_operations
from image_studio.runtime import aws_clients, reads
from image_studio.runtime.api import Response, cached
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.submit import submit

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/edit/process", spends=True)
def edit() -> Response:
    """Carry out the operation."""
    return submit(app.call, "edit")


@app.get("/edit/operations")
def operations() -> Response:
    """List the operations and the fields that each has."""
    return cached(app.call, edit_operations())


@app.get("/edit/models")
def models() -> Response:
    """List the models that edit, by operation and tier."""
    return cached(app.call, edit_models(app.call.query("operation"), app.call.query("tier")))


@app.post("/edit/recommend", counts_as=RateClass.READ)
def recommend() -> Response:
    """Recommend a model for an edit."""
    return reads.recommend(app.call)
