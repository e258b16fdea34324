"""Prompts: the style's words, a text model's, a persona's; decided once."""

import pytest

from image_studio import catalog
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import NullJournal
from image_studio.operations.prompts import enhance, join_phrases, quotes_words, resolve_prompt
from image_studio.schemas.common import MAX_PROMPT
from image_studio.schemas.create import CreateRequest

PROMPT = "Modern minimalist workspace with laptop"
EXAMPLE = "Modern minimalist workspace with laptop, professional photography, high quality"


class Says:
    """A text model that says one thing and counts how often it is asked."""

    def __init__(self, said):
        self.said = said
        self.asked = []

    def rewrite(self, prompt, words):
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


def studio(**parts):
    """A studio without providers."""
    return OperationContext(configured=frozenset(), **parts)


def settle(request, style=None, **parts):
    """The wording of a request, its fields given."""
    return resolve_prompt(CreateRequest(prompt=PROMPT, **request), style, studio(**parts))


def test_the_references_example_comes_out_word_for_word():
    """A photographic prompt gets the two phrases of the reference."""
    assert enhance(PROMPT, "photographic") == EXAMPLE
    wording = settle({}, "photographic")
    assert (wording.prompt, wording.changed) == (EXAMPLE, True)


@pytest.mark.parametrize("style", [style.id for style in catalog.styles()])
def test_every_style_has_words(style):
    """All 17 presets add something, and only once."""
    richer = enhance(PROMPT, style)
    assert richer.startswith(f"{PROMPT}, ")
    assert enhance(richer, style) == richer


def test_without_a_style_the_prompt_stays():
    """There is nothing to add."""
    assert enhance(PROMPT, None) == PROMPT


def test_a_text_models_words_replace_the_styles():
    """It is told the prompt and the style's words, and what it says is sent."""
    rewriter = Says("A workspace, softly lit")
    assert settle({}, "photographic", rewriter=rewriter).prompt == "A workspace, softly lit"
    assert rewriter.asked == [(PROMPT, catalog.style_words("photographic"))]


@pytest.mark.parametrize("said", [None, "", "  \n", "x" * (MAX_PROMPT + 1)])
def test_a_text_model_that_fails_leaves_the_styles_words(said):
    """Nothing, blanks and novels are not used."""
    assert settle({}, "photographic", rewriter=Says(said)).prompt == EXAMPLE


def test_enhancement_can_be_switched_off():
    """Then nobody is asked and the caller's words are sent."""
    rewriter = Says("something else")
    wording = settle({"enhance_prompt": False}, "photographic", rewriter=rewriter)
    assert (wording.prompt, wording.changed, rewriter.asked) == (PROMPT, False, [])


def test_a_second_run_finds_the_decision_of_the_first():
    """The text model is asked once per job, whatever it would say later."""
    journal = Keeps()
    first = settle({"negative_prompt": "blur"}, rewriter=Says("one"), journal=journal)
    rewriter = Says("two")
    assert settle({"negative_prompt": "blur"}, rewriter=rewriter, journal=journal) == first
    assert (first.prompt, first.negative_prompt, rewriter.asked) == ("one", "blur", [])


def test_a_persona_goes_into_prompt_and_negative_prompt():
    """Style words, colors and mood into the one, what is to be avoided into the other."""
    library = Owns(voice="calm", palette=["teal", "sand"], style_words=["airy"], avoid_words=["clutter", "neon"])
    wording = settle({"persona_id": "acme", "negative_prompt": "blur"}, "photographic", library=library)
    assert wording.prompt == f"{EXAMPLE}, airy, colors: teal, sand, mood: calm"
    assert wording.negative_prompt == "blur, clutter, neon"


def test_a_persona_counts_without_enhancement_too():
    """Switching enhancement off is about the text model and the style; the prompt that is sent is still told."""
    wording = settle({"use_persona": True, "enhance_prompt": False}, "photographic", library=Owns(style_words=["airy"]))
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
    assert quotes_words(prompt) is lettering
