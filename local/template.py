"""What template.yaml declares, read for the local stack: functions, routes, the authorizer, CORS, queues."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.intrinsics import Resolver, read_yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"

DEFAULT_ROUTE = "$default"
INTEGRATION_SECONDS = 30.0  # what an HTTP API waits for a function unless TimeoutInMillis says less


@dataclass(frozen=True)
class Route:
    """One method and path of the HTTP API; `seconds` is how long the gateway waits for the function."""

    method: str  # ANY for all
    path: str
    function: str
    authorized: bool = True
    scopes: tuple[str, ...] = ()
    seconds: float = INTEGRATION_SECONDS

    @property
    def key(self) -> str:
        """As API Gateway writes it: `GET /pets/{id}`, or `$default`."""
        return self.path if self.path == DEFAULT_ROUTE else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Function:
    """One Lambda function: its code folder, handler, timeout (seconds), memory (MB) and environment."""

    name: str
    folder: Path
    handler: str
    seconds: float
    memory: int
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Authorizer:
    """The JWT authorizer: whose tokens are accepted, and for whom."""

    issuer: str
    audience: tuple[str, ...]
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cors:
    """The CORS headers for browsers of other origins; none where `origins` is empty."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


@dataclass(frozen=True)
class QueueSource:
    """An SQS event source: the queue's logical id, messages per call and calls at once."""

    function: str
    queue: str
    batch: int
    concurrency: int
    partial_failures: bool


@dataclass(frozen=True)
class Schedule:
    """A `Schedule` event: the function that is invoked every so many seconds, and the event's logical id."""

    function: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Resource:
    """A resource as it is declared, intrinsic functions and all."""

    name: str
    type: str
    properties: Mapping[str, Any]


class Template:
    """A SAM template with its parameters' values and what its resources turned out to be called."""

    def __init__(
        self,
        path: Path = TEMPLATE,
        parameters: Mapping[str, str] | None = None,
        attributes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.path = path
        self.document = read_yaml(path)
        self._resolver = Resolver(self.document, parameters or {}, {} if attributes is None else attributes)
        self._globals = self.document.get("Globals", {}).get("Function", {})

    def resolve(self, node: Any) -> Any:
        """A part of the template with its intrinsic functions evaluated. Raises Unresolved."""
        return self._resolver.resolve(node)

    def resources(self, *types: str) -> list[Resource]:
        """All resources of the types, in the template's order; those whose condition is false are left out."""
        return [
            Resource(name, each["Type"], each.get("Properties", {}))
            for name, each in self.document["Resources"].items()
            if each["Type"] in types and ("Condition" not in each or self._resolver.holds(each["Condition"]))
        ]

    def functions(self) -> dict[str, Function]:
        """The functions by logical id. Raises Unresolved when a variable refers to what doesn't exist here."""
        return {each.name: self._function(each) for each in self._function_resources()}

    def _function_resources(self) -> list[Resource]:
        return self.resources("AWS::Serverless::Function")

    def _function(self, resource: Resource) -> Function:
        own = {**self._globals, **resource.properties}
        variables = {
            **self._globals.get("Environment", {}).get("Variables", {}),
            **resource.properties.get("Environment", {}).get("Variables", {}),
        }
        return Function(
            name=resource.name,
            folder=self.path.parent / own["CodeUri"],
            handler=own["Handler"],
            seconds=float(own.get("Timeout", 3)),
            memory=int(own.get("MemorySize", 128)),
            environment={key: str(value) for key, value in self.resolve(variables).items()},
        )

    def layers(self) -> list[Path]:
        """Folders of the layers, which a function finds on its path; in a built layer that is python/."""
        found = self.resources("AWS::Serverless::LayerVersion")
        folders = [self.path.parent / each.properties["ContentUri"] for each in found]
        return [folder / "python" if (folder / "python").is_dir() else folder for folder in folders]

    def routes(self) -> list[Route]:
        """Every route of the HTTP API, in the template's order."""
        return [route for each in self._function_resources() for route in self._routes_of(each)]

    def _routes_of(self, resource: Resource) -> Iterator[Route]:
        default = self._api().get("Auth", {}).get("DefaultAuthorizer")
        for event in _events(resource, "HttpApi").values():
            auth = event.get("Auth", {})
            yield Route(
                method=str(event.get("Method", "ANY")).upper(),
                path=event.get("Path", DEFAULT_ROUTE),
                function=resource.name,
                authorized=auth.get("Authorizer", default or "NONE") != "NONE",
                scopes=tuple(self.resolve(auth.get("AuthorizationScopes", []))),
                seconds=float(event.get("TimeoutInMillis", INTEGRATION_SECONDS * 1000)) / 1000,
            )

    def _api(self) -> Mapping[str, Any]:
        return self.resources("AWS::Serverless::HttpApi")[0].properties

    def authorizer(self) -> Authorizer:
        """The API's default authorizer. Raises KeyError if there is none."""
        auth = self._api()["Auth"]
        own = self.resolve(auth["Authorizers"][auth["DefaultAuthorizer"]])
        rules = own["JwtConfiguration"]
        scopes = own.get("AuthorizationScopes", [])
        return Authorizer(rules["issuer"], tuple(rules["audience"]), tuple(scopes))

    def cors(self) -> Cors:
        """The API's CORS configuration; without one, or where its condition is false, an empty one."""
        declared: Mapping[str, Any] = next(iter(self.resolve([self._api().get("CorsConfiguration", {})])), {})
        return Cors(
            origins=tuple(declared.get("AllowOrigins", [])),
            methods=tuple(declared.get("AllowMethods", [])),
            headers=tuple(name.lower() for name in declared.get("AllowHeaders", [])),
            exposed=tuple(declared.get("ExposeHeaders", [])),
            max_age=declared.get("MaxAge"),
            credentials=bool(declared.get("AllowCredentials", False)),
        )

    def queue_sources(self) -> list[QueueSource]:
        """Which function takes messages from which queue, and how."""
        return [
            QueueSource(
                function=resource.name,
                queue=event["Queue"]["Fn::GetAtt"][0],
                batch=int(event.get("BatchSize", 10)),
                concurrency=int(self.resolve(event.get("ScalingConfig", {}).get("MaximumConcurrency", 5))),
                partial_failures="ReportBatchItemFailures" in event.get("FunctionResponseTypes", []),
            )
            for resource in self._function_resources()
            for event in _events(resource, "SQS").values()
        ]

    def schedules(self) -> list[Schedule]:
        """The functions' `rate(...)` schedules."""
        return [
            Schedule(resource.name, name, _seconds(event["Schedule"]))
            for resource in self._function_resources()
            for name, event in _events(resource, "Schedule").items()
        ]


def _events(resource: Resource, kind: str) -> Mapping[str, Mapping[str, Any]]:
    declared = resource.properties.get("Events", {})
    return {name: event.get("Properties", {}) for name, event in declared.items() if event["Type"] == kind}


def _seconds(expression: str) -> float:
    count, unit = expression.removeprefix("rate(").removesuffix(")").split()
    return float(count) * {"minute": 60, "hour": 3600, "day": 86400}[unit.removesuffix("s")]
