"""The fault matrix: what each fault of each provider becomes, how often it is asked, and what it may have cost.

It runs through `generate`, as every job does: real HTTP to the emulators, waits jumped over, deadlines scaled down.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import pytest
from PIL import Image

from image_studio.errors import InvalidImage
from image_studio.operations.context import OperationContext
from image_studio.operations.generate import EncodedImage, VariationTask, generate
from image_studio.operations.journal import Entry, Stage
from image_studio.operations.model_selection import Candidate
from image_studio.providers import PROVIDERS, client, find_model, transport
from image_studio.providers.adapter import Blob, ProviderCredentials, Task
from image_studio.providers.client import GONE_SECONDS, MAX_SUBMITS
from image_studio.runtime.aws_transport import make_provider_client
from local.emulators import Emulator
from tests.emulated import credentials_for

KEY = "sk-canary-7f3b9d"
SHORT = 0.4  # seconds: what a model has for one image where a fault makes it wait for real
MODELS = {
    "stability": "core",
    "wavespeed": "qwen-image",
    "huggingface": "FLUX.1-schnell",
    "gemini": "gemini-nano-banana-2.1",
    "bedrock": "core",
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
    "huge": Fate("unknown_charge", "larger than 2 MB"),
    "redirect": LOST,
    "empty": Fate("unknown_charge", ""),
    "moderated": Fate("content_refused", "", status=400),
    "nocredit": Fate("provider_unavailable", "has no credit left"),
    "401": Fate("provider_unavailable", "refused our key"),
    "retired": Fate("provider_failed", "no longer offers this model"),
}
#: Where a provider's own words or rules make it different.
OWN: dict[tuple[str, str], Fate] = {
    ("stability", "500"): Fate("provider_failed", "failed (500)", MAX_SUBMITS),  # it charges for successes only
    ("stability", "429now"): Fate("provider_unavailable", "rate limit", 2),  # a minute's lock-out each
    ("stability", "truncated"): Fate("unknown_charge", "can't be used"),  # half a PNG
    ("stability", "mime"): Fate("unknown_charge", "answered with text/html"),
    ("stability", "empty"): Fate("unknown_charge", "empty image"),
    ("wavespeed", "429now"): Fate("provider_unavailable", "rate limit", 3),  # 15 s, 30 s, and the third is too late
    ("wavespeed", "empty"): Fate("unknown_charge", "finished without an image"),
    ("huggingface", "moderated"): Fate("unknown_charge", "withholds the image that it made"),
    ("huggingface", "empty"): Fate("unknown_charge", "finished without an image"),
    ("gemini", "500"): Fate("provider_failed", "failed (500)", MAX_SUBMITS),  # its errors are not charged
    ("gemini", "empty"): Fate("unknown_charge", "answered in words"),
    ("bedrock", "429"): Fate("provider_unavailable", "rate limit", 3),  # it doesn't say how long to wait
    ("bedrock", "429now"): Fate("provider_unavailable", "rate limit", 3),
    ("bedrock", "nocredit"): Fate("provider_unavailable", "quota of this account"),
    ("bedrock", "401"): Fate("provider_unavailable", "refused our AWS credentials"),
    ("bedrock", "empty"): Fate("unknown_charge", "without an image"),
}
SLOW = {"timeout", "drip"}
#: What waits for real is the same code for every provider of a transport.
MATRIX = [
    (fault, provider)
    for fault in EVERY
    for provider in MODELS
    if fault not in SLOW or provider in {"gemini", "bedrock"}
]


@pytest.fixture(autouse=True)
def _scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_PAUSE", 1e9)  # some hundred polls are enough for a week
    monkeypatch.setattr(transport, "MAX_RESULT_BYTES", 1024 * 1024)


def decoded(data: bytes, _entry: Entry) -> EncodedImage:
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        raise InvalidImage from error
    return EncodedImage(data, "image/png", {"width": image.width, "height": image.height})


def candidate(provider: str, model: str, deadline: float | None = None) -> Candidate:
    spec, found = find_model(provider, model)
    return Candidate(spec, replace(found, deadline=deadline or found.deadline), "for the test")


def run(context: OperationContext, candidates: Sequence[Candidate], task: Callable[[Candidate], Task]) -> Entry:
    return generate(context, candidates, [VariationTask(1, task, decoded)])[0]


def a_task(prompt: str, operation: str = "create", image: Blob | None = None) -> Callable[[Candidate], Task]:
    images = {"image": image} if image and operation != "create" else {}
    return lambda _candidate: Task(operation=operation, width=256, height=192, prompt=prompt, images=images)


def calls(emulator: Emulator, kind: str) -> int:
    """How many calls of a kind arrived: a generate is a paid one."""
    return sum(call.kind == kind for call in emulator.calls)


@pytest.fixture
def context(emulators, jumps):
    return OperationContext(
        configured=frozenset(PROVIDERS),
        credentials=lambda name, *, renew=False: credentials_for(emulators[name], KEY),
        provider_client=make_provider_client(clock=jumps.clock, sleep=jumps.sleep),
        wait_seconds=1e9,
    )


@pytest.mark.parametrize(("fault", "provider"), MATRIX)
def test_fault_matrix(fault, provider, context, emulators, caplog):
    """A fault becomes its code, status and sentence, is sent as often as is surely free, and leaks no key."""
    tried = candidate(provider, MODELS[provider], SHORT if fault in SLOW else None)
    caplog.set_level(logging.DEBUG)
    entry = run(context, [tried], a_task(f"a red bicycle [[fault={fault}]]"))
    fate, emulator = OWN.get((provider, fault), EVERY[fault]), emulators[provider]
    assert (entry.stage, entry.code, entry.status) == (Stage.FAILED, fate.code, fate.status)
    assert fate.says in entry.detail
    assert calls(emulator, "generate") == fate.submits
    assert emulator.paid_calls <= 1, "never more than one paid call"
    assert not emulator.charged or fate.code == "unknown_charge", "a code that promises no charge is kept"
    assert not any(call.path == "/_redirected" for call in emulator.calls)
    assert KEY not in entry.detail + caplog.text


def test_a_refused_connection_is_free_and_tried_again(context, jumps):
    """Where nothing listens, nothing was paid: it is tried four times, then the next provider would come."""
    closed = ProviderCredentials(KEY, "http://127.0.0.1:1")
    nobody = replace(context, credentials=lambda name, renew=False: closed)
    entry = run(nobody, [candidate("gemini", MODELS["gemini"])], a_task("a red bicycle"))
    assert (entry.code, entry.credits) == ("provider_failed", 0)
    assert "can't be reached" in entry.detail
    assert jumps.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("provider", "fault", "waits"),
    [
        *((provider, "429;after=7;times=2", [7.0, 7.0]) for provider in MODELS if provider != "bedrock"),
        ("bedrock", "429;times=2", [15.0, 30.0]),
        ("bedrock", "notready;times=1", [15.0]),
        ("huggingface", "503;after=9;times=1", [9.0]),
    ],
)
def test_a_refusal_that_passes_is_waited_for(fault, provider, waits, context, jumps, emulators):  # noqa: PLR0917
    """Retry-After of a 429, and the time that a model needs to load, are waited; then exactly one call is paid."""
    entry = run(context, [candidate(provider, MODELS[provider])], a_task(f"a red bicycle [[fault={fault}]]"))
    assert entry.stage is Stage.DONE
    assert jumps.waits[: len(waits)] == waits
    assert emulators[provider].paid_calls == 1


@pytest.mark.parametrize(
    ("provider", "fault", "sent", "code"),
    [
        ("gemini", "429day", 1, "provider_unavailable"),  # the quota of today is used up
        ("huggingface", "503;after=900", 1, "provider_failed"),  # free, but too long to wait for
        ("stability", "503;after=900", MAX_SUBMITS, "provider_failed"),  # its own 503 is free
        ("gemini", "503;after=900", MAX_SUBMITS, "provider_failed"),
        ("gemini", "504", 1, "unknown_charge"),
        ("wavespeed", "503;after=900", 1, "unknown_charge"),
    ],
)
def test_what_no_pause_helps_is_not_repeated(provider, fault, sent, code, context, emulators):  # noqa: PLR0917
    """A 503 that isn't known to be free is never repeated."""
    entry = run(context, [candidate(provider, MODELS[provider])], a_task(f"a red bicycle [[fault={fault}]]"))
    assert (calls(emulators[provider], "generate"), entry.code) == (sent, code)
    assert code != "provider_unavailable" or "today" in entry.detail


