"""What the document says of each route beyond its declaration: tag, query parameters, request and responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_studio.operations.table import OPERATIONS, find_operation
from image_studio.operations.templates import FoundTemplates, RecommendedTemplates, TemplateList
from image_studio.schemas import batches, catalog, convert, jobs, library, provenance, webhooks
from image_studio.schemas.common import Delivery
from image_studio.schemas.create import Persona, PersonaDeleted, PersonaList, StoredPersona
from image_studio.schemas.jobs import UploadRequest, UploadResponse
from image_studio.schemas.social import SocialRequest, SocialResponse
from image_studio.storage.library import SORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query parameter."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One route. `responses` has the body of each status below 400: a model, several, a schema or a media type."""

    tag: str
    responses: Mapping[int, Any]
    query: tuple[Query, ...] = ()
    request: Any = None
    errors: tuple[int, ...] = ()  # beyond those that follow from the route's declaration
    stored: bool = False  # reads the table, which may fail (503)
    cached: bool = False  # has an ETag, so 304
    polled: bool = False  # has Retry-After until what it shows has ended


def paid(tag: str, name: str) -> Entry:
    """A route of a paid operation."""
    row = find_operation(name)
    responses = {200: row.response, 202: jobs.JobLinks, 303: jobs.JobLinks}
    return Entry(tag=tag, request=row.request, responses=responses, errors=(402, 404, 409), stored=True)


def free(tag: str, request: Any, response: Any) -> Entry:
    """A route of free work on images."""
    return Entry(tag=tag, request=request, responses={200: response}, errors=(404,), stored=True)


def _number(low: int, high: int) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high}


PLATFORM = Query(name="platform", about="Only templates of this platform.")
WAIT = Query(name="wait", about="Seconds to wait for the end of the job.", schema=_number(0, 25))
DELIVERY = Query(
    name="delivery",
    about="`auto` or `url`, as in requests; without it the request's own.",
    schema={"type": "string", "enum": [*Delivery]},
)
RESULT = Entry(
    tag="Jobs",
    query=(
        WAIT,
        DELIVERY,
        Query(name="hop", about="Counts redirects; set by the API itself.", schema=_number(0, 100)),
    ),
    responses={
        200: tuple(operation.response for operation in OPERATIONS.values()),
        202: jobs.JobLinks,
        303: jobs.JobLinks,
    },
    errors=(400, 402, 404, 409, 413),
    stored=True,
)

LIST_ASSETS = Entry(
    tag="Library",
    query=(
        Query(name="asset_type", about="Only `image` is kept.", schema={"enum": list(library.ASSET_TYPES)}),
        Query(
            name="source_module",
            about="Only what this part of the product made.",
            schema={"enum": list(library.SOURCE_MODULES)},
        ),
        Query(name="search", about="Words, or starts of words, in title, description, tags, prompt, model or name."),
        Query(name="tags", about="Tags, separated by commas; an asset has at least one of them."),
        Query(name="favorites_only", about="Only favorites.", schema={"type": "boolean"}),
        Query(name="date_from", about="Created at this date or later, ISO 8601."),
        Query(name="date_to", about="Created at this date or earlier, ISO 8601; a day without a time is included."),
        Query(name="sort_by", about="The order.", schema={"enum": list(SORTS), "default": "created_at"}),
        Query(name="sort_order", about="Its direction.", schema={"enum": ["desc", "asc"], "default": "desc"}),
        Query(name="limit", about="Assets on one page; 100 without it.", schema=_number(1, 500)),
        Query(name="offset", about="Assets to leave out before the page.", schema=_number(0, 1_000_000)),
    ),
    responses={200: library.AssetList},
    errors=(400, 413),
    stored=True,
)
REGISTER_ASSET = Entry(
    tag="Library", request=library.RegisterRequest, responses={200: library.LibraryAsset}, errors=(404,), stored=True
)

