"""The generated tables of the documentation are those of the data."""

from image_studio.providers import SPECS
from local.template import Template
from scripts import doc_tables


def test_the_files_are_up_to_date() -> None:
    """They have every table once, and `python -m scripts.doc_tables` would change nothing."""
    text = "".join(file.read_text() for file in doc_tables.FILES)
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


def test_every_parameter_is_in_a_group() -> None:
    """One that no group names would be missing from the page."""
    table = doc_tables.parameters()
    assert [name for name in Template().document["Parameters"] if f"| `{name}` |" not in table] == []
