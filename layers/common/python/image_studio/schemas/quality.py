"""How much to spend. No pydantic here: estimates and catalog reads start without it."""

from enum import StrEnum


class Quality(StrEnum):
    """What a caller asks for in place of a model; STANDARD where nothing is said."""

    DRAFT = "draft"
    STANDARD = "standard"
    PREMIUM = "premium"
