"""Keep in a page of docs/ what was printed or computed, between marks; all else in it is written by hand."""

import re
from collections.abc import Callable, Iterable, Sequence

from local.template import ROOT

PAGE = ROOT / "docs/verification.md"
_TABLE = re.compile(r"(<!-- table (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(name: str, text: str) -> None:
    """Replace what stands in docs/verification.md between `<!-- name: begin -->` and `<!-- name: end -->`.

    Raises ValueError without them.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = PAGE.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no place for {name}.")
    PAGE.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")


def console(lines: list[str]) -> str:
    """Lines of a terminal, as Markdown."""
    return "\n".join(["```console", *lines, "```"])


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, as Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def with_tables(text: str, render: Callable[[str], str]) -> str:
    """A page's text with what is rendered for NAME between each `<!-- table NAME -->` and `<!-- end -->`."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{render(found['name'])}\n\n{found[3]}", text)
