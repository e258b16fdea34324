"""Reads and estimates start without the heavy libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

import image_studio

LAYER = Path(image_studio.__file__).parents[1]
HEAVY = ("pydantic", "pydantic_core", "boto3", "botocore", "requests", "PIL", "aws_lambda_powertools")
CATALOG = """
import image_studio.catalog
from image_studio.operations import find_templates, platform_reads

find_templates.list_templates("instagram")
find_templates.search_templates("linkedin")
find_templates.recommend_templates("product showcase")
platform_reads.platform_specs("instagram")
platform_reads.platform_formats("instagram")
image_studio.catalog.style_words("photographic")
"""
LISTS = """
from image_studio.operations import edit_models, estimate_cost, operation_info

operation_info.edit_operations()
operation_info.control_operations()
edit_models.edit_models("inpaint", "budget")
edit_models.edit_recommend({"operation": "general_edit"})
estimate_cost.estimate_cost({"provider": "ideogram", "operation": "upscale"} | {"provider": "stability"})
"""
REPORT = """
import sys
print(*sorted({name.split(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def imported(code: str, names: tuple[str, ...]) -> tuple[int, str, str]:
    """Exit code, those of the libraries that a fresh interpreter has after the code, and what it complained of."""
    run = subprocess.run(
        [sys.executable, "-c", code + REPORT, *names],
        env={"PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.returncode, run.stdout.strip(), run.stderr


@pytest.mark.parametrize("reads", [CATALOG, LISTS], ids=["catalog", "lists and estimates"])
def test_reads_import_nothing_heavy(reads: str) -> None:
    """A fresh interpreter answers them without pydantic, boto3, requests, Pillow or powertools."""
    assert imported(reads, HEAVY) == (0, "", "")


def test_what_sends_nothing_imports_no_requests() -> None:
    """Only the worker talks to providers: what records jobs and waits for them starts without the library."""
    modules = ("runtime.submit", "runtime.job_routes", "runtime.waiting", "operations.create", "operations.edit")
    imports = "\n".join(f"import image_studio.{each}" for each in modules)
    assert imported(imports, ("requests", "boto3", "aws_lambda_powertools")) == (0, "", "")
