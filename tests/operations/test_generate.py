"""Variations: at most one paid call each, whatever failed, crashed or was repeated before."""

import threading
import time
from dataclasses import replace

import pytest

from image_studio.errors import (
    ContentRefused,
    InvalidImage,
    MaybeCharged,
    NotCharged,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderOutage,
    ProviderUnavailable,
    ResultUnusable,
    UnknownCharge,
)
from image_studio.operations.generate import (
    EncodedImage,
    VariationTask,
    encode_image,
    fit_task,
    generate,
    inline_share,
)
from image_studio.operations.journal import Entry, JobLost, Stage
from image_studio.operations.model_selection import Candidate
from image_studio.providers import find_model
from image_studio.providers.adapter import Task
from image_studio.providers.client import StillRunning
from image_studio.providers.spec import ModelSpec, Range
from image_studio.schemas.common import Delivery, FileType
from image_studio.schemas.limits import INLINE_BYTES
from tests.imaging.samples import noise
from tests.operations.fakes import (
    FakeCircuits,
    FakeClient,
    FakeCredentials,
    RecordingJournal,
    corner_image,
    failing,
    make_context,
)

CORE = Candidate(*find_model("stability", "core"), "one")
QWEN = Candidate(*find_model("wavespeed", "qwen-image"), "two")
FLUX = Candidate(*find_model("huggingface", "FLUX.1-schnell"), "three")


def variation(number=1, encode=None):
    """A variation of a square image, whose bytes are taken unchanged."""
    facts = {"width": 1, "height": 1, "metadata": {"own": 1}}
    return VariationTask(
        number,
        lambda candidate: Task(operation="create", width=1024, height=1024, prompt="a boat", seed=number),
        encode or (lambda data, entry: EncodedImage(data, "image/png", facts)),
    )


def generate_one(context, *candidates):
    (entry,) = generate(context, candidates or (CORE,), [variation()])
    return entry


def test_the_steps_of_a_variation():
    """Intended, received and kept, each recorded before the next step."""
    journal, client = RecordingJournal(), FakeClient()
    entry = generate_one(make_context(client, journal=journal))
    assert [what for what, _ in journal.log] == ["intend", "keep"]
    assert journal.log[0][1].stage is Stage.INTENDED
    assert (entry.stage, entry.provider, entry.model, entry.seed) == (Stage.DONE, "stability", "core", 1)
    assert (entry.credits, len(client.calls)) == (3, 1)
    assert entry.facts == {"width": 1, "height": 1, "metadata": {"reason": "one", "own": 1}}
    assert journal.raw[1] == journal.images["1"]


FREE_FAILURES = [NotCharged, ProviderUnavailable, ProviderKeyRefused, ProviderBusy, ProviderOutage]


@pytest.mark.parametrize("error", FREE_FAILURES)
def test_after_a_call_that_was_surely_free_the_next_candidate_is_called(error):
    """The reason names the provider that failed."""
    journal = RecordingJournal()
    client = failing(stability=error("no"))
    entry = generate_one(make_context(client, journal=journal), CORE, QWEN)
    assert client.providers == ["stability", "wavespeed"]
    assert [what for what, _ in journal.log] == ["intend", "release", "intend", "keep"]
    assert (entry.provider, entry.credits) == ("wavespeed", 2)
    assert entry.facts["metadata"]["reason"] == "two; stability failed before"


@pytest.mark.parametrize(
    ("error", "credits"),
    [(UnknownCharge(), 3), (ResultUnusable("no image"), 3), (MaybeCharged(), 3), (ContentRefused(), 0)],
    ids=repr,
)
def test_a_call_that_may_have_been_charged_is_never_repeated(error, credits):
    """Neither by the same provider nor by another; the credits stay on the entry, to be held.

    Nor is refused content sent to another provider: it is the caller's to correct, and nothing is charged.
    """
    client = failing(stability=error)
    entry = generate_one(make_context(client), CORE, QWEN)
    assert client.providers == ["stability"]
    assert (entry.stage, entry.status, entry.code) == (Stage.FAILED, error.status, error.code)
    assert entry.credits == credits


