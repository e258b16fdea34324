"""C2PA Content Credentials: manifests that say what was done to an image, read from any file and signed into ours."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from image_studio.imaging.decode import detect_file_type
from image_studio.imaging.xmp import Mark, read_mark, source_type_of
from image_studio.schemas.limits import SourceType

GENERATOR = "Image Studio"
DETECTED = ""  # the library finds the file type in the content
MAX_MANIFESTS = 1_000_000  # bytes that manifests may add to an image; ours have 13 KB, each ingredient adds its own
MAX_TEXT = 200  # characters of a text that is read from a manifest
MAX_LISTED = 20  # actions or problems that are read from a manifest
_JUMBF = b"jumdc2pa"  # how a store of manifests starts, in every file type (C2PA 2.2, section 11.1)
#: Labels of assertions that may hold a place, a camera or a person: such a manifest is not passed on.
_PERSONAL = ("stds.", "c2pa.metadata", "cawg.")
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    # Nothing in a file may make us fetch anything.
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}


class NotSigned(Exception):
    """The image could not be signed; the message says why."""


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """Who signs: a chain of certificates (PEM, the signer's own first), and their key (PEM), or a function that signs.

    The function takes the bytes to sign, and returns the signature by ES256 as 64 bytes (r and s).
    """

    certificates: str
    key: str | Callable[[bytes], bytes]
    timestamp_url: str = ""  # of a time stamp authority (RFC 3161)


@dataclass(frozen=True, slots=True)
class History:
    """How an image came about: its mark, and the files that it was made from, empty where there are none."""

    mark: Mark
    source: bytes = b""  # the caller's image that was changed
    received: bytes = b""  # the provider's file
    made: bool = True  # False: the source was only cropped, resized or converted


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the active manifest of a file says, and whether its signature holds."""

    valid: bool
    signed_by: str  # the certificate's organization
    common_name: str
    generator: str
    signed_at: str | None  # ISO 8601, by a time stamp authority
    source_type: SourceType | None  # the strongest that the manifest or one of its ingredients states
    actions: tuple[str, ...]
    problems: tuple[str, ...]  # C2PA's codes
    personal: bool  # whether it may hold a place, a camera or a person


def sign(data: bytes, mime: str, history: History, identity: SigningIdentity) -> bytes:
    """Return the file with a signed manifest. Ingredients are left out where they are too large. Raises NotSigned."""
    library = _library()
    try:
        for ingredients in (list(_ingredients(history)), []):
            signed = _sign(data, mime, history, ingredients, identity)
            if len(signed) - len(data) <= MAX_MANIFESTS:
                return signed
    except (library.C2paError, OSError, ValueError) as error:
        raise NotSigned(str(error)[:MAX_TEXT]) from error
    raise NotSigned("the manifest is too large")


def read_manifest(data: bytes) -> Manifest | None:
    """Return what the file's active manifest says, or None where it has none that can be read."""
    if _JUMBF not in data:
        return None
    try:
        with _library().Reader(DETECTED, io.BytesIO(data), context=_context()) as reader:
            state, store = reader.get_validation_state(), json.loads(reader.json())
        return _manifest(state or "", store)
    except Exception:  # noqa: BLE001  a file may hold anything, and a paid image must not be lost for that
        return None


def read_mark_or_manifest(data: bytes) -> Mark | None:
    """Return what a file of any origin says of AI, in XMP or in its manifests; the stronger one where both do."""
    mark, manifest = read_mark(data), read_manifest(data)
    stated = manifest.source_type if manifest else None
    if mark:
        return replace(mark, source_type=mark.source_type.over(stated))
    return Mark(stated) if stated else None


@lru_cache(maxsize=1)
def _library() -> Any:
    # Here, not above: loading its 23 MB takes 75 ms, which only those who sign or meet a manifest need. See `imaging`.
    import c2pa  # noqa: PLC0415

    return c2pa


@lru_cache(maxsize=1)
def _context() -> Any:
    return _library().Context(_library().Settings.from_dict(_SETTINGS))


# -- writing


@dataclass(frozen=True, slots=True)
class _Ingredient:
    """A file that the image was made from, the action that brought it in, and their relation in C2PA's words."""

    data: bytes
    label: str
    relationship: str
    action: str


def _ingredients(history: History) -> Iterator[_Ingredient]:
    """Yield the files whose manifests are kept, or that are named by their hash as they have none."""
    kept = history.source and (_JUMBF not in history.source or _may_be_kept(read_manifest(history.source)))
    if kept:
        yield _Ingredient(history.source, "source", "parentOf", "c2pa.opened")
    if _JUMBF in history.received:
        relationship, action = ("componentOf", "c2pa.placed") if kept else ("parentOf", "c2pa.opened")
        yield _Ingredient(history.received, "generated", relationship, action)


def _may_be_kept(manifest: Manifest | None) -> bool:
    """Whether an upload's manifest may be copied into the result, with all that it says."""
    return manifest is not None and manifest.source_type is not None and not manifest.personal


def _sign(
    data: bytes, mime: str, history: History, ingredients: Sequence[_Ingredient], identity: SigningIdentity
) -> bytes:
    actions: list[dict[str, Any]] = [
        {"action": each.action, "parameters": {"ingredientIds": [each.label]}} for each in ingredients
    ]
    edited = any(each.relationship == "parentOf" for each in ingredients)
    actions.append(_last_action(history, edited=edited))
    manifest = {
        "claim_generator_info": [{"name": GENERATOR}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    out = io.BytesIO()
    with _library().Builder(manifest, _context()) as builder, _signer(identity) as signer:
        for each in ingredients:
            about = {"title": each.label, "label": each.label, "relationship": each.relationship}
            builder.add_ingredient(about, detect_file_type(each.data).mime, io.BytesIO(each.data))
        builder.sign(signer, mime, io.BytesIO(data), out)
    return out.getvalue()


def _last_action(history: History, *, edited: bool) -> dict[str, Any]:
    """Return what was done to the opened image, or that it was created where none was opened."""
    mark = history.mark
    if edited and not history.made:
        return {"action": "c2pa.transcoded"}
    done = "c2pa.enhanced" if mark.source_type is SourceType.ENHANCED else "c2pa.edited"
    agent = {"softwareAgent": {"name": mark.ai_system}} if mark.ai_system else {}
    return {"action": done if edited else "c2pa.created", "digitalSourceType": mark.uri, **agent}


def _signer(identity: SigningIdentity) -> Any:
    library, url = _library(), identity.timestamp_url or None
    if callable(identity.key):
        return library.Signer.from_callback(identity.key, library.C2paSigningAlg.ES256, identity.certificates, url)
    info = library.C2paSignerInfo(b"es256", identity.certificates.encode(), identity.key.encode(), url)
    return library.Signer.from_info(info)


# -- reading


def _manifest(state: str, store: Mapping[str, Any]) -> Manifest:
    manifests = store["manifests"]
    active = manifests[store["active_manifest"]]
    signature = active.get("signature_info") or {}
    generators = active.get("claim_generator_info") or [{"name": active.get("claim_generator", "")}]
    codes = [each["code"] for each in store.get("validation_status") or []]
    everything = [each for manifest in manifests.values() for each in _actions(manifest)]
    labels = [each["label"] for manifest in manifests.values() for each in manifest.get("assertions", [])]
    return Manifest(
        valid=state in ("Valid", "Trusted"),
        signed_by=_text(signature.get("issuer")),
        common_name=_text(signature.get("common_name")),
        generator=_text(generators[0].get("name")),
        signed_at=_text(signature.get("time")) or None,
        source_type=_strongest(each.get("digitalSourceType", "") for each in everything),
        actions=tuple(_text(each["action"]) for each in _actions(active)[:MAX_LISTED]),
        problems=tuple(_text(code) for code in codes[:MAX_LISTED]),
        personal=any(label.startswith(_PERSONAL) for label in labels),
    )


def _actions(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        action
        for assertion in manifest.get("assertions", [])
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]


def _strongest(uris: Iterator[str]) -> SourceType | None:
    found: SourceType | None = None
    for uri in uris:
        source_type = source_type_of(str(uri))
        found = source_type.over(found) if source_type else found
    return found


def _text(value: object) -> str:
    return "".join(letter for letter in str(value or "")[:MAX_TEXT] if letter.isprintable())
