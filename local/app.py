"""What is restarted on a code change: gateway, functions, poller and clock, in one child process."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from local.aws import Aws
from local.backend import Backend
from local.child_processes import end_with_parent, report_ready
from local.environments import Account, Environments
from local.gateway import Gateway, GatewayServer
from local.issuer import READY_TIER, Issuer, load_key
from local.poller import Clock, Poller, Queue
from local.rie import Emulators
from local.static import Site
from local.template import Function, QueueSource, Template

FIRE_SCHEDULES = signal.SIGUSR1  # sent by the parent, so that tests needn't wait a minute


@dataclass(frozen=True)
class AppSettings:
    """What the parent tells the child: `declared` replaces what a function declares, `common` goes to all."""

    template: str
    parameters: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]]
    endpoint: str
    declared: Mapping[str, str]
    common: Mapping[str, str]
    log: str
    issuer: str = ""  # whose tokens the playground gets; none: no playground
    tier_claim: str = "tier"
    tier: str = READY_TIER  # of the playground's token
    schedule_seconds: float | None = None
    access_log: bool = True
    concurrency: int = 0  # of all functions together; 0: any
    emulators: Sequence[str] = ()  # the providers that are emulated; the playground says so
    emulated: bool = False  # built functions, under the Runtime Interface Emulator

    def as_json(self) -> dict[str, Any]:
        """The settings as plain data."""
        return asdict(self)

    def resolved(self) -> Template:
        """The template with its parameters, and the resources that were made."""
        return Template(Path(self.template), self.parameters, self.attributes)

    def functions(self, template: Template) -> dict[str, Function]:
        """The resolved template's functions by name, with all their variables."""
        return {name: self._configured(each) for name, each in template.functions().items()}

    def _configured(self, function: Function) -> Function:
        own = function.environment
        chosen = {name: value for name, value in self.declared.items() if name in own}
        key = {"AWS_ACCESS_KEY_ID": function.name}  # by which permissions.py knows it
        return replace(function, environment={**own, **chosen, **self.common, **key})


def serve(settings: AppSettings, listener: socket.socket, ready: int) -> None:
    """Run until the parent is gone."""
    template = settings.resolved()
    parts = settings.functions(template), template.layers(), Path(settings.log)
    backend = Emulators(*parts) if settings.emulated else Environments(*parts, Account(settings.concurrency))
    log = _print_line if settings.access_log else None
    server = GatewayServer(Gateway(template, backend, log, _site(settings)), listener)
    sqs = Aws(settings.endpoint).client("sqs")
    pollers = [_poller(source, settings, sqs, backend) for source in template.queue_sources()]
    end_with_parent(lambda: _finish(server, pollers))
    server.start()
    for poller in pollers:
        poller.start()
    clock = Clock(template.schedules(), backend, settings.schedule_seconds)
    signal.signal(FIRE_SCHEDULES, lambda *_: clock.fire())
    clock.start()
    report_ready(ready)
    threading.Event().wait()


def _poller(source: QueueSource, settings: AppSettings, sqs: Any, backend: Backend) -> Poller:
    attributes = settings.attributes[source.queue]
    return Poller(source, Queue(attributes["Ref"], attributes["Arn"]), sqs, backend)


def _finish(server: GatewayServer, pollers: list[Poller]) -> None:
    for poller in pollers:
        poller.stop()
    server.stop()
    for poller in pollers:
        poller.wait()


def _site(settings: AppSettings) -> Site | None:
    if not settings.issuer:
        return None
    issuer = Issuer(settings.issuer, load_key(Path(settings.log).parent), settings.tier_claim)
    return Site(issuer.mint, settings.endpoint, tier=settings.tier, emulated=settings.emulators)


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def from_json(given: dict[str, Any]) -> tuple[AppSettings, socket.socket, int]:
    """The settings, the socket and the pipe that the parent handed over."""
    listener = socket.socket(fileno=given.pop("socket"))
    ready = given.pop("ready")
    os.set_inheritable(ready, False)
    os.set_inheritable(listener.fileno(), False)
    return AppSettings(**given), listener, ready