def test_the_last_failure_is_recorded_when_all_candidates_fail():
    """Each was called once; nothing is charged."""
    client = failing(stability=ProviderOutage("a"), wavespeed=ProviderBusy("b"), huggingface=ProviderUnavailable("c"))
    entry = generate_one(make_context(client), CORE, QWEN, FLUX)
    assert client.providers == ["stability", "wavespeed", "huggingface"]
    assert (entry.detail, entry.code, entry.credits) == ("c", "provider_unavailable", 0)


def test_without_a_key_or_a_candidate_nothing_is_called():
    client = FakeClient()
    entry = generate_one(make_context(client, credentials=FakeCredentials(None)))
    assert (client.calls, entry.detail) == ([], "Stability AI is not configured.")
    (entry,) = generate(make_context(), (), [variation()])
    assert (entry.stage, entry.code) == (Stage.FAILED, "provider_unavailable")


def test_the_client_can_renew_the_credentials_of_the_called_provider():
    """A key that was replaced after it was read."""
    client = FakeClient()
    generate_one(make_context(client, credentials=FakeCredentials("old", renewed="new")))
    call = client.calls[0].paid
    assert call.credentials.key == "old"
    assert call.renew()
    assert call.credentials.key == "new"
    assert not call.renew()


# -- several variations


def test_one_failure_leaves_the_others_alone():
    """The entries are in the order of the variations."""

    def act(provider, task):
        if task.seed == 2:
            raise UnknownCharge

    entries = generate(make_context(FakeClient(act)), (CORE,), [variation(number) for number in range(1, 5)])
    assert [entry.stage for entry in entries] == [Stage.DONE, Stage.FAILED, Stage.DONE, Stage.DONE]
    assert [entry.variation for entry in entries] == [1, 2, 3, 4]


def test_ten_variations_run_in_parallel():
    """Each waits until all ten have started."""
    together = threading.Barrier(10, timeout=60)
    client = FakeClient(lambda provider, task: together.wait())
    entries = generate(make_context(client), (CORE,), [variation(number) for number in range(1, 11)])
    assert [entry.stage for entry in entries] == [Stage.DONE] * 10


def test_an_image_that_cannot_be_used_is_paid_and_failed():
    """The sentence gives no advice for a caller's image: the caller can't correct it."""

    def encode(data, entry):
        raise InvalidImage("not an image")

    client = FakeClient()
    (entry,) = generate(make_context(client), (CORE, QWEN), [variation(encode=encode)])
    assert client.providers == ["stability"]
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, "unknown_charge", 3)
    assert "can't be used" in entry.detail


def test_an_image_that_our_encoder_fails_on_is_paid_and_failed(caplog):
    """A second run would fail, too; the provider's bytes stay, and the log says what happened."""

    def encode(data, entry):
        raise ValueError("encoding error 5")

    journal, client = RecordingJournal(), FakeClient()
    (entry,) = generate(make_context(client, journal=journal), (CORE, QWEN), [variation(encode=encode)])
    assert client.providers == ["stability"]
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, "unknown_charge", 3)
    assert "could not be written" in entry.detail
    assert journal.received(1)
    assert "encoding error 5" in caplog.text


def test_an_error_of_our_own_is_raised():
    """For the worker to log, and to run the job again."""
    with pytest.raises(ZeroDivisionError):
        generate_one(make_context(FakeClient(lambda provider, task: 1 / 0)))


# -- circuits and log


@pytest.mark.parametrize(
    ("error", "reports"),
    [
        (None, [True]),
        *((error, [False]) for error in (ProviderOutage(), ProviderBusy(), ProviderKeyRefused(), UnknownCharge())),
        (ProviderUnavailable("no credit"), [False]),
        *((error, []) for error in (NotCharged("an unknown field"), ResultUnusable("words"), ContentRefused())),
    ],
    ids=repr,
)
def test_only_faults_of_the_provider_are_reported(error, reports):
    """A caller can't open a circuit for others by a bad request."""
    circuits = FakeCircuits()
    generate_one(make_context(failing(stability=error), circuits=circuits))
    assert circuits.begun == ["stability"]
    assert circuits.reports == [("stability", ok) for ok in reports]


