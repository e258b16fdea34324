"""Check the catalog's data in full: `python -m scripts.check_catalog [folder]`. `make build` runs it, too."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from image_studio.catalog.load import DATA, OPERATION_GROUPS, Catalog
from image_studio.catalog.models import Line, OperationInfo, OperationTable, Platform, Side, Template, Word
from image_studio.schemas.catalog import ControlFields, EditFields
from image_studio.schemas.convert import FileTypeLists
from image_studio.schemas.limits import MAX_PIXELS

#: The fields that the list of a group can show. Upscale has no list.
SHOWN_FIELDS = {"edit": set(EditFields.model_fields), "control": set(ControlFields.model_fields)}
FOLDERS = ("platforms", "templates")
FILES = {"index.json", "safe_zones.json", "styles.json", "upscale.json", "files.json"}
FILES |= {f"operations/{group}.json" for group in OPERATION_GROUPS}


def check(folder: Path = DATA) -> Catalog:
    """Return the folder's catalog. Raises ValueError that lists everything that is wrong, a sentence a line."""
    catalog = Catalog(folder)
    for step in (_check_files, _check_index, _check_values, _check_templates, _check_platforms, _check_operations):
        problems = list(step(catalog))
        if problems:
            raise ValueError("\n".join(problems))
    return catalog


def _check_files(catalog: Catalog) -> Iterator[str]:
    """Every file that is needed is there, and every file that is there is read."""
    yield from (f"{name}: missing" for name in sorted(FILES) if not (catalog.folder / name).is_file())
    for path in sorted(catalog.folder.rglob("*")):
        name = path.relative_to(catalog.folder).as_posix()
        listed = path.parent.name in FOLDERS and path.suffix == ".json"
        if path.is_file() and not listed and name not in FILES:
            yield f"{name}: nothing reads it"


def _check_index(catalog: Catalog) -> Iterator[str]:
    """A platform that index.json lists has a file, and a file's platform is listed."""
    index = json.loads((catalog.folder / "index.json").read_bytes())
    yield from (f"index.json: {name}: unknown" for name in index.keys() - {"platforms", "categories"})
    yield from _repeated("platform", index["platforms"])
    yield from _repeated("category", index["categories"])
    for name in index["platforms"]:
        if not (catalog.folder / f"platforms/{name}.json").is_file():
            yield f"platforms/{name}.json: missing"
    for folder in FOLDERS:
        for path in sorted((catalog.folder / folder).glob("*.json")):
            if path.stem not in index["platforms"]:
                yield f"{folder}/{path.name}: index.json has no platform {path.stem}"


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} occurs twice"
        seen.add(name)


def _check_values(catalog: Catalog) -> Iterator[str]:
    """Every value fits the annotation of its field."""
    yield from _misfits("platforms", dict[str, Platform], catalog.platforms)
    yield from _misfits("categories", tuple[Word, ...], catalog.categories)
    yield from _misfits("templates", dict[str, Template], catalog.templates)
    yield from _misfits("styles", dict[Word, Line], catalog.styles)
    yield from _misfits("upscale", dict[Word, Side], catalog.upscale_presets)
    yield from _misfits("files", FileTypeLists, catalog.files)
    yield from _misfits("operations", dict[str, OperationTable], catalog.operations)


def _misfits(part: str, kind: Any, value: object) -> Iterator[str]:
    try:
        TypeAdapter(kind).validate_json(json.dumps(value, default=vars), strict=True)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            yield f"{part}.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _check_templates(catalog: Catalog) -> Iterator[str]:
    for template in catalog.templates.values():
        size = template.aspect_ratio
        limits = catalog.platforms[template.platform].limits
        if template.category not in catalog.categories:
            yield f"template {template.id}: no category {template.category}"
        if template.style_preset not in catalog.styles:
            yield f"template {template.id}: no style {template.style_preset}"
        if size.width * size.height > MAX_PIXELS:
            yield f"template {template.id}: a template has at most {MAX_PIXELS:,} pixels"
        if limits and not limits.accepts(size.width, size.height):
            yield f"template {template.id}: its size is outside {template.platform}'s limits"


def _check_platforms(catalog: Catalog) -> Iterator[str]:
    for platform in catalog.platforms.values():
        if bool(platform.formats) != bool(platform.limits):
            yield f"{platform.id}: formats and limits come together"
        names = [name.casefold() for each in platform.formats for name in (each.name, *each.aliases)]
        yield from _repeated(f"{platform.id}: format", names)
        for each in platform.formats:
            if not each.limits.accepts(each.width, each.height):
                yield f"{platform.id}: format {each.name} is outside its limits"
            if not each.file_types:
                yield f"{platform.id}: format {each.name} takes no still image"


def _check_operations(catalog: Catalog) -> Iterator[str]:
    for table in catalog.operations.values():
        for operation in table.operations.values():
            for problem in _problems_of(operation, table):
                yield f"{table.group}.{operation.name} {problem}"


def _problems_of(operation: OperationInfo, table: OperationTable) -> Iterator[str]:
    if not set(operation.shows) <= SHOWN_FIELDS.get(table.group, set()):
        yield "shows a field that its list doesn't have"
    if not {field for fields in operation.requires for field in fields} <= operation.honored:
        yield "requires a field that it neither shows nor takes"
    for name, option in operation.options.items():
        has_bounds = option.low is not None and option.high is not None
        if [has_bounds, bool(option.one_of), option.text].count(True) != 1:
            yield f"{name}: an option has either low and high, or one_of, or text"
        low, high = option.low or 0, option.high or 0
        if option.default is not None and not low <= option.default <= high:
            yield f"{name}: an option's default lies within its bounds"


def main() -> int:
    """Print what is wrong, if anything; the exit code."""
    try:
        check(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
    except ValueError as problems:
        print(problems, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
