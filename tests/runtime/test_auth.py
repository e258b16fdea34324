"""Who calls: claims of the request context, nothing else."""

from typing import Any

import pytest

from image_studio.errors import NotAllowed, NotAuthenticated
from image_studio.runtime.auth import caller_of, check_scope
from image_studio.runtime.settings import Settings, settings


@pytest.fixture(autouse=True)
def _fresh_settings() -> Any:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    "claims", [{}, {"sub": None}, {"sub": ""}, {"sub": " \t"}, {"sub": 7}, {"sub": ["a"]}, {"sub": "\ud800"}]
)
def test_without_a_subject_there_is_no_service(claims: dict[str, Any]) -> None:
    """Missing, empty, of another type, or no text: 401 in the documented words."""
    with pytest.raises(NotAuthenticated) as refused:
        caller_of(claims)
    assert refused.value.detail == "Authenticated user required for image operations."


def test_an_id_token_is_no_access_token() -> None:
    """Cognito's says so itself: its audience is the client that the gateway accepts access tokens of."""
    assert caller_of({"sub": "ann", "token_use": "access"})
    with pytest.raises(NotAuthenticated):
        caller_of({"sub": "ann", "token_use": "id"})


def test_a_tenant_is_a_hash() -> None:
    """Nothing of the subject gets into keys or logs; the same subject, of at most 1,024 characters, is the same."""
    caller = caller_of({"sub": "user_2abc@example.com"})
    assert "user" not in caller.tenant
    assert caller == caller_of({"sub": "user_2abc@example.com"})
    assert caller_of({"sub": "s" * 1_024})
    with pytest.raises(NotAuthenticated):
        caller_of({"sub": "s" * 1_025})


@pytest.mark.parametrize(
    ("claim", "tier"),
    [
        ("pro", "pro"),
        ("PRO", "pro"),
        ("[pro]", "pro"),
        (" enterprise ", "enterprise"),
        ("platinum", "free"),
        ("[free pro]", "free"),
        ("", "free"),
        (None, "free"),
        (True, "free"),
        (["pro"], "free"),
        ({"pro": 1}, "free"),
    ],
)
def test_an_unknown_tier_is_the_lowest(claim: Any, tier: str) -> None:
    """The gateway passes claims as text; whatever isn't a tier is free."""
    assert caller_of({"sub": "a", "tier": claim}).tier == tier


@pytest.mark.parametrize("name", ["custom:tier", "https://studio.example/tier"])
def test_the_claim_is_the_operators_choice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the configured claim counts."""
    monkeypatch.setenv("TIER_CLAIM", name)
    assert caller_of({"sub": "a", name: "basic", "tier": "enterprise"}).tier == "basic"


def test_a_scope_is_one_whole_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """In `scope` or `scp`, a string, a list, or a list as the gateway writes it. By default none is required."""
    check_scope({})
    monkeypatch.setenv("REQUIRED_SCOPE", "studio")
    settings.cache_clear()
    for claims in ({"scope": "a studio b"}, {"scope": "[a studio]"}, {"scp": ["a", "studio"]}, {"scp": "a,studio"}):
        check_scope(claims)
    for claims in ({}, {"scope": "studios"}, {"scp": "[a b]"}, {"scopes": "studio"}, {"scope": {"studio": 1}}):
        with pytest.raises(NotAllowed, match=r"^This token lacks the scope 'studio'\.$"):
            check_scope(claims)


def test_a_number_that_is_none_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a day isn't a whole number of days."""
    for name in ("INPUT_DAYS", "CREDITS_FREE"):
        monkeypatch.setenv(name, "0.5")
        with pytest.raises(ValueError, match=f"{name} must be a whole number, not '0.5'"):
            Settings()
        monkeypatch.delenv(name)
