"""Images are put into an answer after it was written."""

import json

from image_studio.runtime.deliver import spliced


def test_marks_become_images() -> None:
    """Each its own, wherever it stands; a data URL's head stays."""
    marks = {"0" * 32: "AAAA", "1" * 32: "BBBB"}
    body = json.dumps({"a": "0" * 32, "b": f"data:image/png;base64,{'1' * 32}", "c": "plain"})
    assert json.loads(spliced(body, marks)) == {"a": "AAAA", "b": "data:image/png;base64,BBBB", "c": "plain"}


def test_a_body_without_images_is_itself() -> None:
    """Not copied."""
    body = '{"image_url": "x"}'
    assert spliced(body, {}) is body
