"""All templates over HTTP, each on the provider that it recommends, in exactly its size."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from image_studio.catalog.load import load_catalog
from image_studio.catalog.models import Template
from local.stack import Stack
from tests.contract.caller import Caller
from tests.contract.replay import decoded

AT_ONCE = 4


@pytest.fixture(scope="module")
def bodies(running_stack: Stack) -> dict[str, dict[str, Any]]:
    """The answer for every template, as a client that copies the recommendation asks for it."""
    caller = Caller(running_stack, "templates")

    def ask(template: Template) -> dict[str, Any]:
        body: dict[str, Any] = caller.post(
            "/create", prompt="A lighthouse", template_id=template.id, provider=template.recommended_provider
        ).json()
        return body

    with ThreadPoolExecutor(AT_ONCE) as pool:
        templates = load_catalog().templates
        return dict(zip(templates, pool.map(ask, templates.values()), strict=True))


@pytest.mark.parametrize("template", load_catalog().templates.values(), ids=lambda template: template.id)
def test_a_template_on_its_recommended_provider(template, bodies):
    """A PNG of the template's size, in its style and quality."""
    body = bodies[template.id]
    (result,) = body["results"]
    size = template.aspect_ratio
    image = decoded(result["image_base64"])
    assert (image.format, image.size) == ("PNG", (size.width, size.height))
    echo = body["request"]
    assert (echo["template_name"], echo["dimensions"]) == (template.name, f"{size.width}x{size.height}")
    assert (echo["style_preset"], echo["quality"]) == (template.style_preset, template.quality)


def test_there_are_26():
    """As many as the reference counts."""
    assert len(load_catalog().templates) == 26
