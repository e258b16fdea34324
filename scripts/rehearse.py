"""`make rehearse`: a real `sam deploy` of the built package to an AWS emulator on this machine, then the API there.

The emulator is ministack. It runs change set, stack, layer, functions, event source and JWT authorizer; `CANNOT` is
what it can't, and what we do instead.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import boto3
import requests
import yaml

from local import emulators
from local.children import free_port
from local.issuer import AUDIENCE, IssuerServer
from local.rie import machine
from local.stack import INHERITED, PREFIX
from local.template import ROOT, Template
from scripts import transcripts
from scripts.build import HERE, SAM, Unfit, build, tool_environment
from scripts.deploy import stamp

BUILT = ROOT / ".aws-sam/local"
MINISTACK = ROOT / ".venv-rehearse/bin/ministack"
STACK = "image-studio-rehearsal"
PACKAGES = "image-studio-rehearsal-packages"
REGION = "us-east-1"
UPGRADED_LIMIT = 12_345
UPGRADE = f"CreditsPro={UPGRADED_LIMIT}"  # a change that is seen from outside, in functions made anew
START_SECONDS = 60
DEPLOY_SECONDS = 300
ASK_SECONDS = 90
KEY = "rehearsal-key"
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
IMAGE_SIZE = 256
ISSUER = "https://issuer.example"  # the template takes https only; the authorizer, which we make, asks ours

CANNOT = (
    "It ignores the OpenAPI body that SAM makes of an HttpApi's events: routes, integrations and JWT authorizer are "
    "added by the gateway's own calls, from the same template. CORS, throttling and access logs are not seen.",
    "It makes no alarm on a sum of metrics: those watch the first of their metrics instead.",
    "It takes no parameter for an event source's concurrency: that gets the parameter's default as a number.",
    "It runs functions in its own Python on this machine: memory, 6 MB, arm64 and a read-only disk are not held.",
    "It lets every role do everything. What each function may do is held by the local stack, in every test.",
    "Its clock is not waited for: the worker gets the clock's event by hand.",
    "The user pool, the playground's CloudFront, canary deployments and provisioned concurrency stay off.",
)


class Failed(RuntimeError):
    """The rehearsal went wrong; the message says where."""


class Rehearsal:
    """An emulator that runs, and what is done with it."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._log = closing.enter_context((folder / "ministack.log").open("wb"))
        own = {name: os.environ[name] for name in INHERITED if name in os.environ}
        settings = {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "AWS_ENDPOINT_URL": self.endpoint}
        settings["IOT_MTLS_ENABLED"] = "0"
        process = subprocess.Popen(
            [MINISTACK], env={**own, **settings}, cwd=folder, stdout=self._log, stderr=self._log, start_new_session=True
        )
        closing.callback(_end, process)
        self.issuer = IssuerServer(folder, tier_claim="tier")
        closing.callback(self.issuer.stop)
        self.provider = emulators.start("stability", key=KEY)
        closing.callback(self.provider.stop)
        self._await()

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **credentials)  # type: ignore[call-overload]  # one name for many

    def _await(self) -> None:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            with suppress(requests.RequestException):
                requests.get(self.endpoint, timeout=2)
                return
            time.sleep(0.2)
        raise Failed("ministack did not start")

    def sam(self, *command: str) -> None:
        """One of sam's commands, in the emulator's account. Raises Failed."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": self.endpoint}
        done = subprocess.run(
            [SAM, *command, "--stack-name", STACK, "--region", REGION],
            cwd=self.folder,
            env={**tool_environment(python=HERE), **keys},
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Failed(f"sam {command[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")

    def deploy(self, *parameters: str) -> dict[str, str]:
        """`sam deploy`; the stack's outputs. Raises Failed."""
        template = BUILT / "rehearsal.yaml"  # beside the built one: paths in it are relative
        document = stamp(self._pointed(within_reach(_built())), list(parameters))
        template.write_text(yaml.safe_dump(document))
        own = [f"Arch={machine()}", f"JwtIssuer={ISSUER}", f"JwtAudience={AUDIENCE}", *parameters]
        how = ["--s3-bucket", PACKAGES, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        self.sam("deploy", "--template-file", str(template), *how, "--parameter-overrides", *own)
        [stack] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        _say(f"sam deploy {' '.join(parameters)}".rstrip() + f": {stack['StackStatus']}")
        if stack["StackStatus"] not in DEPLOYED:
            raise Failed(f"the stack is {stack['StackStatus']}")
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def _pointed(self, document: dict[str, Any]) -> dict[str, Any]:
        """With the variables that say where AWS and the provider are."""
        document["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = self.endpoint
        worker = document["Resources"]["WorkerFunction"]["Properties"]
        worker["Environment"]["Variables"]["STABILITY_BASE_URL"] = self.provider.url
        return document

    def resources(self) -> dict[str, str]:
        """Physical names by logical id."""
        listed = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}

    def add_routes(self, names: dict[str, str]) -> str:
        """What the emulator leaves out: authorizer, integrations, routes; where the API listens."""
        api, gateway = names["Api"], self.client("apigatewayv2")
        jwt = {"Issuer": self.issuer.issuer.url, "Audience": [AUDIENCE]}
        header = ["$request.header.Authorization"]
        authorizer = gateway.create_authorizer(
            ApiId=api, AuthorizerType="JWT", Name="Jwt", IdentitySource=header, JwtConfiguration=jwt
        )["AuthorizerId"]
        targets: dict[str, str] = {}
        for route in Template(BUILT / "template.yaml").routes():
            if route.function not in targets:
                arn = f"arn:aws:lambda:{REGION}:000000000000:function:{names[route.function]}:live"
                made = gateway.create_integration(
                    ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                )
                targets[route.function] = f"integrations/{made['IntegrationId']}"
            own = {"AuthorizationType": "JWT", "AuthorizerId": authorizer} if route.authorized else {}
            gateway.create_route(ApiId=api, RouteKey=route.key, Target=targets[route.function], **own)
        return api

    def give_keys(self, secret: str) -> None:
        """As an operator would."""
        keys = json.dumps({"STABILITY_API_KEY": KEY})
        self.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=keys)

    def ask(self, api: str, method: str, path: str, *, token: bool = True, body: Any = None) -> requests.Response:
        """One request to the API."""
        headers = {"Host": f"{api}.execute-api.localhost:{self.port}"}
        if token:
            headers["Authorization"] = f"Bearer {self.issuer.issuer.mint('rehearsal', 'pro')}"
        return requests.request(
            method, f"{self.endpoint}{PREFIX}{path}", headers=headers, json=body, timeout=ASK_SECONDS
        )


