"""`make deploy`: deploy what was built to a stage of samconfig.toml; guided until the stage's parameters are known."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import yaml

from local.template import ROOT
from scripts.build import SAM
from scripts.stage import UnknownStage, read_config, saved_parameters

BUILT = ROOT / ".aws-sam/build/template.yaml"
NEEDED = "JwtIssuer"  # what every stage that was deployed once has


def parameters(stage: str, config: dict[str, Any]) -> list[str]:
    """A stage's parameters, each as Name=value. Raises UnknownStage."""
    known = saved_parameters(stage, config).get("parameter_overrides", [])
    return known if isinstance(known, list) else [known]


def command(stage: str, config: dict[str, Any]) -> list[str]:
    """The sam command for a stage. Raises UnknownStage."""
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
        if "--guided" in command(stage, read_config()):
            asked = subprocess.run([*command(stage, read_config()), "--no-execute-changeset"], cwd=ROOT, check=False)
            if asked.returncode:
                return asked.returncode
        wanted, values = command(stage, read_config()), parameters(stage, read_config())
    except UnknownStage as unknown:
        print(unknown, file=sys.stderr)
        return 1
    if "--guided" in wanted:
        print(f"No parameters were saved for '{stage}' in samconfig.toml, so nothing was deployed.", file=sys.stderr)
        return 1
    BUILT.write_text(yaml.safe_dump(stamp(yaml.safe_load(BUILT.read_text()), values)))
    return subprocess.run(wanted, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
