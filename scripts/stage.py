"""Stages of samconfig.toml, and AWS clients for the region that `sam deploy --guided` saved there."""

import tomllib
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.template import ROOT

CONFIG = ROOT / "samconfig.toml"
AWS_FAILURES = (BotoCoreError, ClientError)  # no region, no credentials, no such stack: their text says which


class UnknownStage(Exception):
    """A stage that samconfig.toml doesn't have; the text lists those that it has."""


@dataclass(frozen=True)
class Stage:
    """A stage's stack, and a session for its region and profile."""

    stack_name: str
    session: boto3.Session

    def stack(self) -> dict[str, Any]:
        """Describe the stack. Raises AWS_FAILURES."""
        found: dict[str, Any] = self.session.client("cloudformation").describe_stacks(StackName=self.stack_name)
        [stack] = found["Stacks"]
        return dict(stack)


def find_stage(name: str) -> Stage:
    """Return a stage of samconfig.toml; the environment says what that doesn't. Raises UnknownStage, BotoCoreError."""
    saved = saved_parameters(name, read_config())
    session = boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile"))
    return Stage(saved["stack_name"], session)


def read_config() -> dict[str, Any]:
    return tomllib.loads(CONFIG.read_text())


def saved_parameters(stage: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return what is saved for `sam deploy` to a stage. Raises UnknownStage."""
    stages = [name for name in config if name != "version"]
    if stage not in stages:
        raise UnknownStage(f"No stage '{stage}' in samconfig.toml. Stages: {', '.join(stages)}.")
    saved: dict[str, Any] = config[stage]["deploy"]["parameters"]
    return saved
