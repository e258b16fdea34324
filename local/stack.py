"""The whole local stack, as one object: `make run` and the tests start the same one."""

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from local.app import FIRE_SCHEDULES, AppSettings
from local.aws import Attributes, Aws, create_resources
from local.certificate import make_identity
from local.child_processes import Child, listen
from local.issuer import AUDIENCE, READY_SUB, READY_TIER, IssuerServer
from local.permissions import policies_of
from local.template import ROOT, TEMPLATE, Template

STATE = ROOT / ".local"
PREFIX = "/api/image-studio"
USUAL_CONCURRENCY = 1000  # what the local Lambda says of its account where nothing limits it
PROVIDER_REGION = "us-west-2"  # of the provider that is an AWS service
SIGNING_IDENTITY = "SigningIdentity"  # the secret that signs: it gets a development certificate of this stack's own
#: What a child process needs of our own environment; keys and credentials are not among it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True)
class Options:
    """How a stack is started.

    `environment` is where provider keys and `*_BASE_URL`s are looked for; `variables` are set for all functions,
    over what the template says; `schedule_seconds` replaces the rate of schedules. `concurrency` is how many
    invocations of all functions may run at once, 10 on a fresh account of AWS; 0 means any number.
    """

    template: Path = TEMPLATE
    port: int = 0
    state: Path = STATE
    environment: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    schedule_seconds: float | None = None
    concurrency: int = 0
    providers: bool = True  # False: no emulators and no keys, for a template without providers
    access_log: bool = False
    tier: str = READY_TIER  # of a token, unless it is asked for with another
    emulated: bool = False  # `template` is a built one, its functions run under the Runtime Interface Emulator
    output: IO[bytes] | None = None  # where the children's own lines go; None: where ours go


