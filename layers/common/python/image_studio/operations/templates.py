"""Find templates: list with filters, search by words, recommend for a use case.

Search and recommend rank alike: a template that has more of the query's words comes first; then a word counts
by where it stands (a name more than a description) and by how few templates have it; ties keep the catalog's
order.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import log
from operator import mul
from typing import Any, Final, NamedTuple

from image_studio.catalog import Catalog, Template, default

MAX_WORDS: Final = 64  # of a query; the rest is not read
START: Final = 0.5  # worth of a query's word that only begins a template's word: "insta", "instagram"
START_LETTERS: Final = 3
FIELD_WEIGHTS: Final = {"description": 1, "category": 2, "use_cases": 3, "platform": 4, "name": 4, "id": 4}
STOP_WORDS: Final = frozenset(
    [
        "a",
        "about",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "create",
        "do",
        "for",
        "from",
        "get",
        "have",
        "help",
        "how",
        "i",
        "in",
        "is",
        "it",
        "its",
        "like",
        "looking",
        "make",
        "me",
        "my",
        "need",
        "of",
        "on",
        "or",
        "our",
        "please",
        "show",
        "some",
        "something",
        "that",
        "the",
        "their",
        "them",
        "this",
        "to",
        "up",
        "us",
        "use",
        "using",
        "want",
        "we",
        "what",
        "which",
        "will",
        "with",
        "you",
        "your",
    ]
)
SAME_IN_PLURAL: Final = frozenset({"news", "series"})
WORD: Final = re.compile(r"[^\W_]+")


def list_templates(
    platform: str | None = None, category: str | None = None, catalog: Catalog | None = None
) -> dict[str, Any]:
    """Answer the templates that pass both filters; an empty one filters nothing.

    Raises UnknownChoice for a platform or a category that doesn't exist.
    """
    shelf = catalog or default()
    found = _on_platform(shelf, platform)
    if category:
        wanted = shelf.choose_category(category)
        found = [each for each in found if each.category == wanted]
    return _answer(found)


def search_templates(query: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer the templates with all words of the query, else those with any, best first.

    An empty query finds all.
    """
    shelf = catalog or default()
    ranked = _rank(shelf, shelf.templates, query)
    complete = len(query_words(query))
    best = [each for each, matched in ranked if matched == complete]
    return _answer(best or [each for each, _ in ranked]) | {"query": query}


def recommend_templates(use_case: str, platform: str | None = None, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer the templates that share a word with the use case, be it a whole sentence, best first.

    An empty use case finds all. Raises UnknownChoice for a platform that doesn't exist.
    """
    shelf = catalog or default()
    ranked = _rank(shelf, _on_platform(shelf, platform), use_case)
    return _answer([each for each, _ in ranked]) | {"use_case": use_case}


def stem(word: str) -> str:
    """Take the ending of an English plural off: stories, dishes, posts."""
    if len(word) < 4 or word in SAME_IN_PLURAL or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word.removesuffix("s")


def query_words(query: str) -> tuple[str, ...]:
    """Distinct stems of the first MAX_WORDS words, without stop words unless there is nothing else."""
    said = WORD.findall(query.casefold())[:MAX_WORDS]
    telling = [each for each in said if each not in STOP_WORDS]
    return tuple(dict.fromkeys(stem(each) for each in telling or said))


def _on_platform(shelf: Catalog, platform: str | None) -> Sequence[Template]:
    if not platform:
        return shelf.templates
    wanted = shelf.choose_platform(platform).id
    return [each for each in shelf.templates if each.platform == wanted]


def _answer(found: Sequence[Template]) -> dict[str, Any]:
    return {"templates": [each.as_dict() for each in found], "total": len(found)}


def _rank(shelf: Catalog, templates: Sequence[Template], query: str) -> list[tuple[Template, int]]:
    """Pair each template that matches with how many of the query's words it has, best first.

    Where no word matches, the query may still be a piece of a text: "gram".
    """
    words = query_words(query)
    if not words:
        return [(each, 0) for each in templates]
    entries = _index(shelf)
    rows = [[_strength(word, entries[each.id].weights) for word in words] for each in templates]
    rarity = [log(1 + len(rows) / (1 + sum(map(bool, column)))) for column in zip(*rows, strict=True)]
    scored = [
        (each, sum(map(bool, row)), sum(map(mul, row, rarity))) for each, row in zip(templates, rows, strict=True)
    ]
    scored.sort(key=lambda found: found[1:], reverse=True)
    hits = [(each, matched) for each, matched, _ in scored if matched]
    piece = query.strip().casefold()
    return hits or [(each, len(words)) for each in templates if piece in entries[each.id].text]


def _strength(word: str, weights: dict[str, int]) -> float:
    whole = float(weights.get(word, 0))
    if whole or len(word) < START_LETTERS:
        return whole
    return START * max((weight for known, weight in weights.items() if known.startswith(word)), default=0)


class _Entry(NamedTuple):
    text: str
    weights: dict[str, int]  # of each stem, in the best field that has it


@lru_cache(maxsize=2)
def _index(shelf: Catalog) -> dict[str, _Entry]:
    return {each.id: _entry(each) for each in shelf.templates}


def _entry(template: Template) -> _Entry:
    texts = {field: _text(getattr(template, field)) for field in FIELD_WEIGHTS}
    weights = {stem(word): weight for field, weight in FIELD_WEIGHTS.items() for word in WORD.findall(texts[field])}
    return _Entry("\n".join(texts.values()), weights)


def _text(value: str | tuple[str, ...]) -> str:
    return (value if isinstance(value, str) else "\n".join(value)).casefold()
