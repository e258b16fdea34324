"""Personas over the function's own routes: list, show, write, remove, each caller's for itself."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_studio.runtime.account import find_persona, personas
from image_studio.schemas.create import MAX_PERSONAS
from image_studio.storage.keys import tenant_of
from image_studio.storage.personas import TooManyPersonas
from tests.security.inside import Inside
from tests.tables import fake_aws

ACME = {"voice": "calm", "palette": ["teal"], "style_words": ["airy"], "avoid_words": ["clutter"]}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    with fake_aws(monkeypatch):
        yield


def ask(method, path="", body=None):
    answer = Inside().ask(method, f"/personas{path}", body=b"" if body is None else body)
    return answer.status, answer.json, answer.headers


def test_a_persona_is_written_shown_listed_and_removed():
    """Its document comes back as it was written, under its id."""
    document = {"persona_id": "acme", "name": "Acme", **ACME}
    assert ask("PUT", "/acme", {"name": "Acme", **ACME})[:2] == (201, document)
    assert ask("GET", "/acme")[:2] == (200, document)
    assert ask("GET")[:2] == (200, {"personas": [document], "total": 1})
    assert ask("DELETE", "/acme")[:2] == (200, {"persona_id": "acme", "deleted": True})
    assert ask("GET")[:2] == (200, {"personas": [], "total": 0})


def test_a_second_write_replaces_the_first():
    """200 instead of 201, and nothing of the old document stays."""
    ask("PUT", "/acme", ACME)
    status, body, _ = ask("PUT", "/acme", {"voice": "loud"})
    assert (status, body["voice"], body["palette"], body["name"]) == (200, "loud", [], "acme")
    assert ask("GET", "/acme")[1] == body


@pytest.mark.parametrize("name", ["nobody", "a b", "x" * 65, "x" * 100, "-x", "Ü"])
def test_what_is_not_there_is_not_found(name):
    """Whether its name could be one or not; only what can be one is written."""
    for method in ("GET", "DELETE"):
        status, body, _ = ask(method, f"/{name}")
        assert (status, body) == (404, {"detail": f"Persona '{name[:80]}' not found.", "code": "not_found"})
    status, body, _ = ask("PUT", f"/{name}", ACME)
    if name != "nobody":
        assert (status, body["code"]) == (400, "invalid_request")
        assert "1 to 64 letters, digits" in body["detail"]


@pytest.mark.parametrize("name", ["a", "x" * 64, "0", "Acme_EU-2"])
def test_ids_at_their_limits_are_taken(name):
    """One character, 64, and all kinds of them."""
    assert ask("PUT", f"/{name}", ACME)[0] == 201
    assert ask("GET", f"/{name}")[0] == 200


def test_a_document_that_does_not_fit_is_one_sentence():
    """A 400 with a text, whatever is wrong."""
    for body, said in (({"voice": "x" * 301}, "voice"), ({"palette": "teal"}, "palette"), ([], "JSON object")):
        status, answer, _ = ask("PUT", "/acme", body)
        assert (status, said in answer["detail"]) == (400, True)


def test_unknown_fields_are_ignored_and_named():
    """In the header that all requests have; line breaks don't get into it."""
    _, body, headers = ask("PUT", "/acme", {"logo": "x", "a\r\nb": 1})
    assert headers["x-ignored-fields"] == "a??b, logo"
    assert "logo" not in body


def test_as_many_as_there_may_be_and_not_one_more():
    """The last one fits, each as long as it may be, and all are listed; replacing and deleting go on working."""
    words = [f"{number:02}" + "€" * 58 for number in range(20)]
    longest = {"name": "x", "voice": "€" * 300, "palette": words, "style_words": words, "avoid_words": words}
    for number in range(MAX_PERSONAS):
        personas().put(tenant_of("alice"), f"p{number:02}", longest, MAX_PERSONAS)
    status, body, _ = ask("PUT", "/more", ACME)
    assert (status, body["code"]) == (400, "invalid_request")
    assert body["detail"] == f"You have {MAX_PERSONAS} personas, as many as there may be. Delete one first."
    assert ask("PUT", "/p00", {"voice": "new"})[0] == 200
    assert ask("GET")[1]["total"] == MAX_PERSONAS
    assert ask("DELETE", "/p00")[0] == 200
    assert ask("PUT", "/more", ACME)[0] == 201


@pytest.fixture
def hurried():
    """Threads that take turns five hundred times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def test_racing_writers_do_not_exceed_the_bound(hurried):
    """Ten writers for three places: three get one."""

    def write(number):
        try:
            return personas().put("tenant", f"p{number}", ACME, 3)
        except TooManyPersonas:
            return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(write, range(10))) == 3
    assert len(list(personas().all("tenant", 10))) == 3


def test_a_persona_deleted_while_it_is_replaced_is_written_again(monkeypatch):
    """The write that found it tries again when it is gone."""
    store = personas()
    store.put("tenant", "acme", ACME, 3)
    replace = store._db.put_item

    def deleted_first(**request):
        store.delete("tenant", "acme")
        return replace(**request)

    monkeypatch.setattr(store._db, "put_item", deleted_first)
    assert store.put("tenant", "acme", {"voice": "new"}, 3) is True
    assert find_persona("tenant", "acme") == {"voice": "new"}
