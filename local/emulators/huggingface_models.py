"""Hugging Face models as data: the task, who serves them under which id, and planning prices (USD per megapixel)."""

from dataclasses import dataclass, field
from typing import Any

T2I, I2I, SEGMENT = "text-to-image", "image-to-image", "image-segmentation"


@dataclass(frozen=True)
class HubModel:
    """A model of the hub and its provider routes."""

    id: str
    task: str
    usd_per_mp: float
    providers: dict[str, str] = field(default_factory=dict)

    def as_json(self, *, mapping: bool) -> dict[str, Any]:
        """As the hub's API describes it."""
        shown: dict[str, Any] = {"_id": "0" * 24, "id": self.id}
        if not mapping:
            return shown | {"modelId": self.id, "pipeline_tag": self.task, "tags": [self.task], "private": False}
        rows = [
            {"provider": name, "providerId": mapped, "status": "live", "task": self.task}
            for name, mapped in self.providers.items()
        ]
        return shown | {"inferenceProviderMapping": rows}


_ROWS = (
    HubModel(
        "black-forest-labs/FLUX.1-dev",
        T2I,
        0.025,
        {
            "fal-ai": "fal-ai/flux/dev",
            "replicate": "black-forest-labs/flux-dev",
            "together": "black-forest-labs/FLUX.1-dev",
        },
    ),
    HubModel(
        "black-forest-labs/FLUX.1-schnell",
        T2I,
        0.003,
        {
            "fal-ai": "fal-ai/flux/schnell",
            "nscale": "black-forest-labs/FLUX.1-schnell",
            "together": "black-forest-labs/FLUX.1-schnell",
        },
    ),
    HubModel("black-forest-labs/FLUX.1-Krea-dev", T2I, 0.025, {"fal-ai": "fal-ai/flux/krea"}),
    HubModel("Qwen/Qwen-Image", T2I, 0.02, {"fal-ai": "fal-ai/qwen-image"}),
    HubModel(
        "stabilityai/stable-diffusion-3-medium-diffusers",
        T2I,
        0.0012,
        {"hf-inference": "stabilityai/stable-diffusion-3-medium-diffusers"},
    ),
    HubModel("stabilityai/stable-diffusion-xl-base-1.0", T2I, 0.0012),
    HubModel("black-forest-labs/FLUX.1-Kontext-dev", I2I, 0.025, {"fal-ai": "fal-ai/flux-kontext/dev"}),
    HubModel("Qwen/Qwen-Image-Edit", I2I, 0.03, {"fal-ai": "fal-ai/qwen-image-edit"}),
    HubModel(
        "black-forest-labs/FLUX.2-klein-9B",
        I2I,
        0.015,
        {"fal-ai": "fal-ai/flux-2/klein/9b/edit", "replicate": "black-forest-labs/flux-2-klein-9b"},
    ),
    HubModel("timbrooks/instruct-pix2pix", I2I, 0.0012, {"hf-inference": "timbrooks/instruct-pix2pix"}),
    HubModel("briaai/RMBG-2.0", SEGMENT, 0.018, {"fal-ai": "fal-ai/bria/background/remove"}),
)
HUB: dict[str, HubModel] = {row.id: row for row in _ROWS}


def served_by(provider: str, mapped: str) -> HubModel | None:
    """The model that a provider serves under an id."""
    return next((model for model in HUB.values() if model.providers.get(provider) == mapped), None)
