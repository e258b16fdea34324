"""`make deploy`: deploy what was built to a stage of samconfig.toml; guided until the stage's parameters are known."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SAM = ROOT / ".venv-sam/bin/sam"
NEEDED = "JwtIssuer"  # the first parameter without a default


def command(stage: str, config: dict[str, Any]) -> list[str]:
    """The sam command for a stage. Raises KeyError for one that samconfig.toml doesn't have."""
    known = str(config[stage]["deploy"]["parameters"].get("parameter_overrides", ""))
    guided = [] if NEEDED in known else ["--guided"]
    return [str(SAM), "deploy", "--config-env", stage, *guided]


def main() -> int:
    """Deploy; sam's exit code."""
    stage = sys.argv[1] if len(sys.argv) > 1 else "dev"
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    try:
        wanted = command(stage, config)
    except KeyError:
        stages = ", ".join(name for name in config if name != "version")
        print(f"No stage '{stage}' in samconfig.toml. Stages: {stages}.", file=sys.stderr)
        return 1
    return subprocess.run(wanted, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
