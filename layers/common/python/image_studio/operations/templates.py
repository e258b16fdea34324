"""Find templates: list with filters, search by words, recommend for a use case.

Search and recommend rank in the same way. A template that has more of the query's words comes first. Then a word
counts by its field (a name more than a description) and by how few templates have it. Ties keep the catalog's order.

The responses are dataclasses, so that a cold read doesn't import pydantic.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from operator import mul
from typing import Final, NamedTuple

from image_studio.catalog.load import Catalog, choose, choose_platform, load_catalog
from image_studio.catalog.models import Template

MAX_WORDS: Final = 64  # of a query; the rest is ignored
START: Final = 0.5  # weight of a query's word that only begins a template's word: "insta", "instagram"
START_LETTERS: Final = 3
FIELD_WEIGHTS: Final = {"description": 1, "category": 2, "use_cases": 3, "platform": 4, "name": 4, "id": 4}
STOP_WORDS: Final = frozenset(  # a text, since a list would take a line for each word
    """
    a about an and any are as at be by can create do for from get have help how i in is it its like
    looking make me my need of on or our please show some something that the their them this to up
    us use using want we what which will with you your
    """.split()  # noqa: SIM905
)
SAME_IN_PLURAL: Final = frozenset({"news", "series"})
WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class TemplateList:
    """Templates, in the catalog's order or best first."""

    templates: Sequence[Template]
    total: int


@dataclass(frozen=True)
class FoundTemplates(TemplateList):
    """Templates that have the query's words, best first."""

    query: str


@dataclass(frozen=True)
class RecommendedTemplates(TemplateList):
    """Templates for a use case, best first."""

    use_case: str


def list_templates(platform: str | None = None, category: str | None = None) -> TemplateList:
    """Return the templates that pass both filters; an empty filter passes all. Raises UnknownChoice."""
    catalog = load_catalog()
    found = _on_platform(catalog, platform)
    if category:
        wanted = choose("category", category, {name: name for name in catalog.categories})
        found = [template for template in found if template.category == wanted]
    return TemplateList(found, len(found))


def search_templates(query: str) -> FoundTemplates:
    """Return the templates with all words of the query, else those with any, best first. A blank query finds all."""
    catalog = load_catalog()
    ranked = _rank(catalog, list(catalog.templates.values()), query)
    complete = len(query_words(query))
    found = [template for template, matched in ranked if matched == complete] or [template for template, _ in ranked]
    return FoundTemplates(found, len(found), query)


def recommend_templates(use_case: str, platform: str | None = None) -> RecommendedTemplates:
    """Return the templates that share a word with the use case, best first; a blank one finds all."""
    catalog = load_catalog()
    found = [template for template, _ in _rank(catalog, _on_platform(catalog, platform), use_case)]
    return RecommendedTemplates(found, len(found), use_case)


def stem(word: str) -> str:
    """Remove the ending of an English plural: stories, dishes, posts."""
    if len(word) < 4 or word in SAME_IN_PLURAL or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word.removesuffix("s")


def query_words(query: str) -> tuple[str, ...]:
    """Return the distinct stems of the first MAX_WORDS words, without stop words unless there is nothing else."""
    words = WORD.findall(query.casefold())[:MAX_WORDS]
    distinctive = [word for word in words if word not in STOP_WORDS]
    return tuple(dict.fromkeys(stem(word) for word in distinctive or words))


def _on_platform(catalog: Catalog, platform: str | None) -> list[Template]:
    templates = list(catalog.templates.values())
    if not platform:
        return templates
    wanted = choose_platform(platform, catalog.platforms).id
    return [template for template in templates if template.platform == wanted]


def _rank(catalog: Catalog, templates: Sequence[Template], query: str) -> list[tuple[Template, int]]:
    """Pair each template that matches with how many of the query's words it has, best first."""
    words = query_words(query)
    if not query.strip():
        return [(each, 0) for each in templates]
    entries = _index(catalog)
    rows = [[_strength(word, entries[each.id].weights) for word in words] for each in templates]
    rarity = [log(1 + len(rows) / (1 + sum(map(bool, column)))) for column in zip(*rows, strict=True)]
    scored = [
        (each, sum(map(bool, row)), sum(map(mul, row, rarity))) for each, row in zip(templates, rows, strict=True)
    ]
    scored.sort(key=lambda found: found[1:], reverse=True)
    hits = [(each, matched) for each, matched, _ in scored if matched]
    # Where no word matches, or there is none, the query may still be a piece of a text: "gram".
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
def _index(catalog: Catalog) -> dict[str, _Entry]:
    return {each.id: _entry(each) for each in catalog.templates.values()}


def _entry(template: Template) -> _Entry:
    texts = {field: _text(getattr(template, field)) for field in FIELD_WEIGHTS}
    weights = {stem(word): weight for field, weight in FIELD_WEIGHTS.items() for word in WORD.findall(texts[field])}
    return _Entry("\n".join(texts.values()), weights)


def _text(value: str | tuple[str, ...]) -> str:
    return (value if isinstance(value, str) else "\n".join(value)).casefold()
