"""`make playground STAGE=dev`: put the page of web/ onto the stage's CloudFront, with who signs its people in."""

import json
import mimetypes
import sys
import time
from pathlib import Path
from typing import Any

from local.static import CONFIG, WEB, kind_of
from scripts.stage import AWS_FAILURES, UnknownStage, find_stage

FRESH = "no-cache"  # asked for again each time, by ETag: a deployment is seen at once


def page_config(parameters: dict[str, str], outputs: dict[str, str]) -> dict[str, str]:
    """What the page is given on AWS: no ready token, but who signs in, the stack's own pool or another issuer."""
    return {
        "api": CONFIG["api"],
        "issuer": outputs["Issuer"],
        "client_id": outputs.get("UserPoolClientId") or parameters["PlaygroundClientId"],
        "scope": parameters["PlaygroundScope"],
        "audience": parameters["JwtAudience"].partition(",")[0],
    }


def files() -> list[Path]:
    """Everything that belongs to the page."""
    return sorted(path for path in WEB.rglob("*") if path.is_file() and not path.name.startswith("."))


def publish(stack: dict[str, Any], s3: Any, cloudfront: Any) -> int:
    """Upload the page and its configuration, then tell CloudFront; how many files. Raises KeyError if there is none."""
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    bucket = outputs["PlaygroundBucketName"]
    config = json.dumps(page_config(parameters, outputs), indent=2).encode()
    page = [(path.relative_to(WEB).as_posix(), path.read_bytes(), kind_of(path)) for path in files()]
    for name, data, kind in [*page, ("config.json", config, mimetypes.types_map[".json"])]:
        s3.put_object(Bucket=bucket, Key=name, Body=data, ContentType=kind, CacheControl=FRESH)
    paths = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())}
    cloudfront.create_invalidation(DistributionId=outputs["PlaygroundDistribution"], InvalidationBatch=paths)
    print(f"{len(page) + 1} files are at {outputs['PlaygroundUrl']}")
    if "UserPoolClientId" in outputs and parameters["PlaygroundAddress"] != outputs["PlaygroundUrl"]:
        print(f"Nobody can sign in yet: deploy with the parameter PlaygroundAddress={outputs['PlaygroundUrl']}")
    return len(page) + 1


def main() -> int:
    """Publish to a stage; the exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else "dev"
    try:
        stage = find_stage(name)
        publish(stage.stack(), stage.session.client("s3"), stage.session.client("cloudfront"))
    except (UnknownStage, *AWS_FAILURES) as problem:
        print(f"FAILED: {problem}", file=sys.stderr)
        return 1
    except KeyError as missing:
        print(f"Stage '{name}' has no {missing}. Deploy it with the parameter Playground=yes first.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
