"""Every operation by every provider that can do it, over HTTP: the documented body, from request to image."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from PIL import Image

from local.stack import Stack
from tests.operations.cells import BY_PROVIDER, SIDES, SIZE, Cell

ROUTES = {"edit": "/edit/process", "upscale": "/upscale", "control": "/control/process"}
AT_ONCE = 4
SLOW = ("edit.relight", "upscale.creative")  # polled every ten seconds: the others are done meanwhile
PATIENCE = 90.0  # seconds
SIZES = {
    "edit.outpaint": (SIZE[0] + SIDES["expand_left"], SIZE[1] + SIDES["expand_up"]),
    "upscale.fast": (1080, 810),
    "upscale.conservative": (1080, 810),
    "upscale.creative": (1080, 810),
    "control.style": (1360, 765),
}


@pytest.fixture(scope="module")
def answers(running_stack: Stack) -> dict[Cell, requests.Response]:
    """The answer to every cell's request, asked for as any client does: redirects are followed."""
    headers = running_stack.headers(sub="cells", tier="enterprise")

    def ask(cell: Cell) -> requests.Response:
        studio = cell.operation.partition(".")[0]
        body = cell.request().model_dump(mode="json", exclude_unset=True)
        return requests.post(running_stack.url + ROUTES[studio], json=body, headers=headers, timeout=PATIENCE)

    cells = sorted(BY_PROVIDER, key=lambda cell: cell.operation not in SLOW)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(cells, pool.map(ask, cells), strict=True))


@pytest.mark.parametrize("cell", BY_PROVIDER, ids=str)
def test_a_cell_over_http(cell: Cell, answers: dict[Cell, requests.Response]) -> None:
    """200 with success, who did it, and a data URL whose image has the size that the body says."""
    response = answers[cell]
    body: dict[str, Any] = response.json()
    assert response.status_code == 200, body
    studio, _, name = cell.operation.partition(".")
    assert (body["success"], body["provider"], body["model"]) == (True, cell.provider, cell.model)
    assert body["mode" if studio == "upscale" else "operation"] == name
    head, _, data = body["image_base64"].partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (body["width"], body["height"])
    if cell.operation != "control.style_transfer":  # as large as the model makes it
        assert image.size == SIZES.get(cell.operation, SIZE)
    assert body["metadata"]["processing_time"] >= 0
    assert "stored" not in body
