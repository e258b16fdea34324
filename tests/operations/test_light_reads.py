"""Lists, recommendations and estimates start without the heavy libraries."""

import subprocess
import sys
from pathlib import Path

import image_studio

LAYER = Path(image_studio.__file__).parents[1]
HEAVY = ("pydantic", "pydantic_core", "boto3", "botocore", "requests", "PIL", "aws_lambda_powertools")
READ = """
import sys
from image_studio.operations import edit_models, estimate_cost, operation_info

operation_info.edit_operations()
operation_info.control_operations()
edit_models.edit_models("inpaint", "budget")
edit_models.edit_recommend({"operation": "general_edit"})
estimate_cost.estimate_cost({"provider": "ideogram", "operation": "upscale"} | {"provider": "stability"})
print(*sorted({name.split(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_reads_import_nothing_heavy() -> None:
    """A fresh interpreter answers them without pydantic, boto3, requests, Pillow or powertools."""
    run = subprocess.run(
        [sys.executable, "-c", READ, *HEAVY],
        env={"PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
