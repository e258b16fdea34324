"""The check of a data folder names what is wrong; the shipped data passes it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_studio.catalog import DATA, Catalog
from image_studio.catalog.check import check


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data folder."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(path: Path, edit: Callable[[Any], object]) -> None:
    """Edit a JSON file in place."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def make_tiny(rows: list[dict[str, Any]]) -> None:
    """Give the first template a size of its own that its platform refuses."""
    del rows[0]["format"]
    rows[0] |= {"width": 300, "height": 300, "label": "Tiny"}


def test_the_shipped_data_passes() -> None:
    """Every file is valid and every reference holds."""
    assert len(check().templates) == 26


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        ("templates/blog.json", lambda rows: rows[0].update(ratio="16:9"), "Extra inputs"),
        ("templates/blog.json", lambda rows: rows[0].update(width="1920"), "valid integer"),
        ("templates/blog.json", lambda rows: rows[0].update(quality="best"), "'draft', 'standard' or 'premium'"),
        ("templates/blog.json", lambda rows: rows[0].pop("label"), "either a format"),
        ("templates/tiktok.json", lambda rows: rows[0].update(width=9), "greater than or equal to 16"),
        ("templates/tiktok.json", lambda rows: rows[0].update(width=90), "either a format"),
        ("templates/tiktok.json", lambda rows: rows[0].update(format=None), "instead of stating null"),
        ("templates/blog.json", lambda rows: rows[0].update(width=8192, height=8192), "at most 25,000,000 pixels"),
        ("templates/blog.json", lambda rows: rows[1].update(id="blog_header"), "template blog_header occurs twice"),
        ("templates/blog.json", lambda rows: rows[0].update(category="art"), "blog_header: no category art"),
        ("templates/blog.json", lambda rows: rows[0].update(style_preset="art"), "blog_header: no style art"),
        ("templates/tiktok.json", lambda rows: rows[0].update(format="Duet"), "Unknown TikTok format 'Duet'"),
        ("templates/instagram.json", make_tiny, "outside instagram's limits"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(aliases=["channel art"]), "occurs twice"),
        ("platforms/youtube.json", lambda file: file.pop("limits"), "come together"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(width=500), "Thumbnail is outside its"),
        ("platforms/youtube.json", lambda file: file["formats"][0].update(safe_zone="none"), "youtube.json: 'none'"),
        ("platforms/youtube.json", lambda file: file["limits"].update(file_types=["gif"]), "takes no still image"),
        ("safe_zones.json", lambda file: file["feed"].update(top=0.5), "less than 0.5"),
        ("index.json", lambda file: file["platforms"].append("email"), "platform email occurs twice"),
        ("index.json", lambda file: file["platforms"].append("mars"), "platforms/mars.json: missing"),
        ("index.json", lambda file: file["platforms"].remove("email"), "index.json has no platform email"),
        ("upscale.json", lambda file: file.update(wall=9000), "less than or equal to 8192"),
        ("styles.json", lambda file: file.update(plain=""), "should match pattern"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(data: Path, file: str, edit: Callable[[Any], object], said: str) -> None:
    """Each kind of mistake in the data is refused in words."""
    change(data / file, edit)
    with pytest.raises(ValueError, match=r"\S") as caught:
        check(data)
    assert said in str(caught.value)


def test_files_that_nothing_reads_are_refused(data: Path) -> None:
    """A stray file is a mistake, as is one that is missing."""
    (data / "platforms/notes.txt").write_text("")
    (data / "upscale.json").unlink()
    with pytest.raises(ValueError, match=r"upscale.json: missing\nplatforms/notes.txt: nothing reads it"):
        check(data)


def test_loading_alone_refuses_what_it_cannot_use(data: Path) -> None:
    """Without the full check, an unknown field and a doubled id still name their file."""
    change(data / "templates/blog.json", lambda rows: rows[0].update(color="red"))
    with pytest.raises(ValueError, match=r"templates/blog\.json: blog_header: .*color"):
        _ = Catalog(data).templates
    change(data / "templates/blog.json", lambda rows: (rows[0].pop("color"), rows[1].update(id="blog_header")))
    with pytest.raises(ValueError, match="occurs twice"):
        Catalog(data).template("blog_header")


def test_parts_are_read_when_they_are_asked_for(data: Path) -> None:
    """Platforms load without templates, and nothing is read twice."""
    catalog = Catalog(data)
    shutil.rmtree(data / "templates")
    platforms = catalog.platforms
    shutil.rmtree(data)
    assert catalog.platforms is platforms
