"""The code samples of "Show as code" run as pasted, with bash, Python and Node."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local.stack import Stack
from tests.web.browser_session import DEFAULT_FORMATS, BrowserSession, png

SPECIAL_CHARACTERS = 'It\'s "5$" `off` \\ today, é'
each_language = pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])


def run(code: str, language: str, folder: Path, token: str) -> str:
    """Run a sample as a person would and return its output; raises when it fails."""
    commands = {"curl": ["bash", "-e", "-c", code], "Python": [sys.executable, "-c", code]}
    (folder / "sample.mjs").write_text(code)
    command = commands.get(language, ["node", "sample.mjs"])
    environment = {"PATH": os.environ["PATH"], "TOKEN": token, "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, timeout=120, capture_output=True, text=True)
    return done.stdout


def saved_file(folder: Path) -> Path:
    """The one result that a sample saved: its name is the prompt's words and a number."""
    (found,) = folder.glob("*-1.*")
    return found


@each_language
def test_the_sample_of_create_runs(session: BrowserSession, stack: Stack, tmp_path: Path, language: str) -> None:
    """It creates the image for the page's prompt, whatever characters the prompt has."""
    session.open("create")
    session.field("Prompt").fill(SPECIAL_CHARACTERS)
    run(session.code(language), language, tmp_path, stack.token())
    if language == "curl":
        assert json.loads((tmp_path / "response.json").read_text())["request"]["prompt"] == SPECIAL_CHARACTERS
    else:
        assert saved_file(tmp_path).read_bytes().startswith(b"\x89PNG")


@each_language
def test_a_sample_reads_images_from_files(session: BrowserSession, stack: Stack, tmp_path: Path, language: str) -> None:
    """It reads a file of the image's name; a sketch, which is in no file, is saved from the dialog."""
    page = session.open("edit")
    session.choose_image(320, 240)
    page.locator(".image-overlay canvas").wait_for()
    session.field("Prompt").fill(SPECIAL_CHARACTERS)
    (tmp_path / "image.png").write_bytes(png(320, 240))
    run(session.code(language), language, tmp_path, stack.token())
    for output in [tmp_path / "response.json"] if language == "curl" else [saved_file(tmp_path)]:
        assert output.stat().st_size > 1000
        output.unlink()

    page = session.open("control")
    session.press("Sample sketch")
    session.press("Show as code")
    name, data = session.download(page.get_by_role("button", name="Save control_image.png"))
    (tmp_path / name).write_bytes(data)
    session.press("Close")
    run(session.code(language), language, tmp_path, stack.token())
    output = tmp_path / "response.json" if language == "curl" else saved_file(tmp_path)
    assert output.stat().st_size > 1000


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_the_sample_of_social_saves_every_format(
    session: BrowserSession, stack: Stack, tmp_path: Path, language: str
) -> None:
    """It writes one file per format, with the extension of its file type."""
    session.open("social")
    session.choose_image(1600, 1000)
    session.wait_for_renditions()
    (tmp_path / "image.png").write_bytes(png(1600, 1000))
    run(session.code(language), language, tmp_path, stack.token())
    saved = sorted(tmp_path.glob("*.jpg"))
    assert len(saved) == DEFAULT_FORMATS
    assert (tmp_path / "instagram-feed-post-square.jpg") in saved
    assert {path.read_bytes()[:3] for path in saved} == {b"\xff\xd8\xff"}


@each_language
def test_samples_without_images_run(session: BrowserSession, stack: Stack, tmp_path: Path, language: str) -> None:
    """The sample of History prints the caller's jobs; the one of the brand kit dialog creates the persona."""
    page = session.open("history")
    page.locator(".usage .big").wait_for()
    assert "jobs" in run(session.code(language), language, tmp_path, stack.token())

    page = session.open("create")
    session.press("New brand kit")
    session.field("Name").fill(SPECIAL_CHARACTERS)
    page.get_by_role("dialog", name="New brand kit").get_by_role("button", name="Show as code").click()
    page.get_by_role("tab", name=language).click()
    sub = f"pasted-{language}".lower()
    run(page.locator("pre code").inner_text(), language, tmp_path, stack.token(sub=sub))
    listed = requests.get(f"{stack.url}/personas", headers=stack.headers(sub=sub), timeout=30).json()["personas"]
    assert [persona["name"] for persona in listed] == [SPECIAL_CHARACTERS]
