"""Reads of the catalog start without the heavy libraries."""

import subprocess
import sys
from pathlib import Path

import image_studio

LAYER = Path(image_studio.__file__).parents[1]
HEAVY = ("pydantic", "pydantic_core", "boto3", "botocore", "requests", "PIL", "aws_lambda_powertools")
READ = """
import sys
import image_studio.catalog
from image_studio.operations import find_templates, platform_reads

find_templates.list_templates("instagram")
find_templates.search_templates("linkedin")
find_templates.recommend_templates("product showcase")
platform_reads.platform_specs("instagram")
platform_reads.platform_formats("instagram")
image_studio.catalog.style_words("photographic")
print(*sorted({name.split(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_reads_import_nothing_heavy() -> None:
    """A fresh interpreter answers every catalog read without pydantic, boto3, requests, Pillow or powertools."""
    run = subprocess.run(
        [sys.executable, "-c", READ, *HEAVY],
        env={"PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
