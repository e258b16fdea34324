"""The API reference's own programs, unchanged but for host and token: Python, JavaScript and curl."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from image_studio.runtime import openapi
from local.stack import PREFIX, Stack
from local.template import ROOT
from scripts.events import small_png
from tests.contract.replay import SECONDS, decoded, opened

CLIENTS = Path(__file__).parent / "clients"
HOST, TOKEN = "https://api.alwrity.com", "YOUR_TOKEN"
LINKEDIN_POST = (1200, 628)
#: What a browser has and node doesn't: a document that takes one image.
BROWSER = """
import { writeFileSync } from 'node:fs';
globalThis.document = {
  createElement: () => ({}),
  body: { appendChild: (img) => writeFileSync('shown.txt', img.src) },
};
"""


def program(name: str, stack: Stack) -> str:
    """A program of the reference, for this host and a fresh token."""
    text = (CLIENTS / f"{name}.txt").read_text()
    assert text.count(HOST) == 1
    assert text.count(TOKEN) == 1
    return text.replace(HOST, stack.origin).replace(TOKEN, stack.token(sub="clients", tier="enterprise"))


def run(*command: str, folder: Path, **variables: str) -> str:
    """The program's output; it has to succeed, and without a word of complaint."""
    path = {"PATH": str(Path(shutil.which(command[0]) or command[0]).parent) + ":/usr/bin:/bin", **variables}
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_python(stack: Stack, folder: Path) -> Image.Image:
    (folder / "example.py").write_text(program("example.py", stack))
    run(sys.executable, "example.py", folder=folder)
    return opened((folder / "generated_image.png").read_bytes())


def by_javascript(stack: Stack, folder: Path) -> Image.Image:
    (folder / "example.mjs").write_text(BROWSER + program("example.mjs", stack))
    run("node", "example.mjs", folder=folder)
    return decoded((folder / "shown.txt").read_text())


def by_curl(stack: Stack, folder: Path) -> Image.Image:
    body = json.loads(run("bash", "-c", program("example.sh", stack), folder=folder))
    return decoded(body["results"][0]["image_base64"])


@pytest.mark.parametrize("client", [by_python, by_javascript, by_curl])
def test_the_references_program_gets_its_image(client, stack, tmp_path):
    """A PNG of exactly the template's size."""
    image = client(stack, tmp_path)
    assert (image.format, image.size) == ("PNG", LINKEDIN_POST)


@pytest.mark.parametrize("client", [by_python, by_javascript])
def test_the_same_program_works_when_the_image_takes_long(client, lone, tmp_path):
    """The answer is a redirect to the result, which redirects to itself until it is there."""
    lone.emulators["wavespeed"].reset()
    lone.emulators["wavespeed"].script("[[delay=2]]")
    image = client(lone, tmp_path)
    assert (image.format, image.size) == ("PNG", LINKEDIN_POST)
    assert lone.emulators["wavespeed"].paid_calls == 1


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
@pytest.mark.parametrize("path", ["edit/process", "social/optimize", "compress/batch", "uploads"])
def test_a_sample_of_the_api_page_runs_as_pasted(stack: Stack, tmp_path: Path, language: str, path: str) -> None:
    """It reads the image from a file, and what makes images writes them to files."""
    samples = openapi.document()["paths"][f"{PREFIX}/{path}"]["post"]["x-codeSamples"]
    (source,) = (sample["source"] for sample in samples if sample["lang"] == language)
    (tmp_path / "photo.png").write_bytes(small_png(128))
    (tmp_path / "sample.mjs").write_text(source)
    command = {"curl": ("bash", "-ec", source), "Python": (sys.executable, "-c", source)}.get(
        language, ("node", "sample.mjs")
    )
    token = stack.token(sub="samples", tier="enterprise")
    output = run(*command, folder=tmp_path, ORIGIN=stack.origin, TOKEN=token)
    makes_images = path in ("edit/process", "social/optimize")
    if not makes_images:
        assert output
    elif language == "curl":
        assert json.loads((tmp_path / "response.json").read_text())["success"]
    else:
        opened((tmp_path / "image-1.png").read_bytes())


QUICKSTART = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs/quickstart.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("language", "part", "made"),
    [
        ("sh", "curl", {"response.json"}),
        ("python", "lighthouse.png", {"lighthouse.png"}),
        ("js", "lighthouse.png", {"lighthouse.png"}),
        ("python", "coffee.webp", {"instagram-1080x1080.png", "instagram-1080x1920.png"}),
    ],
)
def test_the_quickstart_works_as_pasted(stack: Stack, tmp_path: Path, language: str, part: str, made: set[str]) -> None:
    """Each of its programs writes its files."""
    (source,) = (code for kind, code in QUICKSTART if kind == language and part in code)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "program.mjs").write_text(source)
    commands = {"sh": ("bash", "-ec", source), "python": (sys.executable, "-c", source), "js": ("node", "program.mjs")}
    token = stack.token(sub="quickstart", tier="enterprise")
    run(*commands[language], folder=tmp_path, ORIGIN=stack.origin, TOKEN=token)
    assert made <= {path.name for path in tmp_path.iterdir()}