def _built() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((BUILT / "template.yaml").read_text())
    return document


def within_reach(document: dict[str, Any]) -> dict[str, Any]:
    """The template but for what the emulator can't make.

    An alarm on a sum of metrics watches the first of them; the event source's concurrency is the parameter's default.
    """
    for event in document["Resources"]["WorkerFunction"]["Properties"]["Events"].values():
        if scaling := event["Properties"].get("ScalingConfig"):
            name = scaling["MaximumConcurrency"]["Ref"]
            scaling["MaximumConcurrency"] = document["Parameters"][name]["Default"]
    for resource in document["Resources"].values():
        own = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in own:
            first = next(each["MetricStat"] for each in own.pop("Metrics") if "MetricStat" in each)
            own |= {**first["Metric"], "Period": first["Period"], "Statistic": first["Stat"]}
    return document


def rehearse(play: Rehearsal) -> None:
    """Deploy, and call the API. Raises Failed."""
    play.client("s3").create_bucket(Bucket=PACKAGES)
    outputs = play.deploy()
    _say(f"outputs: {', '.join(sorted(outputs))}")
    play.give_keys(outputs["ProviderKeysSecret"])
    api = play.add_routes(play.resources())
    for method, path, token, wanted in (
        ("GET", "/health", False, 200),
        ("GET", "/openapi.json", False, 200),
        ("GET", "/templates", False, 401),
        ("GET", "/templates", True, 200),
        ("GET", "/nowhere", True, 404),
        ("GET", "/usage", True, 200),
    ):
        answer = play.ask(api, method, path, token=token)
        _expect(f"{method} {path}{'' if token else ' without a token'}", answer, wanted)
    answer = play.ask(api, "POST", "/estimate-cost", body={"provider": "stability", "operation": "generate"})
    _expect("POST /estimate-cost", answer, 200)
    _make_a_image(play, api)
    used = play.ask(api, "GET", "/usage").json()["used"]
    play.deploy(UPGRADE)
    answer = play.ask(api, "GET", "/usage")
    _expect("GET /usage, by the new version", answer, 200)
    if not used or answer.json()["used"] != used or answer.json()["limit"] != UPGRADED_LIMIT:
        raise Failed(f"used {used} before the upgrade; after it: {answer.text}")
    _remove(play)


def _remove(play: Rehearsal) -> None:
    """`sam delete`; what is retained stays."""
    retained = {name: each for name, each in _built()["Resources"].items() if each.get("DeletionPolicy") == "Retain"}
    names = play.resources()
    play.sam("delete", "--no-prompts")
    tables = play.client("dynamodb").list_tables()["TableNames"]
    functions = play.client("lambda").list_functions()["Functions"]
    _say(f"sam delete: {len(functions)} functions left; kept are {', '.join(sorted(retained.keys() & names.keys()))}")
    if functions or names["Table"] not in tables:
        raise Failed(f"after sam delete: functions {functions}, tables {tables}")


def _make_a_image(play: Rehearsal, api: str) -> None:
    """Through gateway, table, bucket, queue, worker and the provider's emulator."""
    names = play.resources()
    play.client("lambda").invoke(
        FunctionName=names["WorkerFunction"], Payload=(ROOT / "events/worker/clock.json").read_bytes()
    )  # the clock's work: it tells the API functions who has a key
    body = {"prompt": "A lighthouse", "provider": "stability", "width": IMAGE_SIZE, "height": IMAGE_SIZE}
    answer = play.ask(api, "POST", "/create", body=body)
    _expect("POST /create", answer, 200)
    image = base64.b64decode(answer.json()["results"][0]["image_base64"])
    if not image.startswith(b"\x89PNG"):
        raise Failed("the image is no PNG")
    _say(f"an image of {len(image):,} bytes")


def _expect(asked: str, answer: requests.Response, wanted: int) -> None:
    _say(f"{asked}: {answer.status_code}")
    if answer.status_code != wanted:
        raise Failed(f"{asked} answered {answer.status_code}, not {wanted}: {answer.text[:500]}")


_said: list[str] = []


def _say(words: str) -> None:
    print(words, flush=True)
    _said.append(words)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    """Rehearse; the exit code."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        try:
            build(machine(), BUILT, python=HERE, cache=ROOT / ".aws-sam/cache")
            rehearse(Rehearsal(Path(folder), closing))
        except (Failed, Unfit) as problem:
            print(problem, (Path(folder) / "ministack.log").read_text()[-3000:], sep="\n", file=sys.stderr)
            return 1
    if "--write" in sys.argv:
        can_not = [f"- {each}" for each in CANNOT]
        transcripts.keep(
            "rehearsal", "\n".join([transcripts.console(_said), "", "What the emulator can't:", "", *can_not])
        )
    print("Rehearsed. What the emulator can't show:", *(f"- {each}" for each in CANNOT), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