# -- after the paid call: polls


POLL_FAULTS = ("reset", "truncated", "mime", "504", "500", "429", "429now")
#: Stability's answer to a poll is the image itself: half a PNG looks like a whole one there.
POLLED = [(p, fault) for p in ASYNCHRONOUS for fault in POLL_FAULTS if (p, fault) != ("stability", "truncated")]


def ordered(context: OperationContext, place: tuple[str, str, str], image: Blob, marker: str) -> Entry:
    """One variation of a provider's model; after it Gemini would come."""
    provider, model, operation = place
    candidates = [candidate(provider, model), candidate("gemini", MODELS["gemini"])]
    return run(context, candidates, a_task(f"a red bicycle [[{marker}]]", operation, image))


@pytest.mark.parametrize(("provider", "fault"), POLLED)
def test_polls_are_retried(fault, provider, context, emulators, image):
    """Faults of a poll are free: it is retried, and the one paid call gives its image."""
    entry = ordered(context, (provider, *ASYNCHRONOUS[provider]), image, f"fault={fault};stage=poll;times=2")
    assert entry.stage is Stage.DONE, entry.detail
    assert (calls(emulators[provider], "generate"), emulators[provider].paid_calls) == (1, 1)


@pytest.mark.parametrize("provider", list(ASYNCHRONOUS))
@pytest.mark.parametrize("fault", ["reset", "500", "401", "nocredit", "retired"])
def test_polls_end(fault, provider, context, jumps, emulators, image):  # noqa: PLR0917
    """A poll that never succeeds is an unknown charge at the end of the result's life, and nobody else is paid.

    It is one at once where the provider has no such result.
    """
    entry = ordered(context, (provider, *ASYNCHRONOUS[provider]), image, f"fault={fault};stage=poll")
    assert (entry.code, entry.provider) == ("unknown_charge", provider)
    assert "offers this model" not in entry.detail
    if fault == "retired":
        assert (calls(emulators[provider], "poll"), "has no result" in entry.detail) == (1, True)
    else:
        assert sum(jumps.waits) == pytest.approx(PROVIDERS[provider].SPEC.result_seconds, rel=0.06)
    assert (calls(emulators[provider], "generate"), emulators[provider].paid_calls) == (1, 1)
    assert emulators["gemini"].calls == []


