"""The face detector's files are what their script makes."""

from pathlib import Path

import pytest

from image_studio.imaging import faces
from scripts.face_model import YUNET, make
from tests.imaging.samples import face


@pytest.mark.slow
def test_the_files_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same layers, and the same face in the same place."""
    make(tmp_path)
    assert (tmp_path / "yunet.param").read_text() == (YUNET / "yunet.param").read_text()
    monkeypatch.setattr(faces, "_FILES", tmp_path)
    faces._load.cache_clear()
    (made,) = faces.find_faces(face(160))
    monkeypatch.undo()
    faces._load.cache_clear()
    (kept,) = faces.find_faces(face(160))
    assert made.score == pytest.approx(kept.score, abs=0.01)
    assert made.box == pytest.approx(kept.box, abs=0.01)
