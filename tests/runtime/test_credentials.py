"""The providers' keys: one secret, cached, read again when a key was refused; the environment locally."""

import json
import time
from datetime import datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters

from image_studio.providers import PROVIDERS
from image_studio.providers.adapter import ProviderCredentials
from image_studio.runtime import aws_clients, credentials, settings
from image_studio.runtime.credentials import CredentialStore, fields_of
from tests.tables import SECRET, fake_aws, forget


@pytest.fixture
def secret(monkeypatch):
    def write(text):
        boto3.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=text)

    with fake_aws(monkeypatch):
        yield lambda **keys: write(json.dumps(keys))


def test_keys_come_from_the_secret(secret):
    """Its fields are named like the environment's variables; an empty one is no key."""
    secret(STABILITY_API_KEY=" one\n", GEMINI_API_KEY="", HF_TOKEN=" ", STABILITY_BASE_URL=" ")
    keys = CredentialStore()
    assert keys.access("stability") == ProviderCredentials("one")
    assert keys.access("gemini") is None
    assert keys.configured() == {"stability"}


def test_the_environment_wins(secret, monkeypatch):
    """Locally there is no secret, and no AWS is called; where there are both, the process's own variable counts."""
    secret(STABILITY_API_KEY="one")
    monkeypatch.setenv("STABILITY_API_KEY", "two")
    monkeypatch.setenv("STABILITY_BASE_URL", "http://127.0.0.1:1")
    assert CredentialStore().access("stability") == ProviderCredentials("two", "http://127.0.0.1:1")
    monkeypatch.delenv("PROVIDER_SECRET_ID")
    forget()
    assert CredentialStore().configured() == {"stability"}


def test_the_secret_is_read_once_in_five_minutes(secret, monkeypatch):
    """A new key is seen when the time is over, not before."""
    secret(STABILITY_API_KEY="one")
    keys = CredentialStore()
    assert keys.access("stability") == ProviderCredentials("one")
    secret(STABILITY_API_KEY="two")
    assert keys.access("stability") == ProviderCredentials("one")
    for seconds, key in ((299, "one"), (301, "two")):
        later = datetime.now() + timedelta(seconds=seconds)
        monkeypatch.setattr(parameters.base, "datetime", SimpleNamespace(now=lambda later=later: later))
        assert keys.access("stability") == ProviderCredentials(key)


def test_a_refused_key_is_read_again(secret):
    """At once, and for everybody who asks afterwards."""
    secret(STABILITY_API_KEY="one")
    keys = CredentialStore()
    keys.access("stability")
    secret(STABILITY_API_KEY="two", GEMINI_API_KEY="g")
    assert keys.access("stability", renew=True) == ProviderCredentials("two")
    assert keys.configured() == {"stability", "gemini"}


def test_an_unreadable_secret_leaves_the_earlier_keys(secret, monkeypatch):
    """Secrets Manager may fail for a while; only who never read anything gets the error."""
    secret(STABILITY_API_KEY="one")
    keys = CredentialStore()
    keys.access("stability")
    monkeypatch.setenv("PROVIDER_SECRET_ID", "nowhere")
    settings.settings.cache_clear()
    assert keys.access("stability", renew=True) == ProviderCredentials("one")
    with pytest.raises(parameters.GetParameterError):
        CredentialStore().access("stability")


def test_an_unreadable_secret_is_not_read_at_every_call(secret, monkeypatch):
    """The earlier keys are used for as long as a secret is kept; then it is read again."""
    secret(STABILITY_API_KEY="one")
    keys = CredentialStore()
    keys.access("stability")
    reads = []

    def fail(*arguments, **options):
        reads.append(options)
        raise parameters.GetParameterError

    monkeypatch.setattr(parameters.SecretsProvider, "get", fail)
    started = time.monotonic()
    for seconds, renew, made in ((0, False, 1), (299, False, 1), (301, False, 2), (302, False, 2), (302, True, 3)):
        monkeypatch.setattr(credentials.time, "monotonic", lambda seconds=seconds: started + seconds)
        assert keys.access("stability", renew=renew) == ProviderCredentials("one")
        assert len(reads) == made


@pytest.mark.parametrize("text", ["", "sk-canary", "[]", '"sk-canary"'])
def test_a_secret_that_is_no_object_has_no_keys(text, caplog):
    """The log says what is wrong, and doesn't repeat it. Of an object only texts are keys."""
    assert fields_of(text) == {}
    assert "not a JSON object" in caplog.text
    assert "canary" not in caplog.text + repr(ProviderCredentials("sk-canary"))
    assert fields_of('{"a": "x", "b": 1, "c": null, "d": {}, "e": ""}') == {"a": "x"}


def test_every_provider_can_be_configured(secret):
    """Each by the key or the region that its spec names, and by it alone."""
    for name, adapter in PROVIDERS.items():
        secret(**{adapter.SPEC.key_variable or adapter.SPEC.region_variable: "k", "": "k"})
        aws_clients.secretsmanager.cache_clear()
        assert CredentialStore().configured() == {name}