#: Route, without the prefix, to its entry.
ENTRIES: Mapping[str, Entry] = {
    "POST /create": paid("Create Studio", "create"),
    "GET /templates": Entry(
        tag="Templates",
        query=(PLATFORM, Query(name="category", about="Only this category.")),
        responses={200: TemplateList},
        errors=(400,),
        cached=True,
    ),
    "GET /templates/search": Entry(
        tag="Templates",
        query=(Query(name="query", about="Words to look for.", required=True),),
        responses={200: FoundTemplates},
        errors=(400,),
        cached=True,
    ),
    "GET /templates/recommend": Entry(
        tag="Templates",
        query=(Query(name="use_case", about="What the image is for, in words.", required=True), PLATFORM),
        responses={200: RecommendedTemplates},
        errors=(400,),
        cached=True,
    ),
    "GET /providers": Entry(tag="Providers", responses={200: catalog.ProviderList}, stored=True, cached=True),
    "POST /estimate-cost": Entry(
        tag="Providers", request=catalog.EstimateRequest, responses={200: catalog.Estimate}, errors=(404,)
    ),
    "GET /personas": Entry(tag="Personas", responses={200: PersonaList}, stored=True),
    "GET /personas/{id}": Entry(tag="Personas", responses={200: StoredPersona}, stored=True),
    "PUT /personas/{id}": Entry(
        tag="Personas",
        request=Persona,
        responses={200: StoredPersona, 201: StoredPersona},
        stored=True,
    ),
    "DELETE /personas/{id}": Entry(tag="Personas", responses={200: PersonaDeleted}, stored=True),
    "GET /health": Entry(tag="Service", responses={200: catalog.Health}),
    "GET /openapi.json": Entry(tag="Service", responses={200: {"type": "object"}}, cached=True),
    "GET /docs": Entry(tag="Service", responses={200: "text/html; charset=utf-8"}, cached=True),
    "POST /edit/process": paid("Edit Studio", "edit"),
    "GET /edit/operations": Entry(tag="Edit Studio", responses={200: catalog.EditOperationList}, cached=True),
    "GET /edit/models": Entry(
        tag="Edit Studio",
        query=(
            Query(name="operation", about="Only models that can do this edit operation."),
            Query(name="tier", about="Only models of this price class: budget, mid or premium."),
        ),
        responses={200: catalog.EditModelList},
        errors=(400,),
        cached=True,
    ),
    "POST /edit/recommend": Entry(
        tag="Edit Studio", request=catalog.RecommendRequest, responses={200: catalog.Recommendation}, stored=True
    ),
    "POST /upscale": paid("Upscale Studio", "upscale"),
    "POST /control/process": paid("Control Studio", "control"),
    "GET /control/operations": Entry(tag="Control Studio", responses={200: catalog.ControlOperationList}, cached=True),
    "POST /social/optimize": free("Social Optimizer", SocialRequest, SocialResponse),
    "GET /social/platforms/{platform}/formats": Entry(
        tag="Social Optimizer", responses={200: catalog.PlatformFormatList}, cached=True
    ),
    "GET /platform-specs/{platform}": Entry(
        tag="Platform Specifications", responses={200: catalog.PlatformSpecs}, cached=True
    ),
    "POST /compress": free("Compress", convert.CompressRequest, convert.Compressed),
    "POST /compress/batch": free("Compress", convert.CompressBatchRequest, convert.CompressBatch),
    "POST /compress/estimate": free("Compress", convert.CompressEstimateRequest, convert.CompressEstimate),
    "GET /compress/formats": Entry(tag="Compress", responses={200: convert.CompressFormatList}, cached=True),
    "GET /compress/presets": Entry(tag="Compress", responses={200: convert.CompressPresetList}, cached=True),
    "POST /convert-format": free("Convert", convert.ConvertRequest, convert.Converted),
    "POST /convert-format/batch": free("Convert", convert.ConvertBatchRequest, convert.ConvertBatch),
    "GET /convert-format/supported": Entry(tag="Convert", responses={200: convert.SupportedFormatList}, cached=True),
    "GET /convert-format/recommendations": Entry(
        tag="Convert",
        query=(Query(name="source_format", about="Your type of file: png, jpeg, webp, avif or heic.", required=True),),
        responses={200: convert.FormatRecommendationList},
        errors=(400,),
        cached=True,
    ),
    "POST /provenance/inspect": free("Provenance", provenance.InspectRequest, provenance.InspectResponse),
    "GET /jobs": Entry(
        tag="Jobs",
        query=(
            Query(name="limit", about="Jobs on one page.", schema=_number(1, 100)),
            Query(name="before", about="Where the page begins, from `next` of an earlier page."),
        ),
        responses={200: jobs.JobList},
        errors=(400,),
        stored=True,
    ),
    "GET /jobs/{id}": Entry(
        tag="Jobs", query=(WAIT, DELIVERY), responses={200: jobs.JobRecord}, errors=(400,), stored=True, polled=True
    ),
    "DELETE /jobs/{id}": Entry(tag="Jobs", responses={200: jobs.JobEnded}, errors=(409,), stored=True),
    "GET /jobs/{id}/result": RESULT,
    "POST /jobs/{id}/result": RESULT,
    "POST /batches": Entry(
        tag="Batches",
        request=batches.BatchRequest,
        responses={202: batches.BatchRecord},
        errors=(402, 404),
        stored=True,
    ),
    "GET /batches": Entry(
        tag="Batches",
        query=(
            Query(name="limit", about="Batches on one page.", schema=_number(1, 100)),
            Query(name="before", about="Where the page begins, from `next` of an earlier page."),
        ),
        responses={200: batches.BatchList},
        errors=(400,),
        stored=True,
    ),
    "GET /batches/{id}": Entry(tag="Batches", responses={200: batches.BatchDetails}, stored=True, polled=True),
    "DELETE /batches/{id}": Entry(tag="Batches", responses={200: batches.BatchStopped}, stored=True),
    "GET /batches/{id}/zip": Entry(
        tag="Batches",
        responses={200: batches.BatchZip, 202: batches.BatchZip},
        errors=(409, 413),
        stored=True,
    ),
    "POST /uploads": Entry(
        tag="Uploads", request=UploadRequest, responses={200: UploadResponse}, errors=(402, 404, 409), stored=True
    ),
    "POST /webhooks": Entry(
        tag="Webhooks", request=webhooks.WebhookRequest, responses={201: webhooks.NewWebhook}, stored=True
    ),
    "GET /webhooks": Entry(tag="Webhooks", responses={200: webhooks.WebhookList}, stored=True),
    "GET /webhook-secret": Entry(tag="Webhooks", responses={200: webhooks.WebhookSecret}, stored=True),
    "GET /webhooks/{id}": Entry(tag="Webhooks", responses={200: webhooks.WebhookDetails}, stored=True),
    "DELETE /webhooks/{id}": Entry(tag="Webhooks", responses={200: webhooks.WebhookDeleted}, stored=True),
    "POST /webhooks/{id}/rotate": Entry(
        tag="Webhooks", responses={200: webhooks.WebhookSecret}, errors=(409,), stored=True
    ),
    "POST /webhooks/{id}/test": Entry(tag="Webhooks", responses={200: webhooks.WebhookTest}, stored=True),
    "POST /save-to-library": Entry(
        tag="Library", request=library.SaveRequest, responses={200: library.SavedAsset}, errors=(404,), stored=True
    ),
    "GET /api/content-assets": LIST_ASSETS,
    "GET /api/content-assets/": LIST_ASSETS,
    "POST /api/content-assets": REGISTER_ASSET,
    "POST /api/content-assets/": REGISTER_ASSET,
    "GET /api/content-assets/statistics": Entry(tag="Library", responses={200: library.AssetStatistics}, stored=True),
    "GET /api/content-assets/{id}": Entry(tag="Library", responses={200: library.LibraryAsset}, stored=True),
    "PUT /api/content-assets/{id}": Entry(
        tag="Library", request=library.AssetChange, responses={200: library.LibraryAsset}, stored=True
    ),
    "DELETE /api/content-assets/{id}": Entry(tag="Library", responses={200: library.AssetDeleted}, stored=True),
    "POST /api/content-assets/{id}/favorite": Entry(tag="Library", responses={200: library.AssetFavorite}, stored=True),
    "POST /api/content-assets/{id}/usage": Entry(
        tag="Library",
        query=(
            Query(name="action", about="What is counted.", schema={"enum": list(library.USAGE_ACTIONS)}, required=True),
        ),
        responses={200: library.AssetUsage},
        stored=True,
    ),
    "GET /usage": Entry(tag="Usage", responses={200: jobs.Usage}, stored=True),
}
