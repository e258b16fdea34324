"""The fault matrix: what each fault of each provider becomes, how often it is asked, and what it may have cost.

It runs through `produce`, as every job does: real HTTP to the emulators, waits jumped over, deadlines scaled down.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.operations import generate as generate_module
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate
from image_studio.providers import PROVIDERS, find_model, transport
from image_studio.providers.adapter import Blob, ProviderCredentials, Task
from image_studio.providers.client import MAX_FAULTS, MAX_SUBMITS, ProviderClient
from image_studio.providers.transport import HttpTransport
from local.emulators import Emulator

KEY = "sk-canary-7f3b9d"
SHORT = 0.6  # seconds: what a model has for one image where a fault makes it wait for real
MODELS = {
    "stability": "core",
    "wavespeed": "qwen-image",
    "huggingface": "FLUX.1-schnell",
    "gemini": "gemini-3.1-flash-image",
}
#: One edit of each provider: a form with files, JSON with data URIs, a queue, and inline images.
EDITS = {
    "stability": ("inpaint", "edit.inpaint"),
    "wavespeed": ("qwen-edit", "edit.general_edit"),
    "huggingface": ("Qwen-Image-Edit", "edit.general_edit"),
    "gemini": ("gemini-3.1-flash-image", "edit.general_edit"),
}
#: Models whose image is asked for after the paid call, and the operation that does so.
ASYNCHRONOUS = {
    "stability": ("replace-background-and-relight", "edit.relight"),
    "wavespeed": ("qwen-image", "create"),
    "huggingface": ("FLUX.1-Kontext-dev", "edit.general_edit"),
}


@dataclass(frozen=True)
class Fate:
    """How a fault ends: the answer's code and status, the submits made, and words of the sentence."""

    code: str
    says: str
    submits: int = 1
    status: int = 500


LOST = Fate("unknown_charge", "answer was lost")
UNREADABLE = Fate("unknown_charge", "could not be read")
EVERY: dict[str, Fate] = {
    "timeout": LOST,
    "reset": LOST,
    "drip": LOST,
    "cut": LOST,
    "429": Fate("provider_unavailable", "rate limit", MAX_SUBMITS),
    "429now": Fate("provider_unavailable", "rate limit", MAX_SUBMITS),
    "500": LOST,
    "html502": LOST,
    "504": LOST,
    "truncated": UNREADABLE,
    "mime": UNREADABLE,
    "huge": Fate("provider_failed", "larger than 1 MB"),
    "redirect": LOST,
    "empty": Fate("provider_failed", ""),
    "moderated": Fate("content_refused", "", status=400),
    "nocredit": Fate("provider_unavailable", "has no credit left"),
    "401": Fate("provider_unavailable", "refused our key"),
    "retired": Fate("provider_failed", "no longer offers this model"),
}
#: Where a provider's own words or rules make it different.
OWN: dict[tuple[str, str], Fate] = {
    ("stability", "500"): Fate("provider_failed", "failed (500)", MAX_SUBMITS),  # it charges for successes only
    ("stability", "429now"): Fate("provider_unavailable", "rate limit", 2),  # a minute's lock-out each
    ("stability", "truncated"): Fate("provider_failed", "can't be used"),  # half a PNG
    ("stability", "mime"): Fate("unknown_charge", "answered with text/html"),
    ("stability", "empty"): Fate("provider_failed", "empty image"),
    ("wavespeed", "429now"): Fate("provider_unavailable", "rate limit", 3),  # 15 s, 30 s, and the third is too late
    ("wavespeed", "empty"): Fate("provider_failed", "finished without an image"),
    ("huggingface", "empty"): Fate("provider_failed", "finished without an image"),
    ("gemini", "empty"): Fate("provider_failed", "answered in words"),
}
SLOW = {"timeout", "drip"}


@pytest.fixture(autouse=True)
def _scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_module, "MIN_POLL_SECONDS", 0.1)
    monkeypatch.setattr(transport, "MAX_RESULT_BYTES", 1024 * 1024)


def decoded(data: bytes, _entry: Entry) -> EncodedImage:
    """The provider's bytes, checked to be a whole image."""
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        raise InvalidImage from error
    return EncodedImage(data, "image/png", {"width": image.width, "height": image.height})


def candidate(provider: str, model: str, deadline: float | None = None) -> Candidate:
    """A model to try, with a deadline of its own."""
    spec, found = find_model(provider, model)
    return Candidate(spec, replace(found, deadline=deadline or found.deadline), "for the test")


def run(context: OperationContext, candidates: Sequence[Candidate], task: Callable[[Candidate], Task]) -> Entry:
    """One variation."""
    return generate(context, candidates, [VariationTask(1, task, decoded)])[0]


