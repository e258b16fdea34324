"""Check a data folder in full: `python -m image_studio.catalog.check [folder]`. Not imported at run time."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from image_studio.catalog import DATA, Catalog, Template
from image_studio.schemas.catalog import (
    IndexFile,
    PlatformFile,
    SafeZonesFile,
    StylesFile,
    TemplatesFile,
    UpscaleFile,
)
from image_studio.schemas.operations import OperationsFile

FILES: dict[str, type[BaseModel]] = {
    "index.json": IndexFile,
    "operations/control.json": OperationsFile,
    "operations/edit.json": OperationsFile,
    "operations/upscale.json": OperationsFile,
    "safe_zones.json": SafeZonesFile,
    "styles.json": StylesFile,
    "upscale.json": UpscaleFile,
}
FOLDERS: dict[str, type[BaseModel]] = {"platforms": PlatformFile, "templates": TemplatesFile}


def check(folder: Path = DATA) -> Catalog:
    """Return the folder's catalog; ValueError lists everything that is wrong, a sentence a line."""
    catalog = Catalog(folder)
    for step in (_check_files, _check_listed, _check_names, _check_sizes):
        problems = list(step(catalog))
        if problems:
            raise ValueError("\n".join(problems))
    return catalog


def _check_files(catalog: Catalog) -> Iterator[str]:
    yield from (f"{name}: missing" for name in FILES if not (catalog.folder / name).is_file())
    for path in sorted(catalog.folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(catalog.folder).as_posix()
            yield from _check_file(path, name, FOLDERS.get(path.parent.name, FILES.get(name)))


def _check_file(path: Path, name: str, schema: type[BaseModel] | None) -> Iterator[str]:
    if schema is None or path.suffix != ".json":
        yield f"{name}: nothing reads it"
        return
    try:
        schema.model_validate_json(path.read_bytes())
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            yield f"{name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _check_listed(catalog: Catalog) -> Iterator[str]:
    """A platform that index.json lists has a file; a file's platform is listed."""
    yield from _repeated("platform", catalog.platform_names)
    yield from _repeated("category", catalog.categories)
    for name in catalog.platform_names:
        if not (catalog.folder / f"platforms/{name}.json").is_file():
            yield f"platforms/{name}.json: missing"
    for folder in FOLDERS:
        for path in sorted((catalog.folder / folder).glob("*.json")):
            if path.stem not in catalog.platform_names:
                yield f"{folder}/{path.name}: index.json has no platform {path.stem}"


def _check_names(catalog: Catalog) -> Iterator[str]:
    yield from _repeated("template", [each.id for each in catalog.templates])
    for template in catalog.templates:
        yield from _check_template(catalog, template)


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} occurs twice"
        seen.add(name)


def _check_template(catalog: Catalog, template: Template) -> Iterator[str]:
    if template.category not in catalog.categories:
        yield f"template {template.id}: no category {template.category}"
    if template.style_preset not in [style.id for style in catalog.styles]:
        yield f"template {template.id}: no style {template.style_preset}"


def _check_sizes(catalog: Catalog) -> Iterator[str]:
    for platform in catalog.platforms:
        for each in platform.formats:
            if not each.limits.accepts(each.width, each.height):
                yield f"{platform.id}: format {each.name} is outside its limits"
            if not each.file_types:
                yield f"{platform.id}: format {each.name} takes no still image"
    for template in catalog.templates:
        limits = catalog.platform(template.platform).limits
        if limits and not limits.accepts(template.width, template.height):
            yield f"template {template.id}: its size is outside {template.platform}'s limits"


if __name__ == "__main__":
    check(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
