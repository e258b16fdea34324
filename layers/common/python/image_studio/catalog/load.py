"""The catalog of one data folder: each part is read once, when it is first asked for."""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from image_studio.catalog.entries import (
    Limits,
    Platform,
    PlatformFormat,
    SafeZone,
    Style,
    Template,
    UpscalePreset,
)
from image_studio.errors import NotFound, UnknownChoice

Named = TypeVar("Named")


class Catalog:
    """Templates, platforms, styles and upscale presets; ValueError names the file that is wrong.

    Loading checks what it can for free (fields, references, unique ids); `check.py` checks everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def platform_names(self) -> tuple[str, ...]:
        """Ids of all platforms, in their published order."""
        return tuple(self._index["platforms"])

    @cached_property
    def social_platform_names(self) -> tuple[str, ...]:
        """Ids of the platforms that have formats."""
        return tuple(each.id for each in self.platforms if each.formats)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """All template categories; some may have no template."""
        return tuple(self._index["categories"])

    @cached_property
    def platforms(self) -> tuple[Platform, ...]:
        """All platforms, in their published order."""
        return tuple(self._load_platform(name) for name in self.platform_names)

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """All templates, in the order of their platforms."""
        return tuple(each for platform in self.platforms for each in self._load_templates(platform))

    @cached_property
    def styles(self) -> tuple[Style, ...]:
        """All style presets."""
        return tuple(Style(id=preset, words=words) for preset, words in self._read("styles.json").items())

    @cached_property
    def upscale_presets(self) -> tuple[UpscalePreset, ...]:
        """All upscale presets."""
        return tuple(UpscalePreset(name, side) for name, side in self._read("upscale.json").items())

    def template(self, template_id: str) -> Template:
        """Find a template; NotFound says where the list is."""
        found = self._templates_by_id.get(template_id)
        if found is None:
            listed = "GET /api/image-studio/templates lists them."
            raise NotFound(f"Template not found: {template_id[:80]}. {listed}")
        return found

    def platform(self, name: str) -> Platform:
        """Find a platform that a path names, in any case; NotFound lists them."""
        try:
            return self.choose_platform(name)
        except UnknownChoice as error:
            raise NotFound(error.detail) from None

    def choose_platform(self, name: str) -> Platform:
        """Find a platform that a body or a query names, in any case; UnknownChoice lists them."""
        return _choose("platform", name, {each.id: each for each in self.platforms})

    def choose_social_platform(self, name: str) -> Platform:
        """Find a platform with formats, in any case; UnknownChoice lists those."""
        return _choose("platform", name, {each.id: each for each in self.platforms if each.formats})

    def choose_category(self, name: str) -> str:
        """Find a template category, in any case; UnknownChoice lists them."""
        return _choose("category", name, {each: each for each in self.categories})

    def style_words(self, preset: str) -> str:
        """The words that a style preset adds to a prompt, after a comma; UnknownChoice lists the presets."""
        return _choose("style_preset", preset, {each.id: each.words for each in self.styles})

    def upscale_preset(self, name: str) -> UpscalePreset:
        """Find an upscale preset; UnknownChoice lists them."""
        return _choose("preset", name, {each.name: each for each in self.upscale_presets})

    @cached_property
    def _index(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = self._read("index.json")
        return index

    @cached_property
    def _safe_zones(self) -> dict[str, SafeZone]:
        return {name: SafeZone(**row) for name, row in self._read("safe_zones.json").items()}

    @cached_property
    def _templates_by_id(self) -> dict[str, Template]:
        found = {each.id: each for each in self.templates}
        if len(found) != len(self.templates):
            raise ValueError(f"{self.folder}: a template id occurs twice")
        return found

    def _read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())

    def _load_platform(self, name: str) -> Platform:
        file = f"platforms/{name}.json"
        row = self._read(file)
        try:
            return Platform(
                id=name,
                name=row["name"],
                formats=tuple(self._format(each, row["limits"]) for each in row["formats"]),
                limits=_limits(row["limits"]) if "limits" in row else None,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file}: {error}") from error

    def _format(self, row: dict[str, Any], platform_limits: dict[str, Any]) -> PlatformFormat:
        """A format's limits are the platform's but for those that it states; its notes are its own."""
        return PlatformFormat(
            **row
            | {
                "aliases": tuple(row.get("aliases", ())),
                "safe_zone": self._safe_zones[row["safe_zone"]],
                "limits": _limits(platform_limits | {"notes": ()} | row.get("limits", {})),
            }
        )

    def _load_templates(self, platform: Platform) -> Iterable[Template]:
        file = f"templates/{platform.id}.json"
        if not (self.folder / file).exists():
            return
        for row in self._read(file):
            try:
                size = _size_of(platform.format(row.pop("format"))) if "format" in row else {}
                row |= {"platform": platform.id, "use_cases": tuple(row["use_cases"])}
                yield Template(**row | size)
            except (KeyError, TypeError, UnknownChoice) as error:
                raise ValueError(f"{file}: {row.get('id')}: {error}") from error


def _limits(row: dict[str, Any]) -> Limits:
    return Limits(**row | {name: tuple(row.get(name, ())) for name in ("file_types", "notes")})


def _size_of(shape: PlatformFormat) -> dict[str, Any]:
    return {"width": shape.width, "height": shape.height, "label": shape.label}


def _choose(what: str, value: str, choices: dict[str, Named]) -> Named:
    try:
        return choices[value.strip().lower()]
    except KeyError:
        raise UnknownChoice.of(what, value, list(choices)) from None