class Stack:
    """Everything, running. Stop it, or use it in a `with` block."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._closing = ExitStack()
        self._reloading = threading.Lock()
        self._attributes: Attributes = {}
        self._app: Child | None = None
        self._keys: dict[str, str] = {}
        self._in_use: dict[str, str] = {}
        self.emulators: dict[str, Any] = {}
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        options = self.options
        options.state.mkdir(parents=True, exist_ok=True)
        self._listener = self._closing.enter_context(listen(options.port))
        self.log = options.state / "functions.log"
        self.log.write_bytes(b"")
        self._issuer_server = IssuerServer(options.state, tier_claim=self._tier_claim())
        self._closing.callback(self._issuer_server.stop)
        self.issuer = self._issuer_server.issuer
        self.aws = self._start_aws()
        self._declared = self._start_providers()
        self.reload()

    def _tier_claim(self) -> str:
        declared = Template(self.options.template).document.get("Parameters", {}).get("TierClaim", {})
        return self.options.parameters.get("TierClaim", declared.get("Default", "tier"))

    def _start_aws(self) -> Aws:
        listener = self._closing.enter_context(listen())
        account = {"concurrency": self.options.concurrency or USUAL_CONCURRENCY}
        child = Child("aws", account, listener, self._environment(), self.options.output)
        self._closing.callback(child.stop)
        child.wait_until_ready()
        return Aws(f"http://127.0.0.1:{_port(listener)}")

    def _environment(self) -> dict[str, str]:
        own = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**own, "PYTHONUNBUFFERED": "1", "AWS_EC2_METADATA_DISABLED": "true"}

    def _start_providers(self) -> dict[str, str]:
        """Start an emulator for each provider with neither key nor base URL; the variables that the worker needs."""
        if not self.options.providers:
            return {}
        # from the sources, whatever the functions run from
        sys.path[:0] = [str(layer) for layer in Template(TEMPLATE).layers() if str(layer) not in sys.path]
        from image_studio.providers import SPECS  # noqa: PLC0415  # found through the layer's folder
        from local import emulators  # noqa: PLC0415  # Pillow and fonts, only where images are painted

        variables: dict[str, str] = {}
        for spec in SPECS:
            key = self.options.environment.get(spec.key_variable, "")
            url = self.options.environment.get(spec.base_url_variable, "")
            own = f"local-{spec.name}-key" if spec.key_variable else None
            if not key and not url and spec.name in emulators.PROVIDERS:
                emulator = emulators.start(spec.name, key=own)
                self._closing.callback(emulator.stop)
                self.emulators[spec.name] = emulator
                url = emulator.url
            variables[spec.base_url_variable] = url
            if own:
                self._keys[spec.key_variable] = key or (own if url else "")
            else:  # the local functions have no AWS credentials: without the emulator it isn't called
                variables[spec.region_variable] = PROVIDER_REGION
            self._in_use[spec.name] = _how(emulated=spec.name in self.emulators, key=key, url=url)
        return variables

    def providers_in_use(self) -> dict[str, str]:
        """How each provider is reached, in words."""
        return dict(self._in_use)

    def _template(self) -> Template:
        return Template(self.options.template, self._parameters(), self._attributes)

    def _parameters(self) -> dict[str, str]:
        known = {"JwtIssuer": self.issuer.url, "JwtAudience": AUDIENCE, "Signing": "secret"}
        return {**known, **self.options.parameters}

    def reload(self) -> None:
        """Restart gateway, functions and poller from the code as it is; AWS and tokens stay. Raises DidNotStart."""
        with self._reloading:
            template = self._template()
            before = set(self._attributes)
            create_resources(template, self.aws, self._attributes)
            self._write_keys(template, before)
            self.aws.permit(policies_of(template))
            if self._app:
                self._app.stop(gently=True)
            self._app = Child(
                "app",
                self.settings().as_json(),
                self._listener,
                self._environment(),
                self.options.output,
            )
            self._app.wait_until_ready()

    def _write_keys(self, template: Template, before: set[str]) -> None:
        for secret in template.resources("AWS::SecretsManager::Secret"):
            if secret.name not in before and self.options.providers:
                text = make_identity() if secret.name == SIGNING_IDENTITY else json.dumps(self._keys)
                self.aws.client("secretsmanager").put_secret_value(
                    SecretId=self._attributes[secret.name]["Ref"], SecretString=text
                )

    def settings(self) -> AppSettings:
        """Return the settings of gateway, functions and poller."""
        return AppSettings(
            template=str(self.options.template),
            parameters=self._parameters(),
            attributes=self._attributes,
            endpoint=self.aws.endpoint,
            declared=self._declared,
            common={**self.aws.environment, **self.options.variables},
            log=str(self.log),
            issuer=self.issuer.url,
            tier_claim=self.issuer.tier_claim,
            tier=self.options.tier,
            schedule_seconds=self.options.schedule_seconds,
            access_log=self.options.access_log,
            concurrency=self.options.concurrency,
            emulators=tuple(self.emulators),
            emulated=self.options.emulated,
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port of the gateway."""
        return f"http://127.0.0.1:{_port(self._listener)}"

    @property
    def url(self) -> str:
        """The base URL that the API reference means."""
        return f"{self.origin}{PREFIX}"

    @property
    def resources(self) -> Attributes:
        """What Ref and GetAtt give, by logical id: `resources["Table"]["Ref"]` is the table's name."""
        return self._attributes

    def token(self, sub: str = READY_SUB, tier: str | None = None, **claims: Any) -> str:
        """A token that the gateway accepts."""
        return self.issuer.mint(sub, self.options.tier if tier is None else tier, **claims)

    def headers(self, sub: str = READY_SUB, tier: str | None = None, **claims: Any) -> dict[str, str]:
        """An Authorization header with a fresh token."""
        return {"Authorization": f"Bearer {self.token(sub, tier, **claims)}"}

    def tick(self) -> None:
        """Invoke all scheduled functions now, as EventBridge does every minute; returns before they are done."""
        with self._reloading:
            if self._app:
                os.kill(self._app.pid, FIRE_SCHEDULES)

    @property
    def alive(self) -> bool:
        """Whether the gateway's process runs."""
        return self._app is not None and self._app.alive

    def stop(self) -> None:
        """End everything that was started."""
        with suppress(AttributeError):
            if self._app:
                self._app.stop()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _how(*, emulated: bool, key: str, url: str) -> str:
    if emulated:
        return f"emulator at {url}"
    if url:
        return f"{url}, as the environment says"
    return "the real provider, with the key of the environment" if key else "not configured"


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
