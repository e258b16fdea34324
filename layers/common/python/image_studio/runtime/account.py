"""What belongs to a caller: the credits of the month, and personas. Ids of other callers are unknown ids."""

import re
import time

from image_studio.errors import InvalidRequest, NotFound
from image_studio.runtime import aws_clients
from image_studio.runtime.api import NO_STORE, Call, Response, iso_time, respond
from image_studio.runtime.rate_limits import balance
from image_studio.runtime.request_parsing import read_request
from image_studio.runtime.settings import TIERS, settings
from image_studio.schemas.create import MAX_PERSONAS, PERSONA_ID, Persona, PersonaDeleted, PersonaList, StoredPersona
from image_studio.schemas.jobs import Usage, UsageLimits
from image_studio.storage.credits import month_end, month_of
from image_studio.storage.personas import Document, PersonaStore, TooManyPersonas


def get_usage(call: Call) -> Response:
    tier, month = call.known.tier, month_of(time.time())
    found, ends = balance(call.known, month), month_end(month)
    limit, rules = settings().monthly_credits[tier], TIERS[tier]
    usage = Usage(
        tier=tier,
        month=month,
        limit=limit,
        used=found.used,
        reserved=found.committed - found.used,
        remaining=max(0, limit - found.committed),
        reset=ends,
        resets_at=iso_time(ends, "seconds"),
        by_studio=dict(found.by_studio),
        by_provider=dict(found.by_provider),
        in_flight=found.in_flight,
        limits=UsageLimits(
            requests_per_minute=rules.per_minute,
            requests_per_day=rules.per_day,
            variations_in_flight=rules.in_flight,
            open_waits=rules.waits,
            max_pixels=rules.max_pixels,
        ),
    )
    return respond(200, usage, NO_STORE)


def personas() -> PersonaStore:
    return PersonaStore(aws_clients.dynamodb(), settings().table)


def find_persona(tenant: str, persona_id: str) -> Document:
    """Return a caller's persona. Raises NotFound."""
    found = personas().get(tenant, persona_id) if re.fullmatch(PERSONA_ID, persona_id) else None
    if found is None:
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")
    return found


def list_personas(call: Call) -> Response:
    found = [
        StoredPersona(persona_id=name, **document) for name, document in personas().all(call.known.tenant, MAX_PERSONAS)
    ]
    return respond(200, PersonaList(personas=found, total=len(found)), NO_STORE)


def get_persona(call: Call, persona_id: str) -> Response:
    return respond(200, StoredPersona(persona_id=persona_id, **find_persona(call.known.tenant, persona_id)), NO_STORE)


def put_persona(call: Call, persona_id: str) -> Response:
    """Answer PUT /personas/{id}: 201 if it is new, 200 if it replaces one. Raises InvalidRequest."""
    if not re.fullmatch(PERSONA_ID, persona_id):
        raise InvalidRequest(
            "A persona's id has 1 to 64 letters, digits, hyphens or underscores, a letter or digit first."
        )
    persona = read_request(Persona, call)
    document = persona.model_dump() | {"name": persona.name or persona_id}
    try:
        new = personas().put(call.known.tenant, persona_id, document, MAX_PERSONAS)
    except TooManyPersonas:
        raise InvalidRequest(f"You have {MAX_PERSONAS} personas, as many as there may be. Delete one first.") from None
    return respond(201 if new else 200, StoredPersona(persona_id=persona_id, **document), NO_STORE)


def delete_persona(call: Call, persona_id: str) -> Response:
    if not re.fullmatch(PERSONA_ID, persona_id) or not personas().delete(call.known.tenant, persona_id):
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")
    return respond(200, PersonaDeleted(persona_id=persona_id, deleted=True), NO_STORE)
