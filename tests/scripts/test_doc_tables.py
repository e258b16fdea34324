"""The generated tables of the documentation are those of the data."""

from pathlib import Path

import pytest

from image_studio.operations import model_selection
from image_studio.providers import SPECS
from scripts import doc_tables


def test_the_file_is_what_the_data_say() -> None:
    """`python -m scripts.doc_tables` would change nothing."""
    text = doc_tables.FILE.read_text()
    assert doc_tables.written(text) == text


def test_every_table_is_in_the_file() -> None:
    """Each one once."""
    text = doc_tables.FILE.read_text()
    assert [text.count(f"<!-- table {name} -->") for name in doc_tables.TABLES] == [1] * len(doc_tables.TABLES)


def test_what_lies_between_the_marks_is_replaced() -> None:
    """And nothing else."""
    before = "# A\n<!-- table matrix -->\nold\n<!-- end -->\nB\n"
    after = doc_tables.written(before)
    assert after.startswith("# A\n<!-- table matrix -->\n\n| operation | Stability AI |")
    assert after.endswith("\n\n<!-- end -->\nB\n")
    assert "old" not in after


def test_a_table_that_nobody_renders() -> None:
    """A typing mistake in a mark doesn't pass unseen."""
    with pytest.raises(KeyError):
        doc_tables.written("<!-- table matrx -->\n<!-- end -->")


def test_the_tables_are_complete() -> None:
    """Every operation by every provider in one, every model that does it in the other."""
    cells = [
        (operation, spec.name, model.name)
        for operation in doc_tables.operations()
        for spec in SPECS
        for model in spec.live_models()
        if model.does(operation)
    ]
    listed = doc_tables.models()
    assert all(f"| `{operation}` | {provider} | `{model}` |" in listed for operation, provider, model in cells)
    assert len(listed.splitlines()) == len(cells) + 2
    assert len(doc_tables.matrix().splitlines()) == len(doc_tables.operations()) + 2


def test_it_changes_with_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider less is a column less."""
    monkeypatch.setattr(doc_tables, "SPECS", SPECS[:1])
    monkeypatch.setattr(model_selection, "SPECS", SPECS[:1])
    assert doc_tables.matrix().splitlines()[0] == "| operation | Stability AI |"
    assert Path(doc_tables.FILE).name == "operations.md"
