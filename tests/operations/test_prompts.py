"""Prompts: the style's words, a text model's, a persona's; resolved once per job."""

import pytest
from pydantic import ValidationError

from image_studio.catalog.load import load_catalog
from image_studio.errors import InvalidRequest, NotFound
from image_studio.operations.context import References
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
from tests.operations.fakes import RecordingJournal, make_context

PROMPT = "Modern minimalist workspace with laptop"
EXAMPLE = "Modern minimalist workspace with laptop, professional photography, high quality"


class TextModel:
    """A text model that returns one text and records how it was called."""

    def __init__(self, text):
        self.text = text
        self.calls = []

    def __call__(self, prompt, words):
        self.calls.append((prompt, words))
        return self.text


class Personas(References):
    def __init__(self, **documents):
        self.documents = documents

    def persona(self, persona_id):
        return self.documents.get(persona_id) or super().persona(persona_id)


def resolve(request, style=None, **parts):
    return resolve_prompt(CreateRequest(prompt=PROMPT, **request), style, make_context(**parts))


@pytest.mark.parametrize("style", load_catalog().styles)
def test_every_style_has_words(style):
    """All 17 presets add something, and only once; without a style the prompt stays."""
    longer = append_style(PROMPT, style)
    assert longer.startswith(f"{PROMPT}, ")
    assert append_style(longer, style) == longer
    assert append_style(PROMPT, None) == PROMPT


def test_a_text_models_words_replace_the_styles():
    """It gets the prompt and the style's words."""
    model = TextModel(" A workspace, softly lit")
    wording = resolve({}, "photographic", enrich_prompt=model)
    assert (wording.prompt, wording.changed) == ("A workspace, softly lit", True)
    assert model.calls == [(PROMPT, load_catalog().style_words("photographic"))]
    assert resolve({}, enrich_prompt=TextModel("x" * MAX_PROMPT)).prompt == "x" * MAX_PROMPT


@pytest.mark.parametrize("text", [None, "  \n", "x" * (MAX_PROMPT + 1)])
def test_a_text_model_that_fails_leaves_the_styles_words(text):
    """The two phrases of the API reference's example."""
    assert resolve({}, "photographic", enrich_prompt=TextModel(text)).prompt == EXAMPLE


def test_enhancement_can_be_switched_off():
    """Then no model is called and the caller's words are sent."""
    model = TextModel("something else")
    wording = resolve({"enhance_prompt": False}, "photographic", enrich_prompt=model)
    assert (wording.prompt, wording.changed, model.calls) == (PROMPT, False, [])


def test_a_second_run_finds_the_decision_of_the_first():
    """The text model is called once per job, whatever it would return later."""
    journal = RecordingJournal()
    first = resolve({"negative_prompt": "blur"}, enrich_prompt=TextModel("one"), journal=journal)
    model = TextModel("two")
    assert resolve({"negative_prompt": "blur"}, enrich_prompt=model, journal=journal) == first
    assert (first.prompt, first.negative_prompt, model.calls) == ("one", "blur", [])


def test_a_persona_goes_into_prompt_and_negative_prompt():
    """Style words, colors and mood into the one, what is to be avoided into the other; without enhancement, too."""
    document = {"voice": "calm", "palette": ["teal", "sand"], "style_words": ["airy"], "avoid_words": ["clutter"]}
    personas = Personas(acme=document, default={"style_words": ["airy"]})
    wording = resolve(
        {"use_persona": True, "persona_id": "acme", "negative_prompt": "blur"}, "photographic", references=personas
    )
    assert wording.prompt == f"{EXAMPLE}, airy, colors: teal, sand, mood: calm"
    assert wording.negative_prompt == "blur, clutter"
    wording = resolve({"use_persona": True, "enhance_prompt": False}, "photographic", references=personas)
    assert (wording.prompt, wording.negative_prompt, wording.changed) == (f"{PROMPT}, airy", None, True)


def test_phrases_are_added_once_within_the_limit():
    """In any case of letters. At the limit the last phrase goes in, one character more and it stays out."""
    assert join_phrases("A Teal wall", ["teal", "sand", "", "SAND"]) == "A Teal wall, sand"
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


def found(request, **documents):
    context = make_context(references=Personas(**documents))
    persona = find_persona(CreateRequest(prompt="x", **request), context)
    return persona and persona.voice


def test_the_persona_is_the_named_one_or_the_default():
    """Only with the switch on: without it none is looked for, whatever id stands beside it."""
    assert found({"persona_id": "acme", "use_persona": True}, acme={"voice": "calm"}) == "calm"
    assert found({"use_persona": True}, default={"voice": "warm"}) == "warm"
    for request in ({}, {"use_persona": False}, {"use_persona": None}):
        assert found({"persona_id": "nobody", **request}) is found(request) is None


def test_an_unknown_persona_is_not_found():
    """Without an id the request is incomplete, and the sentence says how to make a default persona."""
    for name in ("nobody", "default"):
        with pytest.raises(NotFound, match=name):
            found({"use_persona": True, "persona_id": name})
    with pytest.raises(InvalidRequest, match="PUT /api/image-studio/personas/default"):
        found({"use_persona": True})


def test_empty_parts_of_a_persona_add_nothing():
    assert persona_phrases(Persona()) == []
    assert persona_phrases(Persona(palette=["teal"])) == ["colors: teal"]
    assert persona_phrases(Persona(voice="calm", style_words=["airy", "soft"])) == ["airy", "soft", "mood: calm"]


def test_words_are_trimmed_and_kept_once():
    """Blank entries of a form and repetitions are dropped; null means none."""
    persona = Persona(style_words=[" airy ", "", "airy", "soft"], palette=None, voice=None)
    assert (persona.style_words, persona.palette, persona.voice) == (["airy", "soft"], [], "")


def test_a_persona_is_limited():
    """The limits themselves are fine, one beyond each is refused."""
    words = [f"{number:>060}" for number in range(20)]
    limits = {"name": "x" * 80, "voice": "x" * 300, "palette": words, "style_words": words, "avoid_words": words}
    persona = Persona(**limits)
    assert len(persona.avoid_words) == 20
    beyond = [("name", "x" * 81), ("voice", "x" * 301), ("palette", [*words, "x"]), ("style_words", ["x" * 61])]
    for field, value in [*beyond, ("avoid_words", "clutter"), ("avoid_words", [1])]:
        with pytest.raises(ValidationError):
            Persona(**{field: value})
