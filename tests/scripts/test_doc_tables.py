"""The generated tables of the documentation are those of the data."""

from image_studio.providers import SPECS
from scripts import doc_tables


def test_the_file_is_up_to_date() -> None:
    """It has every table once, and `python -m scripts.doc_tables` would change nothing."""
    text = doc_tables.FILE.read_text()
    assert doc_tables.with_current_tables(text) == text
    assert [text.count(f"<!-- table {name} -->") for name in doc_tables.TABLES] == [1] * len(doc_tables.TABLES)


def test_the_tables_are_complete() -> None:
    """Every operation by every provider in one, every model that does it in the other."""
    rows = [
        f"| `{operation}` | {spec.name} | `{model.name}` |"
        for operation in doc_tables.operations()
        for spec in SPECS
        for model in spec.live_models()
        if model.does(operation)
    ]
    listed = doc_tables.models()
    assert all(row in listed for row in rows)
    assert len(listed.splitlines()) == len(rows) + 2
    assert len(doc_tables.matrix().splitlines()) == len(doc_tables.operations()) + 2
