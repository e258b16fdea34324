"""Copies of one initialized process, as SnapStart makes them: they share nothing that has to be their own."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import image_studio
from image_studio import imaging
from local.template import ROOT

#: Initializes the functions, then forks two copies, each of which runs a job. Prints what each drew, and the parent's
#: open sockets. A fork reseeds the `random` module and a restored snapshot doesn't, so its state is put back.
PARENT = """
import json, os, random, sys
os.environ |= {"AWS_LAMBDA_FUNCTION_NAME": "create", "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
import pytest
from image_studio.runtime import aws_clients
from tests.jobs.harness import CREATE, Harness
from tests.security.inside import handler
from tests.tables import fake_aws

for function in ("CreateFunction", "EditFunction", "JobsFunction", "WorkerFunction"):
    handler(function)
links = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if int(name) > 2 and
         os.path.exists(f"/proc/self/fd/{name}")]
made = [client.cache_info().currsize for client in
        (aws_clients.dynamodb, aws_clients.quick_dynamodb, aws_clients.s3, aws_clients.sqs, aws_clients.secretsmanager)]
state = random.getstate()
for number in range(2):
    if os.fork() == 0:
        random.setstate(state)
        with pytest.MonkeyPatch.context() as patch, fake_aws(patch):
            harness = Harness(patch)
            job = harness.submit(CREATE)
            harness.work()
            print(json.dumps({"job": job, "seeds": [task.seed for task in harness.provider_client.paid]}), flush=True)
        os._exit(0)
    os.wait()
print(json.dumps({"sockets": [link for link in links if link.startswith("socket:")], "made": made,
                  "late": sorted(set(sys.argv[1:]) & set(sys.modules))}))
"""

#: What few requests need, so a plain init doesn't load it.
LATE = [name for name in (*imaging.ON_FIRST_USE, "ncnn") if importlib.util.find_spec(name)]


LAYER = ROOT / "layers/common/python"


def run(code: str, path: str, *arguments: str, **environment: str) -> str:
    command, variables = [sys.executable, "-c", code, *arguments], {"PYTHONPATH": path, **environment}
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_copies_of_a_process_draw_their_own_numbers() -> None:
    """Ids and seeds differ, no connection is open, and AWS clients and seldom used libraries are there already."""
    keys = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    printed = run(PARENT, f"{ROOT}:{LAYER}", *LATE, **keys)
    found: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines() if '"_aws"' not in line]
    first, second, parent = found
    assert first["job"] != second["job"]
    assert first["seeds"] != second["seeds"]
    assert len(first["seeds"]) == len(second["seeds"]) == 1
    assert parent == {"sockets": [], "made": [1, 1, 1, 1, 1], "late": LATE}


def test_nobody_uses_the_random_module() -> None:
    """Restored copies share its state; `secrets` asks the operating system."""
    for path in Path(image_studio.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "random" not in names, path


def test_a_quick_read_imports_no_pydantic() -> None:
    """The create function's init, which catalog reads wait for, loads neither pydantic nor boto3 nor Pillow."""
    code = (
        "import runpy, sys; runpy.run_path('functions/create/app.py');"
        "print(sorted({'pydantic', 'boto3', 'PIL', 'requests'} & set(sys.modules)))"
    )
    assert run(code, str(LAYER)).strip() == "[]"