def create_task(prompt: str) -> Callable[[Candidate], Task]:
    """A small image to make."""
    return lambda _choice: Task(operation="create", width=256, height=256, prompt=prompt)


def submits(emulator: Emulator) -> int:
    """How many paid calls arrived."""
    return sum(call.kind == "generate" for call in emulator.calls)


@pytest.fixture
def context(emulators, jumps):
    """A context whose providers are the emulators."""
    return OperationContext(
        configured=frozenset(PROVIDERS),
        credentials=lambda name, *, renew=False: ProviderCredentials(KEY, emulators[name].url),
        provider_client=ProviderClient(HttpTransport(), clock=jumps.clock, sleep=jumps.sleep),
        hold_seconds=500.0,
    )


def edit_task(operation: str, prompt: str, images: dict[str, Blob]) -> Callable[[Candidate], Task]:
    """A small edit."""
    return lambda _choice: Task(operation=operation, width=256, height=192, prompt=prompt, images=images)


@pytest.mark.parametrize("provider", list(MODELS))
@pytest.mark.parametrize("fault", list(EVERY))
def test_fault_matrix(fault, provider, context, emulators, caplog):
    """A fault becomes its code, status and sentence, is asked as often as is surely free, and leaks no key."""
    tried = candidate(provider, MODELS[provider], SHORT if fault in SLOW else None)
    caplog.set_level(logging.DEBUG)
    entry = run(context, [tried], create_task(f"a red bicycle [[fault={fault}]]"))
    meets(entry, OWN.get((provider, fault), EVERY[fault]), emulators[provider], caplog.text)


#: Where an edit's answer differs from a generation's: it comes through a queue.
EDITS_OWN = {
    ("huggingface", "empty"): Fate("provider_failed", ""),
    ("huggingface", "moderated"): Fate("content_refused", "", status=400),
}


@pytest.mark.parametrize("provider", list(EDITS))
@pytest.mark.parametrize("fault", list(EVERY))
def test_fault_matrix_of_edits(fault, provider, context, emulators, caplog, masked):  # noqa: PLR0917  fixtures
    """The same on an edit, which sends images."""
    model, operation = EDITS[provider]
    tried = candidate(provider, model, SHORT if fault in SLOW else None)
    caplog.set_level(logging.DEBUG)
    entry = run(context, [tried], edit_task(operation, f"a red bicycle [[fault={fault}]]", masked))
    fate = EDITS_OWN.get((provider, fault)) or OWN.get((provider, fault), EVERY[fault])
    meets(entry, fate, emulators[provider], caplog.text)


def meets(entry: Entry, fate: Fate, emulator: Emulator, logged: str) -> None:
    """The variation met its fate, was paid once at most, and nothing leaked."""
    assert (entry.stage, entry.code, entry.status) == (Stage.FAILED, fate.code, fate.status)
    assert fate.says in entry.detail
    assert submits(emulator) == fate.submits
    assert emulator.paid_calls <= 1, "never more than one paid call"
    assert not any(call.path == "/_redirected" for call in emulator.calls)
    assert KEY not in entry.detail + logged


@pytest.mark.parametrize("provider", list(MODELS))
def test_a_key_that_was_rotated_is_read_anew_once(provider, context, emulators, caplog):
    """A refused key is looked up again; a newer one makes the image, the same one is the end, and neither leaks."""
    caplog.set_level(logging.DEBUG)
    url, keys = emulators[provider].url, {False: "bad-canary-1", True: "bad-canary-1"}
    same = replace(context, credentials=lambda name, renew=False: ProviderCredentials(keys[renew], url))
    entry = run(same, [candidate(provider, MODELS[provider])], create_task("a red bicycle"))
    assert (entry.code, entry.detail.endswith("refused our key.")) == ("provider_unavailable", True)
    assert (len(emulators[provider].calls), emulators[provider].paid_calls) == (1, 0)

    def rotated(name: str, renew: bool = False) -> ProviderCredentials:
        keys[False] = "good-canary-2" if renew else keys[False]
        return ProviderCredentials(keys[False], url)

    entry = run(
        replace(context, credentials=rotated), [candidate(provider, MODELS[provider])], create_task("a red bicycle")
    )
    assert (entry.stage, emulators[provider].paid_calls) == (Stage.DONE, 1)
    assert "canary" not in caplog.text


@pytest.mark.parametrize("provider", list(MODELS))
def test_a_refused_connection_is_free_and_tried_again(provider, context, jumps, emulators):
    """Where nothing listens, nothing was paid: it is asked four times, then the next provider would come."""
    closed = ProviderCredentials(KEY, "http://127.0.0.1:1")
    entry = run(
        replace(context, credentials=lambda name, renew=False: closed),
        [candidate(provider, MODELS[provider])],
        create_task("a red bicycle"),
    )
    assert (entry.code, entry.credits) == ("provider_failed", 0)
    assert "can't be reached" in entry.detail
    assert jumps.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("provider", list(MODELS))
