"""ADDING.md is true: its steps are carried out on a copy of the data."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from image_studio.catalog import DATA, Catalog
from image_studio.catalog.check import check
from image_studio.operations.find_templates import list_templates, recommend_templates
from image_studio.operations.platform_reads import platform_formats, platform_specs

GUIDE = (DATA.parent / "ADDING.md").read_text()
SECTIONS = {part.split("\n")[0]: part for part in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]}
BLOCK = re.compile(r"```json (\w+) (\S+) ?(\w*)\n(.*?)```", re.DOTALL)


def follow(section: str, data: Path) -> Catalog:
    """Do what the section's JSON blocks say in `data`, then check it as the section's fourth step does."""
    for verb, file, key, text in BLOCK.findall(SECTIONS[section]):
        carry_out(verb, data / file, key, json.loads(text))
    return check(data)


def carry_out(verb: str, path: Path, key: str, value: Any) -> None:
    """Write a file, set a key of it, or append to it or to one of its lists."""
    content = value if verb == "write" else json.loads(path.read_text())
    if verb == "set":
        content[key] = value
    elif verb == "append":
        (content[key] if key else content).append(value)
    path.write_text(json.dumps(content))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data folder."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


@pytest.mark.parametrize("section", ["Add a template", "Add a format", "Add a platform"])
def test_each_recipe_has_five_steps(section: str) -> None:
    """Three recipes, five steps each, one of them JSON at least."""
    assert len(SECTIONS) == 3
    assert re.findall(r"^(\d)\. ", SECTIONS[section], flags=re.MULTILINE) == list("12345")
    assert BLOCK.findall(SECTIONS[section])


def test_add_a_template(data: Path) -> None:
    """The toy template has the size of its format and is listed, filtered and recommended."""
    catalog = follow("Add a template", data)
    assert (catalog.template("linkedin_portrait").width, catalog.template("linkedin_portrait").ratio) == (1080, "4:5")
    assert [each["id"] for each in list_templates(category="ad_creative", catalog=catalog)["templates"]] == [
        "linkedin_portrait"
    ]
    found = recommend_templates("an invitation to our webinar", catalog=catalog)["templates"]
    assert found[0]["id"] == "linkedin_portrait"


def test_add_a_format(data: Path) -> None:
    """The toy format is last, found by its alias, with its own limits and zone."""
    catalog = follow("Add a format", data)
    shown = platform_formats("pinterest", catalog)["formats"][-1]
    assert (shown["name"], shown["ratio"], shown["max_size_mb"]) == ("Board Cover", "1:1", 1.0)
    assert shown["safe_zone"] == {"top": 0.05, "bottom": 0.05, "left": 0.05, "right": 0.05}
    assert shown["limits"]["file_types"] == ["JPG", "PNG"]
    assert catalog.platform("pinterest").format("board").name == "Board Cover"


def test_add_a_platform(data: Path) -> None:
    """The toy platform has specifications, formats and templates."""
    catalog = follow("Add a platform", data)
    assert platform_specs("mastodon", catalog)["max_file_size"] == "16MB"
    assert platform_formats("mastodon", catalog)["formats"][0]["max_size_mb"] == 5.0
    assert list_templates("mastodon", catalog=catalog)["total"] == 1
    assert catalog.platform_names[-1] == "mastodon"
