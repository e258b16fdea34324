"""What a platform wants: the two reads of the social optimizer.

Both answer 404 for an unknown platform. Blog, email and website are known but fix no sizes: they have an
empty list of formats (200) and no specifications (404).
"""

from typing import Any

from image_studio.catalog import Catalog, default
from image_studio.errors import NotFound


def platform_formats(platform: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer `{"formats": [...]}` of a platform, in any case; NotFound lists the platforms."""
    found = (catalog or default()).platform(platform)
    return {"formats": [each.as_dict() for each in found.formats]}


def platform_specs(platform: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Answer a platform's specifications; NotFound lists the platforms that have any."""
    shelf = catalog or default()
    found = shelf.platform(platform)
    specs = found.specs()
    if specs is None:
        valid = ", ".join(shelf.social_platform_names)
        raise NotFound(f"{found.name} has no specifications, as it has no fixed formats. Valid: {valid}.")
    return specs
