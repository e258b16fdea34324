"""The shipped data passes the check, and the check names what is wrong in other data."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_studio.catalog.load import DATA, Catalog, load_catalog
from scripts.check_catalog import check

ADDING = "\n".join((DATA.parents[1] / folder / "ADDING.md").read_text() for folder in ("catalog", "operations"))
LIMITS = {"file_types": ["png"], "max_bytes": 5_000_000}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def use_tiny_size(rows: list[dict[str, Any]]) -> None:
    """Give the first template a size of its own that its platform refuses."""
    del rows[0]["format"]
    rows[0] |= {"width": 300, "height": 300, "label": "Tiny"}


def change_inpaint(**fields: Any) -> Callable[[Any], object]:
    return lambda file: file["operations"]["inpaint"].update(fields)


def test_the_shipped_data_is_valid() -> None:
    assert check().templates.keys() == load_catalog().templates.keys()


def test_the_recipes_add_valid_data(data: Path) -> None:
    """Each JSON block of both pages is carried out, in order; formats take files as large as the others'."""
    blocks = re.findall(r"```json (write|append|merge) (\S+) ?(\w*)\n(.*?)```", ADDING, re.DOTALL)
    assert len(blocks) == ADDING.count("```json")
    for verb, file, key, text in blocks:
        value, path = json.loads(text), data / file
        content = value if verb == "write" else json.loads(path.read_text())
        part = content[key] if key else content
        if verb == "merge":
            part.update(value)
        elif verb == "append" and value not in part:
            part.append(value)
        path.write_text(json.dumps(content))
    added = check(data)
    assert {"linkedin_portrait", "mastodon_post"} <= added.templates.keys()
    formats = [added.platform("pinterest").format("Board"), *added.platform("mastodon").formats]
    assert min(each.max_bytes for each in formats) >= 2_000_000
    assert added.operations["edit"].choose("deblur").missing(frozenset()) == "Prompt is required for deblurring"


@pytest.mark.parametrize(
    ("file", "edit", "problem"),
    [
        ("templates/blog.json", lambda rows: rows[0].update(ratio="16:9"), "templates/blog.json: blog_header: .*ratio"),
        ("templates/blog.json", lambda rows: rows[0].update(width="1920"), "templates/blog.json: blog_header"),
        ("templates/blog.json", lambda rows: rows[0].update(name=5), "templates.blog_header.name: .*valid string"),
        ("templates/blog.json", lambda rows: rows[0].update(quality="best"), "'best' is not a valid Quality"),
        ("templates/blog.json", lambda rows: rows[0].update(use_cases=[]), "use_cases: .*at least 1 item"),
        ("templates/blog.json", lambda rows: rows[0].pop("label"), "blog_header: 'label'"),
        ("templates/blog.json", lambda rows: rows[0].update(width=9), "greater than or equal to 16"),
        ("templates/tiktok.json", lambda rows: rows[0].update(width=90), "unexpected keyword argument 'width'"),
        ("templates/blog.json", lambda rows: rows[0].update(width=8192, height=8192), "at most 25,000,000 pixels"),
        ("templates/blog.json", lambda rows: rows[1].update(id="blog_header"), "a template id occurs twice"),
        ("templates/blog.json", lambda rows: rows[0].update(category="art"), "blog_header: no category art"),
        ("templates/blog.json", lambda rows: rows[0].update(style_preset="art"), "blog_header: no style art"),
        ("templates/tiktok.json", lambda rows: rows[0].update(format="Duet"), "Unknown TikTok format 'Duet'"),
        ("templates/instagram.json", use_tiny_size, "outside instagram's limits"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(aliases=["channel art"]), "occurs twice"),
        ("platforms/youtube.json", lambda file: file.update(formats=[]), "Unknown YouTube format"),
        ("platforms/email.json", lambda file: file.update(limits=LIMITS), "formats and limits come together"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(width=500), "Thumbnail is outside its"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(safe_zone="none"), "youtube.json: 'none'"),
        ("platforms/youtube.json", lambda file: file["limits"].update(file_types=["gif"]), "takes no still image"),
        ("platforms/youtube.json", lambda file: file["limits"].update(file_types=["bmp"]), "'jpeg', 'png', 'webp'"),
        ("safe_zones.json", lambda file: file["feed"].update(top=0.5), "less than 0.5"),
        ("index.json", lambda file: file["platforms"].append("email"), "platform email occurs twice"),
        ("index.json", lambda file: file["platforms"].append("mars"), "platforms/mars.json: missing"),
        ("index.json", lambda file: file["platforms"].remove("email"), "index.json has no platform email"),
        ("upscale.json", lambda file: file.update(wall=9000), "less than or equal to 8192"),
        ("styles.json", lambda file: file.update(plain=""), "should match pattern"),
        ("operations/edit.json", change_inpaint(shows=["color"]), "inpaint shows a field that its list doesn't have"),
        ("operations/edit.json", change_inpaint(requires=[["color"]]), "requires a field that it neither shows nor"),
        ("operations/edit.json", change_inpaint(options={"x": {"low": 0}}), "either low and high, or one_of, or text"),
        (
            "operations/edit.json",
            change_inpaint(options={"x": {"low": 0, "high": 1, "default": 2}}),
            "an option's default lies within its bounds",
        ),
        ("operations/edit.json", change_inpaint(color="red"), "operations/edit.json: .*color"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(data: Path, file: str, edit: Callable[[Any], object], problem: str) -> None:
    change(data / file, edit)
    with pytest.raises(ValueError, match=problem):
        check(data)


def test_stray_and_missing_files_are_refused(data: Path) -> None:
    """A file that nothing reads is a mistake, too."""
    (data / "platforms/notes.txt").write_text("")
    (data / "upscale.json").unlink()
    with pytest.raises(ValueError, match=r"upscale.json: missing\nplatforms/notes.txt: nothing reads it"):
        check(data)


def test_parts_are_read_on_first_use(data: Path) -> None:
    """Platforms load without templates, and nothing is read twice."""
    catalog = Catalog(data)
    shutil.rmtree(data / "templates")
    platforms = catalog.platforms
    shutil.rmtree(data)
    assert catalog.platforms is platforms
