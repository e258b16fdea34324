"""`make build`: sam build, then what SAM leaves to others: trim and compile the code, and check what came out.

SAM ships no .pyc files and Lambda can't write any, so that without compiling here every cold start compiles, which
doubles it. `unchecked-hash`: they are valid whatever the files' times are, and nobody looks at the sources.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from local.rie import machine
from local.template import ROOT, TEMPLATE

SAM = ROOT / ".venv-sam/bin/sam"
LAYER, PROVENANCE = LAYERS = ("StudioLayer", "ProvenanceLayer")
FUNCTION_SUFFIX = "Function"
PYTHON = "3.13"  # Lambda's
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"  # what runs this, and what is built to be run beside it
NOT_FOR_311 = "SAM builds nothing of ours for Python 3.11: Pillow's wheels are too new for the glibc of Lambda's 3.11."
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # SAM's name -> that of wheels
GLIBC = (2, 34)  # of Amazon Linux 2023, which the runtime is made of
#: Bytes of the layer, zipped: two thirds of what Lambda takes. Of that ncnn is 5 MB for arm64, 11 MB for x86_64, and
#: libavif and libheif 4 MB.
MAX_ZIP = 34_000_000
MAX_SIZE = 262_144_000  # bytes of function and layers, unzipped (Lambda)
#: In the wheels, but of no use here: Tk, models that need numpy, what pip needed.
TRIMMED = (
    "python/PIL/_imagingtk*.so",
    "python/ncnn/model_zoo/*.py",
    "python/ncnn/utils/*.py",
    "python/*.dist-info/RECORD",
    "python/*.dist-info/INSTALLER",
    "python/*.dist-info/sboms/*",
    "python/requirements.txt",
    "python/c2pa/libs/*.rlib",  # for linking, 31 MB
    "python/c2pa/libs/*.d",
)
#: What c2pa-python declares beside itself is for its build script.
ONLY = {PROVENANCE: ("c2pa", "c2pa_python-*.dist-info")}
NOT_OURS = ("boto3", "botocore")  # the runtime has them


class Unfit(RuntimeError):
    """What was built must not be deployed; the message says why."""


def build(
    arch: str,
    into: Path,
    *,
    python: str = PYTHON,
    cache: Path | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Build for an architecture and a Python into a folder: template.yaml, a folder per function, the layer.

    Raises Unfit.
    """
    if python == "3.11":
        raise Unfit(NOT_FOR_311)
    check_catalog()
    environment = tool_environment(environment, python)
    command = [str(SAM), "build", "--parallel", "--build-dir", str(into), "--parameter-overrides", f"Arch={arch}"]
    command += ["--template", str(template_for(python, into.parent)), "--base-dir", str(ROOT)]
    command += ["--cached", "--cache-dir", str(cache)] if cache else []
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unfit(done.stdout + done.stderr)
    for layer in LAYERS:
        trim(into / layer)
    compile_all(into, environment, python)
    check_all(into, arch, python)


def check_catalog() -> None:
    """Raise Unfit if the catalog's data is wrong."""
    command = [sys.executable, "-m", "scripts.check_catalog"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "layers/common/python")}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unfit(done.stderr)


def template_for(python: str, folder: Path) -> Path:
    """Our template, or for another Python than Lambda's a copy in the folder that names that one."""
    if python == PYTHON:
        return TEMPLATE
    folder.mkdir(parents=True, exist_ok=True)
    adapted = folder / f"python{python}.yaml"
    adapted.write_text(TEMPLATE.read_text().replace(f"python{PYTHON}", f"python{python}"))
    return adapted


def tool_environment(given: dict[str, str] | None = None, python: str = PYTHON) -> dict[str, str]:
    """What sam needs: a Python that is no shim first on PATH, a region, no telemetry, no look for credentials.

    Raises Unfit where that Python is missing.
    """
    own = dict(os.environ if given is None else given)
    command = [str(ROOT / "scripts/find-python"), python]
    found = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    if found.returncode:
        raise Unfit(found.stderr.strip())
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        **own,
        "PATH": f"{Path(found.stdout.strip()).parent}{os.pathsep}{own['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "PIP_NO_DEPS": "1",  # the lock names everything; ncnn declares numpy, which what we use of it doesn't need
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def trim(layer: Path) -> None:
    """Remove what is of no use on Lambda."""
    kept = {path for pattern in ONLY.get(layer.name, ("*",)) for path in (layer / "python").glob(pattern)}
    for path in set((layer / "python").iterdir()) - kept:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for pattern in TRIMMED:
        for path in layer.glob(pattern):
            path.unlink()


