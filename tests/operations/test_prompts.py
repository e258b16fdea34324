"""Prompts: the style's words, a text model's, a persona's; resolved once per job."""

import pytest
from pydantic import ValidationError

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import NullJournal
from image_studio.operations.prompts import (
    append_style,
    find_persona,
    has_quoted_text,
    join_phrases,
    persona_phrases,
    resolve_prompt,
)
from image_studio.schemas.common import MAX_PROMPT
from image_studio.schemas.create import CreateRequest, Persona

PROMPT = "Modern minimalist workspace with laptop"
EXAMPLE = "Modern minimalist workspace with laptop, professional photography, high quality"


class Says:
    """A text model that says one thing and counts how often it is asked."""

    def __init__(self, said):
        self.said = said
        self.asked = []

    def __call__(self, prompt, words):
        """Say it."""
        self.asked.append((prompt, words))
        return self.said


class Keeps(NullJournal):
    """A journal whose notes outlive a run."""

    def __init__(self):
        super().__init__()
        self.notes = {}

    def recall(self, name):
        """What was noted."""
        return self.notes.get(name)

    def remember(self, name, value):
        """Note it."""
        self.notes[name] = value


class Owns:
    """A library with one persona."""

    def __init__(self, **document):
        self.document = document

    def persona(self, persona_id):
        """The one."""
        return self.document


def make_context(**parts):
    """A studio without providers."""
    return OperationContext(configured=frozenset(), **parts)


def settle(request, style=None, **parts):
    """The wording of a request, its fields given."""
    return resolve_prompt(CreateRequest(prompt=PROMPT, **request), style, make_context(**parts))


def test_the_references_example_comes_out_word_for_word():
    """A photographic prompt gets the two phrases of the reference."""
    assert append_style(PROMPT, "photographic") == EXAMPLE
    wording = settle({}, "photographic")
    assert (wording.prompt, wording.changed) == (EXAMPLE, True)


@pytest.mark.parametrize("style", load_catalog().styles)
def test_every_style_has_words(style):
    """All 17 presets add something, and only once."""
    richer = append_style(PROMPT, style)
    assert richer.startswith(f"{PROMPT}, ")
    assert append_style(richer, style) == richer


def test_without_a_style_the_prompt_stays():
    """There is nothing to add."""
    assert append_style(PROMPT, None) == PROMPT


def test_a_text_models_words_replace_the_styles():
    """It is told the prompt and the style's words, and what it says is sent."""
    rewriter = Says("A workspace, softly lit")
    assert settle({}, "photographic", enrich_prompt=rewriter).prompt == "A workspace, softly lit"
    assert rewriter.asked == [(PROMPT, load_catalog().style_words("photographic"))]


@pytest.mark.parametrize("said", [None, "", "  \n", "x" * (MAX_PROMPT + 1)])
def test_a_text_model_that_fails_leaves_the_styles_words(said):
    """Nothing, blanks and novels are not used."""
    assert settle({}, "photographic", enrich_prompt=Says(said)).prompt == EXAMPLE


def test_enhancement_can_be_switched_off():
    """Then nobody is asked and the caller's words are sent."""
    rewriter = Says("something else")
    wording = settle({"enhance_prompt": False}, "photographic", enrich_prompt=rewriter)
    assert (wording.prompt, wording.changed, rewriter.asked) == (PROMPT, False, [])


def test_a_second_run_finds_the_decision_of_the_first():
    """The text model is asked once per job, whatever it would say later."""
    journal = Keeps()
    first = settle({"negative_prompt": "blur"}, enrich_prompt=Says("one"), journal=journal)
    rewriter = Says("two")
    assert settle({"negative_prompt": "blur"}, enrich_prompt=rewriter, journal=journal) == first
    assert (first.prompt, first.negative_prompt, rewriter.asked) == ("one", "blur", [])


def test_a_persona_goes_into_prompt_and_negative_prompt():
    """Style words, colors and mood into the one, what is to be avoided into the other."""
    library = Owns(voice="calm", palette=["teal", "sand"], style_words=["airy"], avoid_words=["clutter", "neon"])
    wording = settle({"persona_id": "acme", "negative_prompt": "blur"}, "photographic", references=library)
    assert wording.prompt == f"{EXAMPLE}, airy, colors: teal, sand, mood: calm"
    assert wording.negative_prompt == "blur, clutter, neon"


def test_a_persona_counts_without_enhancement_too():
    """Switching enhancement off is about the text model and the style; the prompt that is sent is still told."""
    wording = settle(
        {"use_persona": True, "enhance_prompt": False}, "photographic", references=Owns(style_words=["airy"])
    )
    assert (wording.prompt, wording.negative_prompt, wording.changed) == (f"{PROMPT}, airy", None, True)


def test_words_that_are_there_already_are_not_repeated():
    """In any case of letters."""
    assert join_phrases("A Teal wall", ["teal", "sand", "", "SAND"]) == "A Teal wall, sand"


def test_a_prompt_never_grows_beyond_its_limit():
    """At the limit the last phrase goes in, one character more and it stays out."""
    assert len(join_phrases("x" * (MAX_PROMPT - 3), ["y"])) == MAX_PROMPT
    assert join_phrases("x" * (MAX_PROMPT - 2), ["y"]) == "x" * (MAX_PROMPT - 2)


@pytest.mark.parametrize(
    ("prompt", "lettering"),
    [
        ('A poster that says "SALE"', True),
        ("A poster that says “Summer sale”", True),
        ('A shop sign: "Öffnen".', True),
        ("A poster", False),
        ('A 12" pizza on a 14" plate', False),
        ('An empty quote "" or " "', False),
        ('A quote that never ends "like this', False),
        (f'A novel: "{"word " * 40}"', False),
    ],
)
def test_quoted_words_ask_for_lettering(prompt, lettering):
    """A short phrase in double quotes stands in the image; inches and stray marks don't."""
    assert has_quoted_text(prompt) is lettering


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
    studio = OperationContext(configured=frozenset(), references=Shelf(**documents))
    persona = find_persona(CreateRequest(prompt="x", **request), studio)
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
