"""Load the catalog from its data folder. Each part is read on first use, then kept."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from image_studio.catalog import models
from image_studio.errors import NotFound, UnknownChoice
from image_studio.schemas.limits import Quality, SourceType

DATA: Final = Path(__file__).parent / "data"
OPERATION_GROUPS: Final = ("edit", "upscale", "control")
T = TypeVar("T")


@lru_cache(maxsize=1)
def load_catalog() -> "Catalog":
    return Catalog(DATA)


def choose(what: str, name: str, choices: Mapping[str, T]) -> T:
    """Return the choice with that name, in any case. Raises UnknownChoice with the names."""
    try:
        return choices[name.strip().lower()]
    except KeyError:
        raise UnknownChoice.of(what, name, tuple(choices)) from None


def choose_platform(name: str, choices: Mapping[str, models.Platform]) -> models.Platform:
    """Return the platform with that id, name or alias, in any case. Raises UnknownChoice with the ids."""
    for platform in choices.values():
        if models.is_called(name, platform.id, platform.name, *platform.aliases):
            return platform
    raise UnknownChoice.of("platform", name, tuple(choices))


class Catalog:
    """The catalog of one folder, each part by name in its published order. Raises ValueError for a faulty file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def platforms(self) -> Mapping[str, models.Platform]:
        return {name: self._platform(name) for name in self._index["platforms"]}

    @cached_property
    def social_platforms(self) -> Mapping[str, models.Platform]:
        """The platforms that have formats, by id."""
        return {name: platform for name, platform in self.platforms.items() if platform.formats}

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """All template categories. Some may have no template."""
        return tuple(self._index["categories"])

    @cached_property
    def templates(self) -> Mapping[str, models.Template]:
        """All templates by id, in the order of their platforms."""
        found = [template for platform in self.platforms.values() for template in self._templates(platform)]
        by_id = {template.id: template for template in found}
        if len(by_id) != len(found):
            raise ValueError(f"{self.folder}: a template id occurs twice")
        return by_id

    @cached_property
    def styles(self) -> Mapping[str, str]:
        """The words that each style preset adds to a prompt, after a comma."""
        return self._read("styles.json")

    @cached_property
    def files(self) -> Mapping[str, Any]:
        """What compress and convert-format list."""
        return self._read("files.json")

    @cached_property
    def upscale_presets(self) -> Mapping[str, int]:
        """The long side of each upscale preset, pixels."""
        return self._read("upscale.json")

    @cached_property
    def operations(self) -> Mapping[str, models.OperationTable]:
        return {group: self._operation_table(group) for group in OPERATION_GROUPS}

    def template(self, template_id: str) -> models.Template:
        """Return the template. Raises NotFound, which says where the list is."""
        found = self.templates.get(template_id)
        if found is None:
            listed = "GET /api/image-studio/templates lists them."
            raise NotFound(f"Template not found: {template_id[:80]}. {listed}")
        return found

    def platform(self, name: str) -> models.Platform:
        """Return the platform that a path names. Raises NotFound with the names."""
        try:
            return choose_platform(name, self.platforms)
        except UnknownChoice as error:
            raise NotFound(error.detail) from None

    def style_words(self, preset: str) -> str:
        """Return the words that a style preset adds to a prompt. Raises UnknownChoice with the presets."""
        return choose("style_preset", preset, self.styles)

    @cached_property
    def _index(self) -> dict[str, Any]:
        return self._read("index.json")

    @cached_property
    def _safe_zones(self) -> dict[str, models.SafeZone]:
        return {name: models.SafeZone(**row) for name, row in self._read("safe_zones.json").items()}

    def _read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = _frozen(json.loads((self.folder / name).read_bytes()))
        return content

    def _platform(self, name: str) -> models.Platform:
        file = f"platforms/{name}.json"
        row = self._read(file)
        try:
            limits = row.pop("limits", None)
            formats = tuple(self._format(each, limits) for each in row.pop("formats"))
            return models.Platform(
                id=name, formats=formats, limits=models.PlatformLimits(**limits) if limits else None, **row
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file}: {error}") from error

    def _format(self, row: dict[str, Any], platform_limits: dict[str, Any]) -> models.PlatformFormat:
        """A format has its platform's limits except for those that it states. Its notes are its own."""
        limits = platform_limits | {"notes": ()} | row.pop("limits", {})
        zone = self._safe_zones[row.pop("safe_zone")]
        return models.PlatformFormat(safe_zone=zone, limits=models.PlatformLimits(**limits), **row)

    def _templates(self, platform: models.Platform) -> Iterator[models.Template]:
        file = f"templates/{platform.id}.json"
        if not (self.folder / file).exists():
            return
        rows: Any = self._read(file)  # a list
        for row in rows:
            try:
                yield _template(row, platform)
            except (KeyError, TypeError, ValueError, UnknownChoice) as error:
                raise ValueError(f"{file}: {row.get('id')}: {error}") from error

    def _operation_table(self, group: str) -> models.OperationTable:
        file = f"operations/{group}.json"
        row = self._read(file)
        try:
            operations = {name: _operation(name, each) for name, each in row.pop("operations").items()}
            return models.OperationTable(group=group, operations=operations, **row)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file}: {error}") from error


def _frozen(value: Any) -> Any:
    """Return JSON with tuples in place of lists."""
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _template(row: dict[str, Any], platform: models.Platform) -> models.Template:
    """A template has the size and label of its platform's format, or a width, height and label of its own."""
    if "format" in row:
        shape = platform.format(row.pop("format"))
        width, height, label = shape.width, shape.height, shape.label
    else:
        width, height, label = row.pop("width"), row.pop("height"), row.pop("label")
    size = models.AspectRatio(models.ratio_of(width, height), width, height, label)
    quality = Quality(row.pop("quality"))
    return models.Template(platform=platform.id, aspect_ratio=size, quality=quality, **row)


def _operation(name: str, row: dict[str, Any]) -> models.OperationInfo:
    options = {option: models.Option(**each) for option, each in row.pop("options", {}).items()}
    requires_any = row.pop("requires_any", None)
    return models.OperationInfo(
        name=name,
        options=options,
        requires_any=models.AnyOf(**requires_any) if requires_any else None,
        source_type=SourceType(row.pop("source_type")),
        **row,
    )
