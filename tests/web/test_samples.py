"""What "Show as code" shows is pasted and run, by bash, Python and Node."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page

from local.stack import Stack
from tests.web.visit import Visit, as_file, picture

NASTY = 'It\'s "5$" `off` \\ today, é'


def shown(page: Page, language: str) -> str:
    """The sample in a language, from the open dialog."""
    page.get_by_role("button", name="Show as code").click()
    page.get_by_role("tab", name=language).click()
    code = page.locator("pre code").inner_text()
    page.get_by_role("button", name="Close").click()
    return code


def run(code: str, language: str, folder: Path, token: str) -> str:
    """What a sample prints when it is run as a person would; raises when it fails."""
    commands = {"curl": ["bash", "-e", "-c", code], "Python": [sys.executable, "-c", code]}
    (folder / "sample.mjs").write_text(code)
    command = commands.get(language, ["node", "sample.mjs"])
    environment = {"PATH": os.environ["PATH"], "TOKEN": token, "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, timeout=120, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_call_of_create_runs_as_it_stands(visit: Visit, stack: Stack, tmp_path: Path, language: str) -> None:
    """The pasted call makes the picture of the page's prompt, whatever characters that has."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill(NASTY)
    page.locator(".card").first.wait_for()
    run(shown(page, language), language, tmp_path, stack.token())
    if language == "curl":
        answer = json.loads((tmp_path / "answer.json").read_text())
        assert answer["request"]["prompt"] == NASTY
    else:
        assert (tmp_path / "picture-1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_a_call_with_files_reads_them(visit: Visit, stack: Stack, tmp_path: Path, language: str) -> None:
    """Where the page sends a picture, the sample reads a file of that name beside it."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(320, 240))
    page.locator(".sheet canvas").wait_for()
    page.get_by_label("Prompt", exact=True).fill(NASTY)
    (tmp_path / "image.png").write_bytes(picture(320, 240))
    run(shown(page, language), language, tmp_path, stack.token())
    assert len(list(tmp_path.glob("answer.json" if language == "curl" else "picture-1.png"))) == 1
    if language == "curl":
        assert json.loads((tmp_path / "answer.json").read_text())["success"]


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_what_a_call_reads_can_be_saved_from_the_page(
    visit: Visit, stack: Stack, tmp_path: Path, language: str
) -> None:
    """A sketch is in no file yet: the dialog saves it under the name that the code reads, and the code runs."""
    page = visit.open("control")
    page.get_by_role("button", name="Sample sketch").click()
    page.get_by_role("button", name="Show as code").click()
    name, data = visit.download(page.get_by_role("button", name="Save control_image.png"))
    (tmp_path / name).write_bytes(data)
    page.get_by_role("button", name="Close").click()
    run(shown(page, language), language, tmp_path, stack.token())
    if language == "curl":
        assert json.loads((tmp_path / "answer.json").read_text())["operation"] == "sketch"
    else:
        assert (tmp_path / "picture-1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_many_pictures_are_saved_as_what_they_are(visit: Visit, stack: Stack, tmp_path: Path, language: str) -> None:
    """Social's call writes a file for each format, named by its file type."""
    page = visit.open("social")
    page.locator(".platform").first.wait_for()
    page.get_by_label("Picture", exact=True).set_input_files(as_file(1600, 1000))
    page.locator(".rendition-frame.done").nth(6).wait_for()
    (tmp_path / "image.png").write_bytes(picture(1600, 1000))
    run(shown(page, language), language, tmp_path, stack.token())
    made = sorted(tmp_path.glob("picture-*"))
    assert len(made) == 7
    assert {path.read_bytes()[:3] for path in made} == {b"\xff\xd8\xff"}
    assert {path.suffix for path in made} == {".jpg"}


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_call_of_history_runs(visit: Visit, stack: Stack, tmp_path: Path, language: str) -> None:
    """A read has its call, too, and it prints the caller's jobs."""
    page = visit.open("history")
    page.locator(".usage .big").wait_for()
    assert "jobs" in run(shown(page, language), language, tmp_path, stack.token())


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_call_that_writes_a_persona_runs(visit: Visit, stack: Stack, tmp_path: Path, language: str) -> None:
    """What isn't a picture has its call, too: the pasted one makes the persona of the dialog."""
    page = visit.open("create")
    page.get_by_role("button", name="New persona").click()
    page.get_by_label("Name", exact=True).fill(NASTY)
    sub = f"pasted-{language}".lower()
    dialog = page.get_by_role("dialog", name="New persona")
    dialog.get_by_role("button", name="Show as code").click()
    page.get_by_role("tab", name=language).click()
    code = page.locator("pre code").inner_text()
    run(code, language, tmp_path, stack.token(sub=sub))
    listed = requests.get(f"{stack.url}/personas", headers=stack.headers(sub=sub), timeout=30).json()["personas"]
    assert [each["name"] for each in listed] == [NASTY]
