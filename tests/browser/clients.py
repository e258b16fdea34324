"""The API reference's examples, unchanged except for address and token. They know nothing about jobs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from scripts.chromium import EXECUTABLE, FLAGS

ADDRESS = "https://api.alwrity.com"
TOKEN = "YOUR_TOKEN"

PYTHON = """\
import requests
import base64

# Generate Image
url = "https://api.alwrity.com/api/image-studio/create"
headers = {
    "Authorization": "Bearer YOUR_TOKEN",
    "Content-Type": "application/json"
}
data = {
    "prompt": "Modern office workspace",
    "template_id": "linkedin_post",
    "quality": "standard"
}

response = requests.post(url, json=data, headers=headers)
result = response.json()

# Decode image
image_data = base64.b64decode(result["results"][0]["image_base64"])
with open("generated_image.png", "wb") as f:
    f.write(image_data)
"""

JAVASCRIPT = """\
// Generate Image
const response = await fetch('https://api.alwrity.com/api/image-studio/create', {
  method: 'POST',
  headers: {
    'Authorization': 'Bearer YOUR_TOKEN',
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    prompt: 'Modern office workspace',
    template_id: 'linkedin_post',
    quality: 'standard'
  })
});

const result = await response.json();

// Display image
const img = document.createElement('img');
img.src = `data:image/png;base64,${result.results[0].image_base64}`;
document.body.appendChild(img);
"""

#: A stand-in for the browser's document: the image that the example shows is written to a file.
_DOCUMENT = """\
import { writeFileSync } from 'node:fs';
const document = {
  createElement: () => ({}),
  body: { appendChild: (img) => writeFileSync('generated_image.png', Buffer.from(img.src.split(',')[1], 'base64')) },
};
"""

IMAGE_FILE = "generated_image.png"


def python(folder: Path, address: str, token: str) -> "subprocess.Popen[bytes]":
    script = folder / "example.py"
    script.write_text(PYTHON.replace(ADDRESS, address).replace(TOKEN, token))
    return _start([sys.executable, str(script)], folder)


def node(folder: Path, address: str, token: str) -> "subprocess.Popen[bytes]":
    script = folder / "example.mjs"
    script.write_text(_DOCUMENT + JAVASCRIPT.replace(ADDRESS, address).replace(TOKEN, token))
    return _start(["node", str(script)], folder)


def chromium(folder: Path, url: str) -> "subprocess.Popen[bytes]":
    return _start([EXECUTABLE, *FLAGS, "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}", url], folder)


def _start(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "*"}
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
