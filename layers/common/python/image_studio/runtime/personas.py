"""The caller's personas: list, show, write, remove. Ids of other callers are unknown ids."""

import re
from typing import Any

from image_studio.errors import InvalidRequest, NotFound
from image_studio.runtime import clients
from image_studio.runtime.answers import Response, respond
from image_studio.runtime.call import Call
from image_studio.runtime.parse import ignored_header, parse_request
from image_studio.runtime.settings import settings
from image_studio.schemas.create import MAX_PERSONAS, PERSONA_ID, Persona
from image_studio.storage.personas import Document, PersonaStore, TooManyPersonas

NO_STORE = {"cache-control": "no-store"}


def personas() -> PersonaStore:
    """The personas of our table."""
    return PersonaStore(clients.dynamodb(), settings().table)


def find_persona(tenant: str, persona_id: str) -> Document:
    """A caller's persona. Raises NotFound."""
    found = personas().get(tenant, persona_id) if _valid(persona_id) else None
    if found is None:
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")
    return found


def list_personas(call: Call) -> Response:
    """GET /personas: all of them, by id."""
    found = [_shown(persona_id, document) for persona_id, document in personas().all(call.known.tenant, MAX_PERSONAS)]
    return respond(200, {"personas": found, "total": len(found)}, NO_STORE)


def get_persona(call: Call, persona_id: str) -> Response:
    """GET /personas/{id}."""
    return respond(200, _shown(persona_id, find_persona(call.known.tenant, persona_id)), NO_STORE)


def put_persona(call: Call, persona_id: str) -> Response:
    """PUT /personas/{id}: 201 where it is new, 200 where it replaces one. Raises InvalidRequest."""
    if not _valid(persona_id):
        raise InvalidRequest(
            "A persona's id has 1 to 64 letters, digits, hyphens or underscores, a letter or digit first."
        )
    persona, ignored = parse_request(Persona, call.text())
    call.headers.update(ignored_header(ignored))
    document = persona.model_dump() | {"name": persona.name or persona_id}
    try:
        new = personas().put(call.known.tenant, persona_id, document, MAX_PERSONAS)
    except TooManyPersonas:
        raise InvalidRequest(f"You have {MAX_PERSONAS} personas, as many as there may be. Delete one first.") from None
    return respond(201 if new else 200, _shown(persona_id, document), NO_STORE)


def delete_persona(call: Call, persona_id: str) -> Response:
    """DELETE /personas/{id}. Raises NotFound."""
    if not _valid(persona_id) or not personas().delete(call.known.tenant, persona_id):
        raise NotFound(f"Persona '{persona_id[:80]}' not found.")
    return respond(200, {"persona_id": persona_id, "deleted": True}, NO_STORE)


def _valid(persona_id: str) -> bool:
    return re.fullmatch(PERSONA_ID, persona_id) is not None


def _shown(persona_id: str, document: Document) -> dict[str, Any]:
    return {"persona_id": persona_id, **document}