def test_a_rate_limit_that_passes_is_waited_for(provider, context, jumps, emulators):
    """429 with Retry-After is waited out as told, and then exactly one call is paid."""
    prompt = "a red bicycle [[fault=429;after=7;times=2]]"
    entry = run(context, [candidate(provider, MODELS[provider])], create_task(prompt))
    assert entry.stage is Stage.DONE
    assert jumps.waits[:2] == [7.0, 7.0]
    assert emulators[provider].paid_calls == 1


def test_a_loading_model_is_waited_for(context, jumps, emulators):
    """Hugging Face's 503 with estimated_time is free: it is waited out and asked again."""
    prompt = "a red bicycle [[fault=503;after=9;times=1]]"
    entry = run(context, [candidate("huggingface", MODELS["huggingface"])], create_task(prompt))
    assert entry.stage is Stage.DONE
    assert jumps.waits == [9.0]
    assert emulators["huggingface"].paid_calls == 1


def test_a_used_up_day_is_not_waited_for(context, jumps, emulators):
    """Gemini's daily quota is not asked again."""
    prompt = "a red bicycle [[fault=429day]]"
    entry = run(context, [candidate("gemini", MODELS["gemini"])], create_task(prompt))
    assert (entry.code, jumps.waits, submits(emulators["gemini"])) == ("provider_unavailable", [], 1)
    assert "today" in entry.detail


@pytest.mark.parametrize("provider", list(MODELS))
def test_an_overloaded_answer_is_unknown(provider, context, emulators):
    """A 503 that isn't known to be free is never repeated, but Stability's own is."""
    entry = run(context, [candidate(provider, MODELS[provider])], create_task("a red bicycle [[fault=503;after=900]]"))
    free = {"stability": MAX_SUBMITS, "huggingface": 1}  # 900 s of loading are too long to wait for
    assert submits(emulators[provider]) == free.get(provider, 1)
    assert entry.code == ("provider_failed" if provider in free else "unknown_charge")


FREE = ("429", "nocredit", "401", "retired")
CHARGED = ("timeout", "reset", "html502", "504", "truncated", "huge", "redirect", "empty")


@pytest.mark.parametrize("fault", FREE)
def test_what_is_surely_free_falls_back(fault, context, emulators):
    """After a refusal that was documented not to charge, the next provider makes the image."""
    candidates = [candidate("wavespeed", MODELS["wavespeed"]), candidate("gemini", MODELS["gemini"])]
    entry = run(context, candidates, create_task(f"a red bicycle [[fault={fault};provider=wavespeed]]"))
    assert (entry.stage, entry.provider) == (Stage.DONE, "gemini")
    assert (emulators["wavespeed"].paid_calls, emulators["gemini"].paid_calls) == (0, 1)


@pytest.mark.parametrize("fault", CHARGED)
def test_what_may_be_charged_never_falls_back(fault, context, emulators):
    """After an outcome that is unknown or useless, no other provider is paid for the same variation."""
    deadline = SHORT if fault in SLOW else None
    candidates = [candidate("wavespeed", MODELS["wavespeed"], deadline), candidate("gemini", MODELS["gemini"])]
    entry = run(context, candidates, create_task(f"a red bicycle [[fault={fault};provider=wavespeed]]"))
    assert (entry.stage, entry.provider) == (Stage.FAILED, "wavespeed")
    assert emulators["gemini"].calls == []


# -- after the paid call: polls


def ordered_task(operation: str, prompt: str, image: Blob) -> Callable[[Candidate], Task]:
    """A task whose image is asked for after the paid call."""
    images = {} if operation == "create" else {"image": image}
    return lambda _c: Task(operation=operation, width=256, height=192, prompt=prompt, images=images)


POLL_FAULTS = ("reset", "cut", "truncated", "mime", "html502", "504", "500", "429", "429now")


#: Stability's answer to a poll is the image itself: half a PNG can't be told from a whole one on the wire.
POLLED = [(p, fault) for p in ASYNCHRONOUS for fault in POLL_FAULTS if (p, fault) != ("stability", "truncated")]


@pytest.mark.parametrize(("provider", "fault"), POLLED)
def test_polls_are_asked_again(fault, provider, context, emulators, image):
    """Faults of a poll are free: it is asked again, and the one paid call gives its image."""
    model, operation = ASYNCHRONOUS[provider]
    prompt = f"a red bicycle [[fault={fault};stage=poll;times=2]]"
    entry = run(context, [candidate(provider, model)], ordered_task(operation, prompt, image))
    assert entry.stage is Stage.DONE, entry.detail
    assert (submits(emulators[provider]), emulators[provider].paid_calls) == (1, 1)


