"""`make deploy`: deploy what was built to a stage of samconfig.toml; guided until the stage's parameters are known."""

import hashlib
import json
import subprocess
import sys
import tomllib
from typing import Any

import yaml

from local.template import ROOT
from scripts.build import SAM

BUILT = ROOT / ".aws-sam/build/template.yaml"
NEEDED = "JwtIssuer"  # what every stage that was deployed once has


def parameters(stage: str, config: dict[str, Any]) -> list[str]:
    """A stage's parameters, each as Name=value. Raises KeyError for a stage that samconfig.toml doesn't have."""
    known = config[stage]["deploy"]["parameters"].get("parameter_overrides", [])
    return known if isinstance(known, list) else [known]


def command(stage: str, config: dict[str, Any]) -> list[str]:
    """The sam command for a stage. Raises KeyError as `parameters` does."""
    guided = [] if NEEDED in " ".join(parameters(stage, config)) else ["--guided"]
    return [str(SAM), "deploy", "--config-env", stage, *guided]


def stamp(document: dict[str, Any], values: list[str]) -> dict[str, Any]:
    """The built template with a hash of the parameters among the variables: other values make a new version."""
    variables = document["Globals"]["Function"]["Environment"]["Variables"]
    variables["PARAMETERS_HASH"] = hashlib.sha256(json.dumps(sorted(values)).encode()).hexdigest()[:16]
    return document


def main() -> int:
    """Deploy; sam's exit code.

    The first time sam asks, saves the answers and makes a change set, which is replaced once the answers are stamped:
    otherwise the second deployment would publish every function again.
    """
    stage = sys.argv[1] if len(sys.argv) > 1 else "dev"
    try:
        if "--guided" in command(stage, _config()):
            asked = subprocess.run([*command(stage, _config()), "--no-execute-changeset"], cwd=ROOT, check=False)
            if asked.returncode:
                return asked.returncode
        wanted, values = command(stage, _config()), parameters(stage, _config())
    except KeyError:
        stages = ", ".join(name for name in _config() if name != "version")
        print(f"No stage '{stage}' in samconfig.toml. Stages: {stages}.", file=sys.stderr)
        return 1
    if "--guided" in wanted:
        print(f"No parameters were saved for '{stage}' in samconfig.toml, so nothing was deployed.", file=sys.stderr)
        return 1
    BUILT.write_text(yaml.safe_dump(stamp(yaml.safe_load(BUILT.read_text()), values)))
    return subprocess.run(wanted, cwd=ROOT, check=False).returncode


def _config() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


if __name__ == "__main__":
    sys.exit(main())
