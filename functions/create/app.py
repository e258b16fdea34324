"""Create: images from prompts, templates, providers, estimates, personas, health, and the gateway's default route.

This function alone serves quick reads of the catalog beside a paid route. So what the other routes need is imported on
first use; or at init, if that is kept by a snapshot or by provisioned concurrency.
"""

from importlib import import_module

from image_studio.catalog.load import load_catalog
from image_studio.operations import templates
from image_studio.runtime import aws_clients, openapi
from image_studio.runtime.api import Response, cached
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import ApiResolver
from image_studio.schemas.limits import INIT_IS_KEPT

ON_FIRST_USE = ("account", "reads", "submit")

app = ApiResolver()
handler = app.handler


@app.post("/create", spends=True)
def create() -> Response:
    """Make images from a prompt."""
    from image_studio.runtime.submit import submit

    return submit(app.call, "create")


@app.get("/templates")
def list_templates() -> Response:
    """List templates by platform and category."""
    call = app.call
    return cached(call, templates.list_templates(call.query("platform"), call.query("category")))


@app.get("/templates/search")
def search() -> Response:
    """Find templates by words."""
    return cached(app.call, templates.search_templates(app.call.needed_query("query")))


@app.get("/templates/recommend")
def recommend() -> Response:
    """Recommend templates for a use case."""
    call = app.call
    return cached(call, templates.recommend_templates(call.needed_query("use_case"), call.query("platform")))


@app.get("/providers")
def providers() -> Response:
    """List providers, their models and prices."""
    from image_studio.runtime import reads

    return reads.providers(app.call)


@app.post("/estimate-cost", counts_as=RateClass.READ)
def estimate_cost() -> Response:
    """Say what an operation would cost."""
    from image_studio.runtime.submit import estimate

    return estimate(app.call)


@app.get("/personas")
def list_personas() -> Response:
    """List the caller's personas."""
    from image_studio.runtime import account

    return account.list_personas(app.call)


@app.get("/personas/<persona_id>")
def get_persona(persona_id: str) -> Response:
    """Show a persona."""
    from image_studio.runtime import account

    return account.get_persona(app.call, persona_id)


@app.put("/personas/<persona_id>", counts_as=RateClass.READ)
def put_persona(persona_id: str) -> Response:
    """Write a persona."""
    from image_studio.runtime import account

    return account.put_persona(app.call, persona_id)


@app.delete("/personas/<persona_id>")
def delete_persona(persona_id: str) -> Response:
    """Remove a persona."""
    from image_studio.runtime import account

    return account.delete_persona(app.call, persona_id)


@app.get("/health", counts_as=None)
def health() -> Response:
    """Say whether the API can work."""
    from image_studio.runtime import reads

    return reads.health()


@app.get("/openapi.json", counts_as=None)
def openapi_document() -> Response:
    """Give this API's OpenAPI document."""
    return openapi.get_document(app.call)


@app.get("/docs", counts_as=None)
def docs() -> Response:
    """Show this API on a page."""
    return openapi.get_page(app.call)


if INIT_IS_KEPT:
    for module in ON_FIRST_USE:
        import_module(f"image_studio.runtime.{module}")
    aws_clients.prepare()
    load_catalog().templates  # noqa: B018  reads the files now
