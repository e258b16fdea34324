"""Print the CloudFormation template that SAM makes of template.yaml. Run by .venv-sam's Python: it has the transform.

Linting the SAM source misses what only shows in its translation: circular dependencies, for one.
"""

import json
import sys
from pathlib import Path
from typing import Any


class _NoManagedPolicies:
    """SAM asks for managed policies by name; we name none."""

    def load(self) -> dict[str, str]:
        """Nothing."""
        return {}


def main() -> int:
    """Translate; code locations are placeholders, as nothing is built. Arguments: Parameter=value ..."""
    # only .venv-sam has these
    from samtranslator.translator.transform import transform  # type: ignore[import-not-found]  # noqa: PLC0415
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found]  # noqa: PLC0415

    document: dict[str, Any] = yaml_parse((Path(__file__).parent.parent / "template.yaml").read_text())
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    values = dict(argument.split("=", 1) for argument in sys.argv[1:])
    json.dump(transform(document, values, _NoManagedPolicies()), sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