def test_the_log_has_no_prompt_and_no_key(caplog):
    """Provider, model, seconds and bytes; nothing of the caller's."""
    caplog.set_level("INFO")
    credentials = FakeCredentials("sk-canary")
    generate_one(make_context(failing(stability=ProviderOutage()), credentials=credentials), CORE, QWEN)
    assert [record.message for record in caplog.records] == ["provider failed", "image received"]
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert not any(word in logged for word in ("a boat", "canary"))


# -- later runs


def earlier(handle, **more):
    more |= {"stage": Stage.ORDERED if handle else Stage.INTENDED, "handle": handle}
    return Entry(variation=1, provider="wavespeed", model="qwen-image", credits=2, seed=5, **more)


def test_what_ended_stays_unchanged():
    """A repeated message pays nothing. Whether an intended call was made is unknown: its credits are held."""
    client = FakeClient()
    for stage in (Stage.DONE, Stage.FAILED):
        entry = Entry(variation=1, stage=stage, provider="stability", model="core")
        assert generate_one(make_context(client, journal=RecordingJournal(entry))) is entry
    entry = generate_one(make_context(client, journal=RecordingJournal(earlier(None))), CORE)
    assert (entry.stage, entry.code, entry.credits) == (Stage.FAILED, "unknown_charge", 2)
    assert client.calls == []


def test_an_ordered_image_is_resumed_by_its_handle():
    """By the provider and model that it was ordered from, whatever the candidates are now."""
    client = FakeClient()
    entry = generate_one(make_context(client, journal=RecordingJournal(earlier("p123"))), CORE)
    (call,) = client.calls
    assert (call.provider, call.model.name, call.handle) == ("wavespeed", "qwen-image", "p123")
    assert (entry.stage, entry.provider, entry.seed, entry.credits) == (Stage.DONE, "wavespeed", 5, 2)


def test_received_bytes_are_encoded_without_a_call():
    """The run before died between receiving and keeping."""
    journal, client = RecordingJournal(earlier("p123")), FakeClient()
    journal.raw[1] = corner_image(8, 8)
    assert generate_one(make_context(client, journal=journal)).stage is Stage.DONE
    assert client.calls == []


def test_a_resumed_call_keeps_its_age_and_its_next_poll():
    """Its result expires by the time of the order, and no poll comes sooner than the run before said."""
    journal, answers = RecordingJournal(earlier("p1", ordered_at=1e6)), [StillRunning(90.0)]

    def act(provider, task):
        if answers:
            raise answers.pop()

    client = FakeClient(act)
    for age in (600, 630):
        context = make_context(client, journal=journal, now=lambda age=age: 1e6 + age)
        if age == 600:
            with pytest.raises(StillRunning):
                generate_one(context)
    assert journal.entries[1].due_at == 1e6 + 690
    assert generate_one(context).stage is Stage.DONE
    call = client.calls[1].paid
    assert call.wait_until - context.wait_seconds - call.ordered == pytest.approx(630, abs=1)
    assert client.waits == [-1e6 - 600, 60.0]


def test_a_handle_is_recorded_before_anything_else_happens():
    """The journal has it when the client continues."""
    journal = RecordingJournal()

    def act(provider, task):
        client.calls[-1].paid.on_handle("p9")
        assert journal.entries[1].handle == "p9"
        raise StillRunning(7.0)

    client = FakeClient(act)
    with pytest.raises(StillRunning) as running:
        generate_one(make_context(client, journal=journal), QWEN)
    assert (running.value.wait, journal.entries[1].stage) == (7.0, Stage.ORDERED)


def test_several_that_still_run_are_resumed_after_the_shortest_wait():
    """What is done meanwhile stays done."""
    journal = RecordingJournal()

    def act(provider, task):
        if task.seed != 2:
            raise StillRunning(10.0 * task.seed)

    with pytest.raises(StillRunning) as running:
        generate(make_context(FakeClient(act), journal=journal), (QWEN,), [variation(number) for number in (1, 2, 3)])
    assert (running.value.wait, journal.entries[2].stage) == (10.0, Stage.DONE)


