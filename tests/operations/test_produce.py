"""Producing variations: at most one paid call each, whatever failed, crashed or was repeated before."""

import threading

import pytest

from image_studio.errors import (
    ContentRefused,
    ProviderBusy,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import generate
from image_studio.operations.journal import Stage
from image_studio.providers.adapter import ProviderImage
from tests.operations.easel import Keys, Ledger, ToldWire, Vitals, painted, studio
from tests.operations.orders import CORE, FLUX, QWEN, failing, one, order


def test_a_variation_is_intended_paid_received_and_kept():
    """In this order, each step on record before the next."""
    journal, wire = Ledger(), ToldWire()
    entry = one(studio(wire, journal=journal))
    assert [what for what, _ in journal.log] == ["intend", "keep"]
    assert journal.log[0][1].stage is Stage.INTENDED
    assert (entry.stage, entry.provider, entry.model, entry.seed) == (Stage.DONE, "stability", "core", 1)
    assert (entry.credits, len(wire.calls)) == (3, 1)
    assert entry.facts == {"width": 1, "height": 1, "metadata": {"reason": "one", "own": 1}}
    assert journal.raw[1] == journal.images["1"]


def test_the_seed_that_was_really_used_is_noted():
    """Where the provider says so."""
    wire = ToldWire(lambda provider, task: ProviderImage(painted(8, 8), 77))
    assert one(studio(wire)).seed == 77


SURELY_FREE = [
    ProviderFailed("no"),
    ProviderUnavailable("no credit"),
    ProviderKeyRefused("bad key"),
    ProviderBusy("429"),
    ProviderOutage("503"),
]


@pytest.mark.parametrize("error", SURELY_FREE, ids=lambda error: type(error).__name__)
def test_what_surely_was_not_charged_falls_back(error):
    """The next choice makes the image, and the reason tells who failed before."""
    journal = Ledger()
    wire = failing(stability=error)
    entry = one(studio(wire, journal=journal), CORE, QWEN)
    assert wire.called == ["stability", "wavespeed"]
    assert [what for what, _ in journal.log] == ["intend", "release", "intend", "keep"]
    assert (entry.provider, entry.credits) == ("wavespeed", 2)
    assert entry.facts["metadata"]["reason"] == "two; stability failed before"


@pytest.mark.parametrize("error", [UnknownCharge(), ResultUnusable("no image")], ids=lambda e: type(e).__name__)
def test_what_may_have_been_charged_is_never_followed_by_another_call(error):
    """Neither again nor elsewhere; the credits stay on the entry, for the account to hold."""
    wire = failing(stability=error)
    entry = one(studio(wire), CORE, QWEN)
    assert wire.called == ["stability"]
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, error.code, 3)


def test_refused_content_is_the_users_to_mend():
    """Another provider isn't tried with it, and nothing is charged."""
    wire = failing(stability=ContentRefused())
    entry = one(studio(wire), CORE, QWEN)
    assert wire.called == ["stability"]
    assert (entry.stage, entry.status, entry.code, entry.credits) == (Stage.FAILED, 400, "content_refused", 0)


def test_the_last_failure_is_told_when_all_fail():
    """Each was tried once; nothing is charged."""
    wire = failing(stability=ProviderOutage("a"), wavespeed=ProviderBusy("b"), huggingface=ProviderUnavailable("c"))
    entry = one(studio(wire), CORE, QWEN, FLUX)
    assert wire.called == ["stability", "wavespeed", "huggingface"]
    assert (entry.detail, entry.code, entry.credits) == ("c", "provider_unavailable", 0)


def test_without_a_key_nobody_is_called():
    """The sentence says whose is missing."""
    wire = ToldWire()
    entry = one(studio(wire, keyring=Keys(None)))
    assert (wire.calls, entry.detail) == ([], "Stability AI is not configured: no key is set.")


def test_without_a_choice_there_is_a_sentence():
    """An empty list of choices isn't a crash."""
    (entry,) = generate(studio(), (), [order()])
    assert (entry.stage, entry.code) == (Stage.FAILED, "provider_unavailable")


# -- several


def test_one_failure_leaves_the_others_alone():
    """Three images and one failure, in the order of the variations."""

    def act(provider, task):
        if task.seed == 2:
            raise UnknownCharge

    entries = generate(studio(ToldWire(act)), (CORE,), [order(number) for number in range(1, 5)])
    assert [entry.stage for entry in entries] == [Stage.DONE, Stage.FAILED, Stage.DONE, Stage.DONE]
    assert [entry.variation for entry in entries] == [1, 2, 3, 4]


def test_ten_variations_are_on_their_way_at_the_same_time():
    """Each waits until all ten have begun."""
    together = threading.Barrier(10, timeout=60)
    wire = ToldWire(lambda provider, task: together.wait())
    entries = generate(studio(wire), (CORE,), [order(number) for number in range(1, 11)])
    assert [entry.stage for entry in entries] == [Stage.DONE] * 10


def test_a_image_that_can_not_be_used_is_paid_and_failed():
    """The provider's bytes pass the gate of uploads, or they are no result."""
    from image_studio.errors import InvalidImage

    def polish(data, entry):
        raise InvalidImage("not an image")

    wire = ToldWire()
    (entry,) = generate(studio(wire), (CORE, QWEN), [order(polish=polish)])
    assert wire.called == ["stability"]
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, "provider_failed", 3)
    assert "can't be used" in entry.detail  # the caller can't mend it, so no advice for a caller's image


def test_a_mistake_of_ours_is_not_a_result():
    """It is raised, for the worker to log and try again."""
    wire = ToldWire(lambda provider, task: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        one(studio(wire))


# -- health


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, [True]),
        (ProviderOutage(), [False]),
        (ProviderBusy(), [False]),
        (ProviderUnavailable("no credit"), [False]),
        (ProviderKeyRefused(), [False]),
        (UnknownCharge(), [False]),
        (ProviderFailed("a field it doesn't know"), []),
        (ResultUnusable("words instead of an image"), []),
        (ContentRefused(), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_the_providers_own_faults_count(error, told):
    """What a request brought about says nothing of the provider, and nobody can trip it for others."""
    vitals = Vitals()
    one(studio(failing(stability=error), health=vitals))
    assert vitals.begun == ["stability"]
    assert [ok for _, ok in vitals.reports] == told


def test_the_log_names_no_prompt_and_no_key(caplog):
    """Provider, model, seconds and bytes; nothing of the caller's."""
    caplog.set_level("INFO")
    one(studio(failing(stability=ProviderOutage()), keyring=Keys("sk-canary")), CORE, QWEN)
    assert "image received" in caplog.text
    shown = " ".join(str(vars(record)) for record in caplog.records)
    assert "a boat" not in shown
    assert "canary" not in shown
