"""What `make build` makes is what is meant to be deployed."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import botocore
import pytest

from local.rie import machine
from local.template import Template
from scripts import smoke
from scripts.build import HERE, LAYER, MAX_ZIP, PROVENANCE, TRIMMED, Unfit, build, check, fits, wheel_tags, zip_size

CACHE_TAG = sys.implementation.cache_tag

RUNTIME_SDK = ("botocore", "jmespath", "dateutil", "six.py")  # of the packages that the Lambda runtime has


def test_functions_are_one_file(built: Path) -> None:
    """And its compiled twin."""
    for function in Template().resources("AWS::Serverless::Function"):
        folder = built / function.name
        assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
            f"__pycache__/app.{CACHE_TAG}.pyc",
            "app.py",
        ]


def test_the_layer_holds_the_package_and_its_requirements(built: Path) -> None:
    """And neither the SDK, which the runtime has, nor a tool, nor what was trimmed; zipped it is small."""
    names = {path.name for path in (built / LAYER / "python").iterdir()}
    assert {"image_studio", "pydantic", "PIL", "requests", "aws_lambda_powertools", "pybase64", "ncnn"} <= names
    assert not {"boto3", "botocore", "moto", "numpy", "pytest", "python", "bin"} & names
    assert not [path for pattern in TRIMMED for path in (built / LAYER).glob(pattern)]
    assert 5_000_000 < zip_size(built / LAYER) <= MAX_ZIP


def test_the_layer_of_provenance_holds_one_package(built: Path) -> None:
    """Without what is for linking, and what only its build script needs; it loads its library on its own."""
    layer = built / PROVENANCE
    assert {path.name.partition("-")[0] for path in (layer / "python").iterdir()} == {"c2pa", "c2pa_python"}
    assert not list(layer.rglob("*.rlib"))
    command = [sys.executable, "-S", "-c", "import c2pa; print(c2pa.sdk_version())"]
    variables = {"PYTHONPATH": str(layer / "python"), "PATH": "/usr/bin:/bin"}
    assert subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.strip()


def test_every_source_is_compiled_and_taken_as_it_is(built: Path) -> None:
    """Each .py has its .pyc, valid without a look at the source (PEP 552: flags 1, unchecked hash).

    Tracebacks show the paths on Lambda, /opt and /var/task, so the build doesn't depend on where it ran.
    """
    sources = list((built / LAYER / "python").rglob("*.py"))
    assert len(sources) > 500
    for source in sources:
        assert _pyc(source)[4:8] == (1).to_bytes(4, "little"), source
    assert b"/opt/python/image_studio/errors.py" in _pyc(built / LAYER / "python/image_studio/errors.py")
    assert b"/var/task/app.py" in _pyc(built / "CreateFunction/app.py")


def _pyc(source: Path) -> bytes:
    return (source.parent / "__pycache__" / f"{source.stem}.{CACHE_TAG}.pyc").read_bytes()


def test_wheels_are_for_lambda(built: Path) -> None:
    """Each is pure, or for this Python, an old enough glibc and the architecture."""
    wheels = wheel_tags(built / LAYER)
    assert len(wheels) > 10
    assert all(any(fits(tag, machine(), HERE) for tag in tags) for tags in wheels.values())
    other = "arm64" if machine() == "x86_64" else "x86_64"
    with pytest.raises(Unfit, match=f"Not for {other} .*pillow"):
        check(built / LAYER, other, HERE)


@pytest.mark.parametrize(
    ("tag", "runs"),
    [
        ("py3-none-any", True),
        ("cp313-cp313-manylinux_2_28_aarch64", True),
        ("cp313-cp313-manylinux2014_aarch64", True),
        ("cp311-abi3-manylinux_2_34_aarch64", True),
        ("py3-none-manylinux_2_28_aarch64", True),
        ("py3-none-manylinux_2_28_x86_64", False),
        ("cp313-cp313-manylinux_2_39_aarch64", False),
        ("cp312-cp312-manylinux_2_28_aarch64", False),
        ("cp313-cp313-manylinux_2_28_x86_64", False),
        ("cp313-cp313-musllinux_1_2_aarch64", False),
        ("cp313-cp313-macosx_11_0_arm64", False),
    ],
)
def test_which_wheels_run_on_arm(tag: str, runs: bool) -> None:
    """By Python, C library and machine."""
    assert fits(tag, "arm64") is runs


def test_another_python_takes_its_own_wheels(tmp_path: Path) -> None:
    """To run what was built on the Python at hand; a Python that is missing is named, and nothing is built."""
    assert fits("cp312-cp312-manylinux_2_28_x86_64", "x86_64", "3.12")
    assert not fits("cp313-cp313-manylinux_2_28_x86_64", "x86_64", "3.12")
    with pytest.raises(Unfit, match=r"^No Python 3\.99 .*Install one"):
        build(machine(), tmp_path / "built", python="3.99")


def test_the_layer_alone_imports(built: Path, tmp_path: Path) -> None:
    """Every module that a function imports at its start comes from layer, standard library or the runtime's SDK."""
    code = "import image_studio.runtime.resolver, image_studio.operations, sys; print(*sorted(sys.modules))"
    command = [sys.executable, "-S", "-c", code]
    site = Path(botocore.__file__).parent.parent
    for name in RUNTIME_SDK:
        (tmp_path / name).symlink_to(site / name)
    path = {"PYTHONPATH": f"{built / LAYER / 'python'}:{tmp_path}", "PATH": "/usr/bin:/bin"}
    modules = subprocess.run(command, env=path, capture_output=True, text=True, check=True).stdout.split()
    assert "image_studio.errors" in modules


@pytest.mark.slow
def test_two_builds_are_the_same(built: Path, tmp_path: Path, surroundings: dict[str, str]) -> None:
    """Byte for byte, whenever and wherever they are made: layer, functions, template."""
    build(machine(), tmp_path / "again", python=HERE, environment=surroundings)

    def files(folder: Path) -> dict[str, str]:
        found = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in found}

    assert files(tmp_path / "again") == files(built)


def test_what_was_built_makes_an_image(
    built: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As `make rehearse` checks it before a deployment."""
    monkeypatch.setattr("sys.argv", ["smoke", "--built", str(built)])
    assert smoke.main() == 0
    assert "made an image" in capfd.readouterr().out
