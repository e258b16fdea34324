"""How to reach a provider: its key and address. What sends is `sender.py`, which brings requests with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from image_studio.providers.spec import ProviderSpec


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a provider: its key, and a base URL where the operator set one."""

    key: str = field(repr=False)
    base_url: str | None = None


def access_from(values: Mapping[str, str], spec: ProviderSpec) -> Access | None:
    """The provider's access out of environment-like values, or None where there is no key."""
    key = values.get(spec.key_variable, "").strip()
    return Access(key, values.get(spec.base_url_variable, "").strip() or None) if key else None
