"""The table operation x provider x model, as the specs have it, and a request for each operation."""

from typing import Any, NamedTuple

from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.operations.table import Operation, find_operation
from image_studio.providers import SPECS
from image_studio.schemas.common import Request
from tests.operations.fakes import block_mask, photo, to_text

SIZE = (480, 360)
SIDES = {"expand_left": 60, "expand_up": 40}
BODIES: dict[str, dict[str, Any]] = {
    "edit.remove_background": {},
    "edit.inpaint": {"prompt": "a blue vase", "mask_base64": to_text(block_mask(*SIZE))},
    "edit.outpaint": {"prompt": "a meadow", **SIDES},
    "edit.search_replace": {"prompt": "a green apple", "search_prompt": "red disc"},
    "edit.search_recolor": {"prompt": "blue", "select_prompt": "red disc"},
    "edit.general_edit": {"prompt": "make the disc blue"},
    "edit.erase": {"mask_base64": to_text(block_mask(*SIZE))},
    "edit.relight": {"prompt": "a beach at sunset", "options": {"light_source_direction": "left"}},
    "upscale.fast": {"preset": "social"},
    "upscale.conservative": {"preset": "social"},
    "upscale.creative": {"preset": "social", "prompt": "fine detail"},
    "control.sketch": {"prompt": "a castle on a hill"},
    "control.structure": {"prompt": "a castle on a hill"},
    "control.style": {"prompt": "a castle on a hill", "aspect_ratio": "16:9"},
    "control.style_transfer": {"prompt": "in oil", "style_image_base64": to_text(photo(200, 300).convert("L"))},
}


class Cell(NamedTuple):
    operation: str
    provider: str
    model: str

    @property
    def row(self) -> Operation:
        return find_operation(self.operation.partition(".")[0])

    def request(self, **more: Any) -> Request:
        group, _, name = self.operation.partition(".")
        body = {
            "control_image_base64" if group == "control" else "image_base64": to_text(photo(*SIZE)),
            "mode" if group == "upscale" else "operation": name,
            "provider": self.provider,
            "model": self.model,
            **BODIES[self.operation],
            **more,
        }
        return self.row.request.model_validate(body)

    def __str__(self) -> str:
        return f"{self.operation}-{self.provider}-{self.model}"


#: Every operation by every model that can do it.
CELLS = [
    Cell(operation, spec.name, model.name)
    for operation in BODIES
    for spec in SPECS
    for model in spec.live_models()
    if model.does(operation)
]


def _first(operation: str, provider: str) -> Cell:
    query = ModelQuery(operation=operation, quality="standard", provider=provider)
    return Cell(operation, provider, select_candidates(query, frozenset({provider}))[0].model.name)


#: Every operation by every provider that can do it, with the model that is selected automatically.
BY_PROVIDER = list(dict.fromkeys(_first(cell.operation, cell.provider) for cell in CELLS))
