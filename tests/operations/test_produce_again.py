"""Producing again: with a fresh key after a refusal, and from where an earlier run stopped."""

import threading

import pytest

from image_studio.errors import ProviderKeyRefused
from image_studio.operations.generate import MIN_POLL_SECONDS, generate
from image_studio.operations.journal import Entry, JobLost, Stage
from image_studio.providers.adapter import ProviderCredentials
from image_studio.providers.client import StillRunning
from tests.operations.easel import Keys, Ledger, ToldWire, painted, studio
from tests.operations.orders import CORE, QWEN, failing, one, order


def test_a_refused_key_is_read_anew_once_and_used():
    """A rotated key costs one refused call and no image."""
    wire = ToldWire(lambda provider, task: _refuse(wire.calls[-1][3]))
    keys = Keys("old", fresh="new")
    entry = one(studio(wire, keyring=keys))
    assert [call[3].key for call in wire.calls] == ["old", "new"]
    assert (entry.stage, keys.read_anew) == (Stage.DONE, 1)


def _refuse(access: ProviderCredentials):
    if access.key != "new":
        raise ProviderKeyRefused("refused")


def test_the_same_key_is_not_tried_twice():
    """When the secret says nothing new, the refusal stands and the next provider is asked."""
    wire = failing(stability=ProviderKeyRefused("refused"))
    assert one(studio(wire), CORE, QWEN).provider == "wavespeed"
    assert wire.called == ["stability", "wavespeed"]


def test_a_fresh_key_that_is_refused_too_is_the_end_of_it():
    """One look at the secret for each call, not a loop."""
    wire = failing(stability=ProviderKeyRefused("refused"))
    entry = one(studio(wire, keyring=Keys("old", fresh="new")))
    assert (len(wire.calls), entry.code) == (2, "provider_unavailable")


def test_every_variation_notices_a_rotated_key():
    """Also those that were refused after another one had already read the secret."""
    together = threading.Barrier(4, timeout=60)

    def act(provider, task):
        access = next(call[3] for call in reversed(wire.calls) if call[2] is task)
        if access.key != "new":
            together.wait()
        _refuse(access)

    wire = ToldWire(act)
    room = studio(wire, keyring=Keys("old", fresh="new"))
    entries = generate(room, (CORE,), [order(number) for number in range(1, 5)])
    assert [entry.stage for entry in entries] == [Stage.DONE] * 4
    assert len(wire.calls) == 8


# -- later runs


def ordered(handle, **more):
    """An entry as a run left it that got this far."""
    stage = Stage.ORDERED if handle else Stage.INTENDED
    return Entry(
        variation=1, stage=stage, provider="wavespeed", model="qwen-image", handle=handle, credits=2, seed=5, **more
    )


@pytest.mark.parametrize("stage", [Stage.DONE, Stage.FAILED])
def test_what_ended_stays_as_it_is(stage):
    """A message that comes twice pays nothing."""
    wire = ToldWire()
    entry = Entry(variation=1, stage=stage, provider="stability", model="core")
    assert one(studio(wire, journal=Ledger(entry))) is entry
    assert wire.calls == []


def test_a_call_that_was_intended_is_not_made_again():
    """Whether it was made is unknown; the credits are held."""
    wire = ToldWire()
    entry = one(studio(wire, journal=Ledger(ordered(None))), CORE)
    assert wire.calls == []
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, "unknown_charge", 2)


def test_an_ordered_image_is_fetched_by_its_handle():
    """From the provider and model that it was ordered from, whatever would be chosen now."""
    wire = ToldWire()
    entry = one(studio(wire, journal=Ledger(ordered("p123"))), CORE)
    assert [(provider, model, handle) for provider, model, _, _, handle in wire.calls] == [
        ("wavespeed", "qwen-image", "p123")
    ]
    assert (entry.stage, entry.provider, entry.seed, entry.credits) == (Stage.DONE, "wavespeed", 5, 2)


def test_bytes_that_arrived_are_finished_without_a_call():
    """The run before died between receiving and keeping."""
    journal, wire = Ledger(ordered("p123")), ToldWire()
    journal.raw[1] = painted(8, 8)
    assert one(studio(wire, journal=journal)).stage is Stage.DONE
    assert wire.calls == []


def test_a_resumed_call_has_what_is_left_of_its_deadline():
    """At least a last poll's worth."""
    for age, left in ((0, 120), (100, 20), (10_000, MIN_POLL_SECONDS)):
        wire = ToldWire()
        room = studio(wire, journal=Ledger(ordered("p1", ordered_at=1_000_000.0)), now=lambda age=age: 1e6 + age)
        one(room)
        started = wire.watch.hold - room.hold
        assert wire.watch.deadline - started == pytest.approx(left, abs=1)


def test_a_handle_is_on_record_before_anything_else_happens():
    """The journal knows it when the wire goes on."""
    journal = Ledger()

    def act(provider, task):
        wire.on_handle("p9")
        assert journal.entries[1].handle == "p9"
        raise StillRunning(7.0)

    wire = ToldWire(act)
    with pytest.raises(StillRunning) as running:
        one(studio(wire, journal=journal), QWEN)
    assert running.value.wait == 7.0
    assert journal.entries[1].stage is Stage.ORDERED


def test_several_that_still_run_are_asked_after_the_shortest_wait():
    """And what is done meanwhile stays done."""
    journal = Ledger()

    def act(provider, task):
        if task.seed != 2:
            raise StillRunning(10.0 * task.seed)

    with pytest.raises(StillRunning) as running:
        generate(studio(ToldWire(act), journal=journal), (QWEN,), [order(number) for number in (1, 2, 3)])
    assert running.value.wait == 10.0
    assert journal.entries[2].stage is Stage.DONE


def test_a_lost_job_stops_before_the_paid_call():
    """Another worker has taken over: nothing more is paid here."""

    class Lost(Ledger):
        def intend(self, entry):
            """Somebody else has it."""
            raise JobLost

    wire = ToldWire()
    with pytest.raises(JobLost):
        one(studio(wire, journal=Lost()))
    assert wire.calls == []
