"""The lists of operations: `/edit/operations` and `/control/operations`, rendered from the table."""

from typing import Any

from image_studio.catalog.operations import Table, table
from image_studio.operations.choose_model import Wish, choose
from image_studio.providers import PROVIDERS
from image_studio.schemas.quality import Quality


def edit_operations() -> dict[str, Any]:
    """Answer GET /edit/operations: label, description, default provider and the eight `fields` of each."""
    return _listed(table("edit"))


def control_operations() -> dict[str, Any]:
    """Answer GET /control/operations: label, description, default provider and the six `fields` of each."""
    return _listed(table("control"))


def default_provider(operation: str) -> str:
    """The provider that `auto` asks first for an operation such as `edit.inpaint`, were all configured."""
    wish = Wish(operation=operation, quality=Quality.STANDARD)
    return choose(wish, frozenset(PROVIDERS))[0].provider.name


def _listed(rows: Table) -> dict[str, Any]:
    return {
        "operations": {
            name: {
                "label": info.label,
                "description": info.description,
                "provider": default_provider(f"{rows.studio}.{name}"),
                "fields": {flag: flag in info.shows for flag in rows.flags},
            }
            for name, info in rows.operations.items()
        }
    }