# -- after the paid call: downloads


LOCATED = {"wavespeed": ASYNCHRONOUS["wavespeed"], "huggingface": ("FLUX.1-schnell", "create")}


@pytest.mark.parametrize("provider", list(LOCATED))
@pytest.mark.parametrize("fault", ["reset", "500", "404"])
def test_downloads_are_retried(fault, provider, context, emulators, image):
    """A result's download is free and repeated after a fault."""
    entry = ordered(context, (provider, *LOCATED[provider]), image, f"fault={fault};stage=result;times=2")
    assert entry.stage is Stage.DONE, entry.detail
    assert (emulators[provider].paid_calls, calls(emulators[provider], "result")) == (1, 3)


@pytest.mark.parametrize("fault", ["500", "404", "redirect", "notimage", "mime", "truncated", "empty"])
@pytest.mark.parametrize("provider", list(LOCATED))
def test_downloads_end(fault, provider, context, jumps, emulators, image):  # noqa: PLR0917
    """A result that can't be had or used may have been charged, and nothing is paid again.

    A CDN's fault is waited out for as long as results are kept there, a 404 for a while.
    """
    entry = ordered(context, (provider, *LOCATED[provider]), image, f"fault={fault};stage=result")
    assert (entry.code, entry.status, entry.provider) == ("unknown_charge", 500, provider)
    waited = {"500": PROVIDERS[provider].SPEC.result_seconds, "404": GONE_SECONDS}.get(fault, 0)
    assert sum(jumps.waits) == pytest.approx(waited, rel=0.06, abs=1.0)
    assert not any(call.path == "/_redirected" for call in emulators[provider].calls)
    assert emulators["gemini"].calls == []


# -- every fault that the emulators know


STAGES = {(name, model, "create"): ("", ";stage=result") for name, model in MODELS.items()}
STAGES |= {(name, *place): ("", ";stage=work", ";stage=poll", ";stage=result") for name, place in ASYNCHRONOUS.items()}
FAULTS = ["400", "401", "402", "403", "404", "408", "413", "422", "424", "429now", "500", "503", "504", "html502"]
FAULTS += ["retired", "nocredit", "moderated", "filtered", "empty", "noimage", "failed", "cancelled", "tasktimeout"]
FAULTS += ["deleted", "5004", "truncated", "mime", "huge", "cut", "reset", "redirect", "notimage", "language"]
FAULTS += ["cap", "invalid", "expired"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", STAGES, ids=lambda place: "-".join(place[:2]))
def test_a_code_never_promises_what_is_not_so(fault, place, context, emulators, image):
    """Where the provider took money and no image came of it, the code says so and the credits stay on the entry."""
    emulator = emulators[place[0]]
    for stage in STAGES[place]:
        emulator.reset()
        entry = ordered(context, place, image, f"fault={fault}{stage}")
        if entry.provider == place[0] and entry.stage is Stage.FAILED:
            assert entry.code == "unknown_charge" or not emulator.charged, (stage, entry.code, entry.detail)
            assert bool(entry.credits) == (entry.code == "unknown_charge"), (stage, entry.code)
