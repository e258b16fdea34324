"""Create: images from prompts, templates, providers, estimates, health; and the gateway's default route.

What only one route needs, it imports itself: reading the catalog doesn't wait for what an image needs.
"""

from image_studio.operations import templates
from image_studio.runtime import reads
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi
from image_studio.runtime.limits import Meter
from image_studio.runtime.reads import cached

api = StudioApi()
handler = api.handle


@api.post("/create", spends=True)
def create(call: Call) -> Response:
    """Make images from a prompt."""
    from image_studio.runtime.submit import submit

    return submit(call, "create")


@api.get("/templates")
def list_templates(call: Call) -> Response:
    """List templates by platform and category."""
    return cached(call, templates.list_templates(call.query("platform"), call.query("category")))


@api.get("/templates/search")
def search(call: Call) -> Response:
    """Find templates by words."""
    return cached(call, templates.search_templates(call.needed_query("query")))


@api.get("/templates/recommend")
def recommend(call: Call) -> Response:
    """Recommend templates for a use case."""
    return cached(call, templates.recommend_templates(call.needed_query("use_case"), call.query("platform")))


@api.get("/providers")
def providers(call: Call) -> Response:
    """List providers, their models and prices."""
    return reads.providers(call)


@api.post("/estimate-cost", meter=Meter.READ)
def estimate_cost(call: Call) -> Response:
    """Say what an operation would cost."""
    return reads.estimate(call)


@api.get("/personas")
def list_personas(call: Call) -> Response:
    """List the caller's personas."""
    from image_studio.runtime import personas

    return personas.list_personas(call)


@api.get("/personas/<persona_id>")
def get_persona(call: Call, persona_id: str) -> Response:
    """Show a persona."""
    from image_studio.runtime import personas

    return personas.get_persona(call, persona_id)


@api.put("/personas/<persona_id>", meter=Meter.READ)
def put_persona(call: Call, persona_id: str) -> Response:
    """Write a persona."""
    from image_studio.runtime import personas

    return personas.put_persona(call, persona_id)


@api.route("DELETE", "/personas/<persona_id>")
def delete_persona(call: Call, persona_id: str) -> Response:
    """Remove a persona."""
    from image_studio.runtime import personas

    return personas.delete_persona(call, persona_id)


@api.get("/health", open_to_all=True)
def check_health(call: Call) -> Response:
    """Say whether the studio can work."""
    from image_studio.runtime.health import health

    return respond(200, health(), {"cache-control": "no-store"})


@api.get("/openapi.json", open_to_all=True)
def openapi_document(call: Call) -> Response:
    """Give this API's OpenAPI document."""
    from image_studio.runtime import openapi

    return openapi.get_document(call)


@api.get("/docs", open_to_all=True)
def docs(call: Call) -> Response:
    """Show this API on a page."""
    from image_studio.runtime import openapi

    return openapi.get_page(call)