@pytest.mark.parametrize("provider", list(ASYNCHRONOUS))
@pytest.mark.parametrize("fault", ["reset", "500", "429now", "html502"])
def test_polls_end(fault, provider, context, emulators, image):
    """A poll that never succeeds is given up after a bounded number of faults, as an unknown charge."""
    model, operation = ASYNCHRONOUS[provider]
    candidates = [candidate(provider, model), candidate("gemini", MODELS["gemini"])]
    task = ordered_task(operation, f"a red bicycle [[fault={fault};stage=poll]]", image)
    entry = run(context, candidates, task)
    polls = sum(call.kind == "poll" for call in emulators[provider].calls)
    assert (entry.code, entry.provider) == ("unknown_charge", provider)
    assert 1 < polls <= MAX_FAULTS
    assert emulators[provider].paid_calls == 1
    assert emulators["gemini"].calls == []


@pytest.mark.parametrize("provider", list(ASYNCHRONOUS))
@pytest.mark.parametrize("fault", ["401", "nocredit", "retired"])
def test_a_verdict_on_a_poll_is_no_permission_to_pay_again(fault, provider, context, emulators, image):
    """What is free as an answer to a submit isn't free as an answer to a poll: the image was ordered already."""
    model, operation = ASYNCHRONOUS[provider]
    candidates = [candidate(provider, model), candidate("gemini", MODELS["gemini"])]
    task = ordered_task(operation, f"a red bicycle [[fault={fault};stage=poll]]", image)
    entry = run(context, candidates, task)
    assert (entry.code, entry.provider) == ("unknown_charge", provider)
    assert "was ordered" in entry.detail
    assert (submits(emulators[provider]), emulators["gemini"].calls) == (1, [])


@pytest.mark.parametrize("provider", list(ASYNCHRONOUS))
def test_a_task_that_never_ends_is_left_at_its_deadline(provider, context, jumps, emulators, image):
    """Polling stops at the model's deadline, however patient the provider is."""
    model, operation = ASYNCHRONOUS[provider]
    task = ordered_task(operation, "a red bicycle [[polls=100000]]", image)
    entry = run(context, [candidate(provider, model, 60.0)], task)
    assert (entry.code, emulators[provider].paid_calls) == ("unknown_charge", 1)
    assert "did not finish in time" in entry.detail
    assert sum(jumps.waits) <= 60.0


def test_stability_is_polled_every_ten_seconds_at_most(context, jumps, emulators, image):
    """Stability's asynchronous results are asked for once in 10 s, the first time after 10 s."""
    model, operation = ASYNCHRONOUS["stability"]
    task = ordered_task(operation, "a red bicycle [[polls=3]]", image)
    entry = run(context, [candidate("stability", model)], task)
    assert entry.stage is Stage.DONE
    assert jumps.waits == [10.0] * 4


# -- after the paid call: downloads


LOCATED = {"wavespeed": ASYNCHRONOUS["wavespeed"], "huggingface": ("FLUX.1-schnell", "create")}


@pytest.mark.parametrize("provider", list(LOCATED))
@pytest.mark.parametrize("fault", ["reset", "cut", "500", "404", "429"])
def test_downloads_are_asked_again(fault, provider, context, emulators, image):
    """A result's download is free and repeated after a fault."""
    model, operation = LOCATED[provider]
    prompt = f"a red bicycle [[fault={fault};stage=result;times=2]]"
    entry = run(context, [candidate(provider, model)], ordered_task(operation, prompt, image))
    assert entry.stage is Stage.DONE, entry.detail
    assert emulators[provider].paid_calls == 1
    assert sum(call.kind == "result" for call in emulators[provider].calls) == 3


#: How often a result is asked for under each fault.
DOWNLOADS = {"500": MAX_FAULTS, "redirect": 1, "notimage": 1, "mime": 1, "truncated": 1, "empty": 1}


@pytest.mark.parametrize("fault", list(DOWNLOADS))
@pytest.mark.parametrize("provider", list(LOCATED))
def test_downloads_end(fault, provider, context, emulators, image):
    """A result that can't be had or used is the provider's failure, is kept as charged, and nothing is paid again."""
    model, operation = LOCATED[provider]
    candidates = [candidate(provider, model), candidate("gemini", MODELS["gemini"])]
    task = ordered_task(operation, f"a red bicycle [[fault={fault};stage=result]]", image)
    entry = run(context, candidates, task)
    assert (entry.code, entry.status, entry.provider) == ("provider_failed", 500, provider)
    assert sum(call.kind == "result" for call in emulators[provider].calls) == DOWNLOADS[fault]
    assert not any(call.path == "/_redirected" for call in emulators[provider].calls)
    assert emulators["gemini"].calls == []