def test_a_lost_job_stops_before_the_paid_call():
    """Another worker has taken over."""

    class Lost(RecordingJournal):
        def intend(self, entry):
            raise JobLost

    client = FakeClient()
    with pytest.raises(JobLost):
        generate_one(make_context(client, journal=Lost()))
    assert client.calls == []


# -- a task within a model's limits

MODEL = ModelSpec(
    name="toy",
    endpoint="toy",
    operations=frozenset({"create"}),
    usd=0.01,
    accepts=frozenset({"seed", "steps", "guidance_scale", "control_strength"}),
    ranges={"steps": Range(4, 30), "guidance_scale": Range(1.5, 8), "control_strength": Range(0, 1)},
)


@pytest.mark.parametrize(
    ("fields", "clamped"),
    [
        ({"seed": 7, "steps": 30, "guidance_scale": 1.5, "settings": {"control_strength": 1}}, {}),
        ({"steps": 31}, {"steps": 30}),
        ({"steps": 3}, {"steps": 4}),
        ({"guidance_scale": 50.5}, {"guidance_scale": 8}),
        ({"guidance_scale": 0}, {"guidance_scale": 1.5}),
    ],
    ids=str,
)
def test_a_task_is_limited_to_what_the_model_takes(fields, clamped):
    """Every change is noted; a count stays a whole number."""
    task, notes = fit_task(Task(operation="create", width=64, height=64, **fields), MODEL)
    assert task == Task(operation="create", width=64, height=64, **fields | clamped)
    assert notes == ({"clamped": clamped} if clamped else {})
    assert task.steps is None or isinstance(task.steps, int)


def test_what_a_model_does_not_take_is_noted():
    """Settings have ranges, too."""
    task = Task(operation="create", width=64, height=64, settings={"control_strength": 1.7, "fidelity": 0.5})
    fitted, notes = fit_task(replace(task, negative_prompt="rain", style_preset="anime"), MODEL)
    assert fitted == replace(task, settings={"control_strength": 1})
    assert notes == {"ignored": ["negative_prompt", "style_preset", "fidelity"], "clamped": {"control_strength": 1}}


# -- copies for responses


def copied(delivery=Delivery.AUTO, images=1, size=(96, 64)):
    """A variation of noise whose file may have INLINE_BYTES / images in a response."""
    image = noise(*size)

    def encode(data, entry):
        return encode_image(image, FileType.PNG, {"metadata": {}}, inline_share(delivery, images))

    return variation(encode=encode)


def test_a_copy_is_stored_before_its_image():
    """With the entry it is found again: which file, how good, how large. A later run makes the same one."""
    journal = RecordingJournal()
    (entry,) = generate(make_context(journal=journal), [CORE], [copied(images=1000)])
    copy = entry.facts["inline"]
    assert list(journal.images)[-2:] == [copy.stored.key, entry.stored.key]
    assert copy.stored.size == len(journal.images[copy.stored.key]) <= INLINE_BYTES // 1000
    assert (copy.stored.mime, entry.stored.mime) == ("image/webp", "image/png")


def test_an_image_within_its_share_has_no_copy():
    """Nor has one that is to be a URL."""
    for task in (copied(images=2), copied(delivery=Delivery.URL, images=1000)):
        journal = RecordingJournal()
        (entry,) = generate(make_context(journal=journal), [CORE], [task])
        assert "inline" not in entry.facts


def test_images_are_encoded_one_at_a_time():
    """Ten results that arrive together would not fit into the worker's memory; the paid calls are parallel."""
    inside, most = [0], [0]

    def encode(data, entry):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        inside[0] -= 1
        return EncodedImage(data, "image/png", {})

    entries = generate(make_context(), [CORE], [variation(number, encode) for number in range(1, 11)])
    assert [entry.stage for entry in entries] == [Stage.DONE] * 10
    assert most == [1]