def compile_all(built: Path, environment: dict[str, str], python: str) -> None:
    """Compile layers and functions; the paths within are those that they have on Lambda."""
    layers = [(built / layer, "/opt") for layer in LAYERS]
    places = [*layers, *((folder, "/var/task") for folder in sorted(built.glob(f"*{FUNCTION_SUFFIX}")))]
    for folder, place in places:
        command = [f"python{python}", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
        # a seed, so that sets in the code are written in the same order each time
        seeded = {**environment, "PYTHONHASHSEED": "0"}
        subprocess.run([*command, "-s", folder, "-p", place, folder], env=seeded, check=True)


def check_all(built: Path, arch: str, python: str = PYTHON) -> None:
    """Raise Unfit for a layer that must not be deployed, and for layers that are too large together."""
    whole = sum(check(built / layer, arch, python) for layer in LAYERS)
    if whole > MAX_SIZE:
        raise Unfit(f"The layers have {whole:,} bytes unzipped ({MAX_SIZE:,} allowed).")


def check(layer: Path, arch: str, python: str = PYTHON) -> int:
    """Return the bytes of a layer, unzipped.

    Raises Unfit for one that is too large, for another machine, not compiled, or holds what it must not.
    """
    held = {path.name for path in (layer / "python").iterdir()}
    if held & set(NOT_OURS):
        raise Unfit(f"The layer holds {', '.join(sorted(held & set(NOT_OURS)))}, which the runtime has.")
    foreign = [wheel for wheel, tags in wheel_tags(layer).items() if not any(fits(tag, arch, python) for tag in tags)]
    if foreign:
        raise Unfit(f"Not for {arch} and Python {python}: {', '.join(foreign)}")
    if not list((layer / "python").glob("*/__pycache__/*.pyc")):
        raise Unfit("The layer is not compiled.")
    zipped, whole = zip_size(layer), sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    if zipped > MAX_ZIP:
        raise Unfit(f"{layer.name} has {zipped:,} bytes zipped ({MAX_ZIP:,} allowed).")
    print(f"{layer.name} for {arch}: {zipped / 1e6:.1f} MB zipped, {whole / 1e6:.1f} MB unzipped")
    return whole


def wheel_tags(layer: Path) -> dict[str, list[str]]:
    """Every wheel in the layer, with its tags: what it runs on."""
    return {
        path.parent.name.removesuffix(".dist-info"): re.findall(r"^Tag: (\S+)$", path.read_text(), re.MULTILINE)
        for path in (layer / "python").glob("*.dist-info/WHEEL")
    }


def fits(tag: str, arch: str, python: str = PYTHON) -> bool:
    """Whether a wheel of that tag runs on Lambda, with that Python on the architecture."""
    if tag.endswith("-none-any"):
        return True
    own = f"cp{python.replace('.', '')}"
    match = re.fullmatch(rf"(?:{own}-{own}|cp3\d+-abi3|py3-none)-manylinux(?:_(\d+)_(\d+)|2014)_(\w+)", tag)
    if not match:
        return False
    glibc = (int(match[1]), int(match[2])) if match[1] else (2, 17)  # what 2014 means
    return glibc <= GLIBC and match[3] == MACHINES[arch]


def zip_size(folder: Path) -> int:
    """Bytes of the folder as a zip file, made as SAM makes it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return whole.tell()


def main() -> int:
    """Build as the arguments say; the exit code."""
    parser = argparse.ArgumentParser(prog="make build", description="Build what is deployed.")
    parser.add_argument("arch", nargs="?", choices=sorted(MACHINES), default=machine(), help="without: this machine's")
    parser.add_argument("--here", action="store_true", help="for this Python instead of Lambda's: to run it here")
    parser.add_argument("--into", type=Path, default=ROOT / ".aws-sam/build")
    chosen = parser.parse_args()
    try:
        build(chosen.arch, chosen.into, python=HERE if chosen.here else PYTHON, cache=ROOT / ".aws-sam/cache")
    except Unfit as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Built into {os.path.relpath(chosen.into, ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
