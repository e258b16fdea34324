"""Which persona a request speaks for."""

import pytest
from pydantic import ValidationError

from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.context import OperationContext
from image_studio.operations.prompts import persona_of, persona_phrases
from image_studio.schemas.create import CreateRequest, Persona


class Shelf:
    """A library of personas by id."""

    def __init__(self, **documents):
        self.documents = documents

    def persona(self, persona_id):
        """The document of that id."""
        if persona_id not in self.documents:
            raise NotFound(f"Persona '{persona_id}' not found.")
        return self.documents[persona_id]


def found(request, **documents):
    """The voice of the persona that the request uses, or None."""
    studio = OperationContext(configured=frozenset(), library=Shelf(**documents))
    persona = persona_of(CreateRequest(prompt="x", **request), studio)
    return persona and persona.voice


def test_an_id_names_the_persona():
    """With use_persona or without it."""
    for more in ({}, {"use_persona": True}, {"use_persona": None}):
        assert found({"persona_id": "acme", **more}, acme={"voice": "calm"}) == "calm"


def test_use_persona_alone_means_the_default():
    """The persona called default is meant."""
    assert found({"use_persona": True}, default={"voice": "warm"}) == "warm"


def test_without_a_default_the_sentence_says_how_to_make_one():
    """It is the request that is incomplete, not an id that is unknown."""
    with pytest.raises(InvalidRequest, match="PUT /api/image-studio/personas/default"):
        found({"use_persona": True})


def test_an_unknown_id_is_not_found():
    """Also when it is called default."""
    for name in ("nobody", "default"):
        with pytest.raises(NotFound, match=name):
            found({"persona_id": name})


@pytest.mark.parametrize("request_", [{}, {"use_persona": False}, {"use_persona": False, "persona_id": "nobody"}])
def test_no_persona_is_looked_for_unless_asked(request_):
    """As the reference's example has it, and with the switch off whatever id stands beside it."""
    assert found(request_) is None


def test_only_what_a_persona_says_is_spoken():
    """Empty parts add nothing."""
    assert persona_phrases(Persona()) == []
    assert persona_phrases(Persona(palette=["teal"])) == ["colors: teal"]
    assert persona_phrases(Persona(voice="calm", style_words=["airy", "soft"])) == ["airy", "soft", "mood: calm"]


def test_words_are_trimmed_and_kept_once():
    """Blank entries of a form and repetitions are dropped; null means none."""
    persona = Persona(style_words=[" airy ", "", "airy", "soft"], palette=None, voice=None)
    assert (persona.style_words, persona.palette, persona.voice) == (["airy", "soft"], [], "")


@pytest.mark.parametrize(
    "document",
    [
        {"name": "x" * 81},
        {"voice": "x" * 301},
        {"palette": ["x"] * 21},
        {"style_words": ["x" * 61]},
        {"avoid_words": "clutter"},
        {"avoid_words": [1]},
    ],
)
def test_a_persona_is_bounded(document):
    """One beyond each limit is refused."""
    with pytest.raises(ValidationError):
        Persona(**document)


def test_a_persona_at_its_limits_is_taken():
    """The limits themselves are fine."""
    words = [f"{number:>060}" for number in range(20)]
    persona = Persona(name="x" * 80, voice="x" * 300, palette=words, style_words=words, avoid_words=words)
    assert len(persona.avoid_words) == 20
