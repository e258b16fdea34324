"""Keep in docs/verification.md what a check printed, between its marks."""

from local.template import ROOT

PAGE = ROOT / "docs/verification.md"


def keep(name: str, text: str) -> None:
    """Replace what stands between `<!-- name: begin -->` and `<!-- name: end -->`. Raises ValueError without them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = PAGE.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no place for {name}.")
    PAGE.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")


def console(lines: list[str]) -> str:
    """Lines of a terminal, as Markdown."""
    return "\n".join(["```console", *lines, "```"])
