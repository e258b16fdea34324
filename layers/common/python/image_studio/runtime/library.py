"""The library over HTTP: save images, find them, describe them, delete them. Ids of other callers are unknown ids."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from image_studio.errors import InvalidRequest, LibraryFull, NotFound, TemporarilyUnavailable, TooLarge, UnknownChoice
from image_studio.imaging.content_credentials import read_mark_or_manifest
from image_studio.imaging.decode import RESULT_LIMITS, DecodeLimits, decode, detect_file_type
from image_studio.imaging.encode import encode
from image_studio.imaging.geometry import scale
from image_studio.imaging.types import Size
from image_studio.operations.journal import Entry
from image_studio.operations.single_image import read_image
from image_studio.runtime import wiring
from image_studio.runtime.api import NO_STORE, Call, Response, iso_time, respond
from image_studio.runtime.job_record import prompt_of
from image_studio.runtime.references import JOB, find_result, unknown_reference
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import TIERS
from image_studio.runtime.submit import url_reader
from image_studio.schemas import library as bodies
from image_studio.schemas.common import AnyFileType, FileType
from image_studio.schemas.limits import MAX_BODY
from image_studio.storage import keys, library
from image_studio.storage.job import Job
from image_studio.storage.library import FIRST_ID, LAST_ID, Asset, AssetQuery, Quota, Totals, id_at, words_of

THUMBNAIL_SIDE, THUMBNAIL_QUALITY = 512, 80
PAGE, MAX_PAGE, MAX_OFFSET = 100, 500, 1_000_000
MAX_SEARCH_WORDS, MAX_SEARCH_TAGS = 5, 10  # each is a Query
YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
MAX_TRIES = 3  # of a change that met another one
MAX_FILENAME = 100  # characters
_ID = re.compile(r"[0-9a-f]{32}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._() -]+")  # in a download's file name

# -- saving


@dataclass(frozen=True, slots=True)
class _Image:
    """An image to save; `copy_of` is the key of an earlier result that it is, and `facts` what its record says."""

    data: bytes
    limits: DecodeLimits
    copy_of: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def save_image(call: Call) -> Response:
    """POST /save-to-library: keep an image, with how it was made."""
    body = read_request(bodies.SaveRequest, call)
    image = _read(call, body.image_base64)
    described = body.model_dump(include={"title", "description", "prompt", "provider", "model", "cost", "tags"})
    metadata = {"operation": body.operation}
    saved = _keep(call, image, {**described, "source_module": "image_studio", "asset_metadata": metadata})
    answer = bodies.SavedAsset(
        success=True,
        asset_id=saved.id,
        file_url=_file_url(call, saved),
        filename=saved.filename,
        file_size=saved.file_size,
    )
    return respond(200, answer, NO_STORE)


def register(call: Call) -> Response:
    """POST /api/content-assets: keep an image with all that a client says of it."""
    body = read_request(bodies.RegisterRequest, call)
    described = body.model_dump(exclude={"asset_type", "file_url"})
    return respond(200, _answer(call, _keep(call, _read(call, body.file_url), described)), NO_STORE)


def _read(call: Call, text: str) -> _Image:
    """Return the image that a field carries or names. Raises NotFound, InvalidImage, TooLarge."""
    if text.startswith(JOB):
        found = find_result(wiring.jobs(), call.known.tenant, text)
        key = found[1].stored.key if found and found[1].stored else ""
        data = wiring.objects().get(key) if key else None
        if found is None or data is None:
            raise unknown_reference(text)
        return _Image(data, RESULT_LIMITS, key, _facts(*found))
    context = wiring.api_context(call.known, fetch=url_reader())
    return _Image(read_image(text, context), DecodeLimits(max_pixels=context.max_pixels))


def _facts(job: Job, entry: Entry) -> dict[str, Any]:
    """Return what a job's record says of one of its images: where it says nothing, the request may."""
    metadata = {"operation": job.operation, "job_id": job.id, "variation": entry.variation, "seed": entry.seed}
    facts = {
        "provider": entry.provider,
        "model": entry.model,
        "cost": float(entry.credits),
        "generation_time": (job.finished_at - job.started_at) / 1000 if job.finished_at and job.started_at else None,
        "prompt": prompt_of(job),
        "asset_metadata": {name: value for name, value in metadata.items() if value is not None},
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _keep(call: Call, image: _Image, described: dict[str, Any]) -> Asset:
    """Store an image and its thumbnail, then the record. Raises InvalidImage, LibraryFull."""
    tenant, thumbnail, size = call.known.tenant, *_thumbnail(image)
    kind = detect_file_type(image.data)
    asset_id = library.new_asset_id()
    fields = {**described, **image.facts}
    metadata = {**described["asset_metadata"], **image.facts.get("asset_metadata", {}), **size._asdict()}
    asset = Asset(
        **{
            **fields,
            "id": asset_id,
            "filename": _filename(described.get("filename") or library.default_name(asset_id), kind),
            "mime_type": kind.mime,
            "file_size": len(image.data),
            "asset_metadata": metadata,
            "updated": int(asset_id[:12], 16),
        }
    )
    original, small = keys.asset_key(tenant, asset_id), keys.thumbnail_key(tenant, asset_id)
    if not (image.copy_of and wiring.objects().copy(image.copy_of, original)):
        wiring.objects().put(original, image.data, kind.mime)
    wiring.objects().put(small, thumbnail, FileType.WEBP.mime)
    tier = TIERS[call.known.tier]
    if not wiring.library().add(tenant, asset, Quota(tier.library_assets, tier.library_bytes)):
        wiring.objects().delete([original, small])
        most = f"{tier.library_assets:,} assets and {tier.library_bytes / 1e9:g} GB"
        raise LibraryFull(
            f"Your library is full: the {call.known.tier} tier keeps {most}. Delete assets that you no longer need."
        )
    return asset


def _thumbnail(image: _Image) -> tuple[bytes, Size]:
    """Return a small WebP of an image, marked as it is, and the image's own size. Raises InvalidImage."""
    decoded = decode(image.data, image.limits)
    size = Size(*decoded.size)
    factor = min(1.0, THUMBNAIL_SIDE / max(size))
    small = scale(decoded, max(1, round(size.width * factor)), max(1, round(size.height * factor)))
    mark = read_mark_or_manifest(image.data)
    return encode(small, FileType.WEBP, THUMBNAIL_QUALITY, mark.to_xmp() if mark else b""), size


def _filename(name: str, kind: AnyFileType) -> str:
    """Return a name that any file system and header takes, with the extension of the file's type."""
    stem = _UNSAFE.sub("_", name).rpartition(".")
    plain = (stem[0] if stem[0] and len(stem[2]) <= 4 else _UNSAFE.sub("_", name)).strip(". ")
    return f"{plain[:MAX_FILENAME] or 'image'}.{kind.extension}"


# -- reading


def list_assets(call: Call) -> Response:
    """GET /api/content-assets: a page of what matches all filters, and how many there are."""
    query = _query(call)
    other = _chosen(call, "asset_type", bodies.ASSET_TYPES) not in (None, "image")  # which is never kept
    wordless = (call.query("search") or "").strip() and not query.words  # no asset has such a word
    assets, total = ([], 0) if other or wordless else wiring.library().find(call.known.tenant, query)
    page = bodies.AssetList(
        assets=[_answer(call, asset) for asset in assets], total=total, limit=query.limit, offset=query.offset
    )
    body = page.model_dump_json()
    if len(body.encode()) > MAX_BODY:
        raise TooLarge("This page has more than 6 MB. Ask for fewer assets with limit.")
    return respond(200, body, NO_STORE)


def _query(call: Call) -> AssetQuery:
    """Return what a list asks for. Raises InvalidRequest."""
    words = words_of(call.query("search"))
    tags = [tag.strip() for tag in (call.query("tags") or "").split(",") if tag.strip()]
    if len(words) > MAX_SEARCH_WORDS or len(tags) > MAX_SEARCH_TAGS:
        raise InvalidRequest(f"Search for at most {MAX_SEARCH_WORDS} words and {MAX_SEARCH_TAGS} tags at a time.")
    return AssetQuery(
        words=words,
        tags=[tag[:60] for tag in tags],
        favorites=_chosen(call, "favorites_only", (*YES, *NO)) in YES,
        source_module=_chosen(call, "source_module", bodies.SOURCE_MODULES),
        first=_moment(call, "date_from", FIRST_ID),
        last=_moment(call, "date_to", LAST_ID),
        sort_by=_chosen(call, "sort_by", tuple(library.SORTS)) or "created_at",
        ascending=_chosen(call, "sort_order", ("asc", "desc")) == "asc",
        limit=math.floor(call.number("limit", PAGE, 1, MAX_PAGE)),
        offset=math.floor(call.number("offset", 0, 0, MAX_OFFSET)),
    )


def _chosen(call: Call, name: str, valid: tuple[str, ...]) -> str | None:
    """Return a query parameter that has one of these values, None where it is missing. Raises UnknownChoice."""
    value = (call.query(name) or "").lower()
    if value and value not in valid:
        raise UnknownChoice.of(name, value, valid)
    return value or None


def _moment(call: Call, name: str, pattern: str) -> str:
    """Return the id at a date, filled up from `pattern`: the first or last possible one. A bare day is a whole one."""
    text = call.query(name)
    if not text:
        return pattern
    try:
        moment = datetime.fromisoformat(text)
        whole_day = len(text) <= len("2026-01-31") and pattern == LAST_ID
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        milliseconds = moment.timestamp() * 1000 + (timedelta(days=1).total_seconds() * 1000 - 1 if whole_day else 0)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{name} must be a date such as {date(2026, 1, 31)} or 2026-01-31T12:00:00Z.") from None
    return id_at(math.floor(milliseconds)) + pattern[12:]


def get_asset(call: Call, asset_id: str) -> Response:
    return respond(200, _answer(call, _find(call, asset_id)), NO_STORE)


def get_statistics(call: Call) -> Response:
    """GET /api/content-assets/statistics: how much the library holds."""
    totals: Totals = wiring.library().totals(call.known.tenant)
    tier = TIERS[call.known.tier]
    answer = bodies.AssetStatistics(
        total=totals.assets,
        by_type={"image": totals.assets} if totals.assets else {},
        by_source=dict(totals.by_source),
        total_cost=totals.cost,
        favorites_count=totals.favorites,
        total_bytes=totals.size,
        max_assets=tier.library_assets,
        max_bytes=tier.library_bytes,
    )
    return respond(200, answer, NO_STORE)


def _answer(call: Call, asset: Asset) -> bodies.LibraryAsset:
    counted = {"updated", "favorite", "downloads", "shares"}
    described = {name: value for name, value in asdict(asset).items() if name not in counted}
    small = keys.thumbnail_key(call.known.tenant, asset.id)
    return bodies.LibraryAsset(
        **described,
        user_id=str(call.claims.get("sub")),
        asset_type="image",
        file_url=_file_url(call, asset),
        thumbnail_url=wiring.objects().link(small, f"{asset.id}-thumbnail.webp"),
        is_favorite=asset.favorite,
        download_count=asset.downloads,
        share_count=asset.shares,
        created_at=iso_time(asset.created / 1000),
        updated_at=iso_time(asset.updated / 1000),
    )


def _file_url(call: Call, asset: Asset) -> str:
    return wiring.objects().link(keys.asset_key(call.known.tenant, asset.id), asset.filename)


def _find(call: Call, asset_id: str) -> Asset:
    found = wiring.library().get(call.known.tenant, asset_id) if _ID.fullmatch(asset_id) else None
    if found is None:
        raise _not_found(asset_id)
    return found


def _not_found(asset_id: str) -> NotFound:
    """Return the same error for an unknown id, a deleted one and another caller's."""
    return NotFound(f"Asset '{asset_id[:80]}' not found.")


# -- changing


def update_asset(call: Call, asset_id: str) -> Response:
    """PUT /api/content-assets/{id}: change title, description and tags, and add to the metadata."""
    body = read_request(bodies.AssetChange, call)
    given = body.model_dump(exclude_none=True)
    added = given.pop("asset_metadata", {})

    def change(asset: Asset) -> Asset | None:
        now = max(asset.updated + 1, int(datetime.now(UTC).timestamp() * 1000))
        metadata = {**asset.asset_metadata, **added}
        if added and len(json.dumps(metadata)) > bodies.MAX_METADATA:
            raise InvalidRequest(f"asset_metadata: at most {bodies.MAX_METADATA:,} characters of JSON.")
        changed = replace(asset, **given, asset_metadata=metadata, updated=now)
        return changed if wiring.library().change(call.known.tenant, asset, changed) else None

    return respond(200, _answer(call, _retry(call, asset_id, change)), NO_STORE)


def toggle_favorite(call: Call, asset_id: str) -> Response:
    """POST /api/content-assets/{id}/favorite: a favorite becomes none, and the other way round."""

    def change(asset: Asset) -> bool | None:
        wanted = not asset.favorite
        return wanted if wiring.library().set_favorite(call.known.tenant, asset, wanted) else None

    favorite = _retry(call, asset_id, change)
    return respond(200, bodies.AssetFavorite(asset_id=asset_id, is_favorite=favorite), NO_STORE)


def track_usage(call: Call, asset_id: str) -> Response:
    """POST /api/content-assets/{id}/usage?action=: count a download, a share or an access."""
    call.needed_query("action")
    action: Any = _chosen(call, "action", bodies.USAGE_ACTIONS) or "access"
    if not _ID.fullmatch(asset_id) or not wiring.library().count_usage(call.known.tenant, asset_id, action):
        raise _not_found(asset_id)
    return respond(200, bodies.AssetUsage(asset_id=asset_id, action=action, tracked=True), NO_STORE)


def delete_asset(call: Call, asset_id: str) -> Response:
    """DELETE /api/content-assets/{id}: its files, then its record."""
    tenant = call.known.tenant

    def delete(asset: Asset) -> bool | None:
        # Files first: after an interruption the record is still there, and the caller can repeat the request.
        wiring.objects().delete([keys.asset_key(tenant, asset.id), keys.thumbnail_key(tenant, asset.id)])
        return wiring.library().remove(tenant, asset) or None

    _retry(call, asset_id, delete)
    return respond(200, bodies.AssetDeleted(asset_id=asset_id, deleted=True), NO_STORE)


def _retry(call: Call, asset_id: str, change: Callable[[Asset], Any]) -> Any:
    """Return what a change of an asset returns; where that is None, the asset changed meanwhile. Raises NotFound."""
    for _ in range(MAX_TRIES):
        done = change(_find(call, asset_id))
        if done is not None:
            return done
    raise TemporarilyUnavailable
