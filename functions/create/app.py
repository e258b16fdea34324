"""Create: pictures from prompts, templates, providers, estimates, health; and the gateway's default route."""

from image_studio.operations import find_templates
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi
from image_studio.runtime.health import health
from image_studio.runtime.reads import cached
from image_studio.runtime.submit import submit

api = StudioApi()
handler = api.handle


@api.post("/create")
def create(call: Call) -> Response:
    """Make pictures from a prompt."""
    return submit(call, "create")


@api.get("/templates")
def templates(call: Call) -> Response:
    """List templates by platform and category."""
    return cached(call, find_templates.list_templates(call.query("platform"), call.query("category")))


@api.get("/templates/search")
def search(call: Call) -> Response:
    """Find templates by words."""
    return cached(call, find_templates.search_templates(call.query("query") or ""))


@api.get("/templates/recommend")
def recommend(call: Call) -> Response:
    """Recommend templates for a use case."""
    return cached(call, find_templates.recommend_templates(call.query("use_case") or "", call.query("platform")))


@api.get("/health", open_to_all=True)
def check_health(call: Call) -> Response:
    """Say whether the studio can work."""
    return respond(200, health(), {"cache-control": "no-store"})
