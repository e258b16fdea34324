"""Removing a provider is deleting its file and its row: done here for each, in a copy of the package."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image_studio import providers
from image_studio.providers import PROVIDERS

PACKAGE = Path(providers.__file__).parents[1]
#: What the API still answers: who is listed, who does each operation, what a template of the removed provider gets.
PROBE = """
import json
from image_studio.operations import create, table
from image_studio.operations.context import OperationContext
from image_studio.operations.listings import group_operations, list_providers
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.providers import PROVIDERS
from image_studio.schemas.create import CreateRequest

everyone = frozenset(PROVIDERS)
first = {
    name: select_candidates(ModelQuery(operation=name, quality="standard"), everyone)[0].provider.name
    for name in ("create", *group_operations(), "upscale.fast", "upscale.conservative", "upscale.creative")
}
request = CreateRequest(prompt="a kite", template_id="linkedin_post")
context = OperationContext(configured=everyone)
template = create.candidates_for(request, create.resolve(request), context)[0].provider.name
listed = list(list_providers(everyone, lambda _: False).providers)
print(json.dumps({"listed": listed, "first": first, "template": template}))
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, to be changed."""
    shutil.copytree(PACKAGE, tmp_path / "image_studio", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_provider_is_its_file_and_its_row(name, copy):
    """Without them the others are listed, do every operation, and make what a template recommended of it."""
    folder = copy / "image_studio/providers"
    (folder / f"{name}.py").unlink()
    rows = folder / "__init__.py"
    changed = re.sub(rf"\b{name}, |, {name}\b", "", rows.read_text())
    assert name not in changed
    rows.write_text(changed)
    named = re.compile(rf"providers(\.| import (.*, )?){name}\b(?!_)")
    assert [path for path in (copy / "image_studio").rglob("*.py") if named.search(path.read_text())] == []
    answer = subprocess.run(
        [sys.executable, "-c", PROBE], env={"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["listed"] == [other for other in PROVIDERS if other != name]
    assert name not in {*found["first"].values(), found["template"]}
