"""What the document says of each route beyond what its declaration says: tag, query, request, answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_studio.operations.table import find_operation
from image_studio.schemas.create import Persona
from image_studio.schemas.social import SocialRequest, SocialResponse
from image_studio.schemas.uploads import UploadRequest, UploadResponse
from scripts.openapi import bodies


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query parameter."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One route; `answers` has the body of each status below 400, None for one without a JSON body."""

    tag: str
    answers: Mapping[int, Any]
    query: tuple[Query, ...] = ()
    request: Any = None
    errors: tuple[int, ...] = ()  # beyond those that follow from the route's declaration
    stored: bool = False  # reads the table, which may fail (503)
    cached: bool = False  # has an ETag, so 304


def paid(tag: str, name: str) -> Entry:
    """A route of a paid operation."""
    row = find_operation(name)
    answers = {200: row.response, 202: bodies.JobLinks, 303: bodies.JobLinks}
    return Entry(tag=tag, request=row.request, answers=answers, errors=(402, 404), stored=True)


def _number(low: int, high: int) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high}


PLATFORM = Query(name="platform", about="Only this platform's.")
WAIT = Query(name="wait", about="Seconds to wait for the job's end.", schema=_number(0, 25))
RESULT = Entry(
    tag="Jobs",
    query=(
        WAIT,
        Query(name="delivery", about="`url`: images as URLs only.", schema={"type": "string"}),
        Query(name="hop", about="Counts redirects; set by the API itself.", schema=_number(0, 100)),
    ),
    answers={
        200: tuple(find_operation(name).response for name in ("create", "edit", "upscale", "control")),
        202: bodies.JobLinks,
        303: bodies.JobLinks,
    },
    errors=(400, 402, 404, 409),
    stored=True,
)

#: Route, without the prefix, to its entry.
ENTRIES: Mapping[str, Entry] = {
    "POST /create": paid("Create Studio", "create"),
    "GET /templates": Entry(
        tag="Templates",
        query=(PLATFORM, Query(name="category", about="Only this category.")),
        answers={200: bodies.TemplateList},
        errors=(400,),
        cached=True,
    ),
    "GET /templates/search": Entry(
        tag="Templates",
        query=(Query(name="query", about="Words to look for.", required=True),),
        answers={200: bodies.FoundTemplates},
        errors=(400,),
        cached=True,
    ),
    "GET /templates/recommend": Entry(
        tag="Templates",
        query=(Query(name="use_case", about="What the image is for, in words.", required=True), PLATFORM),
        answers={200: bodies.RecommendedTemplates},
        errors=(400,),
        cached=True,
    ),
    "GET /providers": Entry(tag="Providers", answers={200: bodies.ProviderList}, stored=True, cached=True),
    "POST /estimate-cost": Entry(
        tag="Providers", request=bodies.EstimateRequest, answers={200: bodies.Estimate}, errors=(404,)
    ),
    "GET /personas": Entry(tag="Personas", answers={200: bodies.PersonaList}, stored=True),
    "GET /personas/{id}": Entry(tag="Personas", answers={200: bodies.StoredPersona}, stored=True),
    "PUT /personas/{id}": Entry(
        tag="Personas",
        request=Persona,
        answers={200: bodies.StoredPersona, 201: bodies.StoredPersona},
        stored=True,
    ),
    "DELETE /personas/{id}": Entry(tag="Personas", answers={200: bodies.PersonaDeleted}, stored=True),
    "GET /health": Entry(tag="Service", answers={200: bodies.Health}),
    "GET /openapi.json": Entry(tag="Service", answers={200: {"type": "object"}}, cached=True),
    "GET /docs": Entry(tag="Service", answers={200: "text/html; charset=utf-8"}, cached=True),
    "POST /edit/process": paid("Edit Studio", "edit"),
    "GET /edit/operations": Entry(tag="Edit Studio", answers={200: bodies.EditOperationList}, cached=True),
    "GET /edit/models": Entry(
        tag="Edit Studio",
        query=(
            Query(name="operation", about="Only models that carry out this edit operation."),
            Query(name="tier", about="Only models of this price class: budget, mid or premium."),
        ),
        answers={200: bodies.EditModelList},
        errors=(400,),
        cached=True,
    ),
    "POST /edit/recommend": Entry(
        tag="Edit Studio", request=bodies.RecommendRequest, answers={200: bodies.Recommendation}, stored=True
    ),
    "POST /upscale": paid("Upscale Studio", "upscale"),
    "POST /control/process": paid("Control Studio", "control"),
    "GET /control/operations": Entry(tag="Control Studio", answers={200: bodies.ControlOperationList}, cached=True),
    "POST /social/optimize": Entry(
        tag="Social Optimizer", request=SocialRequest, answers={200: SocialResponse}, errors=(404,), stored=True
    ),
    "GET /social/platforms/{platform}/formats": Entry(
        tag="Social Optimizer", answers={200: bodies.PlatformFormatList}, cached=True
    ),
    "GET /platform-specs/{platform}": Entry(
        tag="Platform Specifications", answers={200: bodies.PlatformSpecs}, cached=True
    ),
    "GET /jobs": Entry(
        tag="Jobs",
        query=(
            Query(name="limit", about="Jobs on one page.", schema=_number(1, 100)),
            Query(name="before", about="Where the page begins; `next` of an earlier page has it."),
        ),
        answers={200: bodies.JobList},
        errors=(400,),
        stored=True,
    ),
    "GET /jobs/{id}": Entry(tag="Jobs", query=(WAIT,), answers={200: bodies.Job}, errors=(400,), stored=True),
    "DELETE /jobs/{id}": Entry(tag="Jobs", answers={200: bodies.JobEnded}, errors=(409,), stored=True),
    "GET /jobs/{id}/result": RESULT,
    "POST /jobs/{id}/result": RESULT,
    "POST /uploads": Entry(
        tag="Uploads", request=UploadRequest, answers={200: UploadResponse}, errors=(402, 404, 409), stored=True
    ),
    "GET /usage": Entry(tag="Usage", answers={200: bodies.Usage}, stored=True),
}
