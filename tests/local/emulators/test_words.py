"""The text models' style rule."""

import json

import pytest

from local.emulators.words import as_json, enhanced


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Prompt: a cat\nStyle words: moody, film", "a cat, moody, film"),
        ("Improve this.\n  Prompt: a cat\non a sofa\nStyle words: moody", "a cat\non a sofa, moody"),
        ("Style words: moody\nPrompt: a cat", "a cat, moody"),
        ("Prompt: a cat", "a cat"),
        ("a cat", "a cat"),
        ("Prompt: a cat [[delay=2]]\nStyle words:", "a cat [[delay=2]]"),
    ],
)
def test_a_prompt_gains_its_style_words(text: str, said: str) -> None:
    """`<prompt>, <style words>`, whichever line comes first."""
    assert enhanced(text) == said


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (None, "prompt"),
        ({"properties": {"prompt": {"type": "STRING"}, "other": {"type": "STRING"}}}, "prompt"),
        ({"properties": {"number": {"type": "INTEGER"}, "text": {"type": "string"}}}, "text"),
    ],
)
def test_json_uses_the_schemas_name(schema: object, name: str) -> None:
    """The first text property, `prompt` if it is there or nothing is said."""
    assert json.loads(as_json("a cat", schema)) == {name: "a cat"}
