"""What README, CONTRIBUTING and the Makefile say is so, where it can be checked."""

import re
import subprocess
from pathlib import Path

import pytest

from image_studio import errors
from image_studio.providers import SPECS
from image_studio.runtime import jobs_api
from image_studio.runtime.settings import TIERS
from image_studio.schemas import limits
from local.emulators.exchange import SPOILERS
from local.template import ROOT, Template

README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/operating.md")
PACKAGE = ROOT / "layers/common/python/image_studio"
PARAMETERS = Template().document["Parameters"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file or folder that is there."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_every_page_is_found_from_the_readme() -> None:
    """Pages of docs/ by links, the recipes beside the code by their paths."""
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target}
    decisions = ROOT / "docs/decisions"
    pages = [page for page in ROOT.glob("docs/**/*.md") if decisions not in page.parents]
    assert [str(page) for page in pages if page.resolve() not in linked] == []
    recipes = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("ADDING.md")]
    assert [recipe for recipe in recipes if f"`{recipe}`" not in README] == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    """Whatever a page tells to type is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (?:-s )?([a-z]+)\b(?=[` \n]|$)", _code(page))) <= targets


def _code(page: str) -> str:
    text = (ROOT / page).read_text()
    return "\n".join(re.findall(r"`[^`\n]+`|^ {4}.+$", text, re.MULTILINE))


def test_the_map_names_what_is_there() -> None:
    """Folders of the map, and the package's layers."""
    section = README.split("## Map of the tree")[1].split("##")[0]
    for line in section.strip("\n").splitlines():
        for path in line[:37].split() if line.startswith("    ") else ():
            assert [*ROOT.glob(path), *PACKAGE.glob(path)], path
    for layer in ("runtime", "operations", "providers", "imaging", "catalog", "storage", "schemas", "errors.py"):
        assert (PACKAGE / layer).exists()
        assert layer in section


def test_places_to_change_things_exist() -> None:
    """Every path of the table `Where do I change ...?`."""
    section = README.split("## Where do I change")[1].split("##")[0]
    for path in re.findall(r"`([a-zA-Z_./*]+[/.][a-zA-Z_./*]*)`", section):
        found = [*ROOT.glob(path), *PACKAGE.glob(path), *ROOT.glob(f"functions/*/{path}")]
        assert found, path


def test_every_status_is_in_the_table_of_errors() -> None:
    """The tree of errors and the README name the same statuses."""
    section = README.split("## Errors")[1].split("##")[0]
    told = {int(each) for line in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE) for each in line.split(",")}
    assert told == {kind.status for kind in _all(errors.StudioError)}


def _all(kind: type[errors.StudioError]) -> set[type[errors.StudioError]]:
    return {kind}.union(*(_all(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("requests per minute", {name: tier.per_minute for name, tier in TIERS.items()}),
        ("requests per day", {name: tier.per_day for name, tier in TIERS.items()}),
        ("variations in the making at once", {name: tier.in_flight for name, tier in TIERS.items()}),
        ("requests that wait for a job at once", {name: tier.waits for name, tier in TIERS.items()}),
        ("credits per month", {name: PARAMETERS[f"Credits{name.capitalize()}"]["Default"] for name in TIERS}),
    ],
)
def test_limits_of_the_tiers_are_the_tables(row: str, values: dict[str, int]) -> None:
    """As the one table of tiers has them; credits as the template's parameters have them."""
    told = ", ".join(f"{name} {value:,}" for name, value in values.items())
    assert f"| {row} | {told} |" in README


def test_credits_are_the_same_without_a_template() -> None:
    """The parameters' defaults are those of the table."""
    for name, tier in TIERS.items():
        assert PARAMETERS[f"Credits{name.capitalize()}"]["Default"] == tier.credits


def test_other_limits_are_those_of_the_code() -> None:
    """Pixels, variations, hops and days."""
    assert f"| an image | {limits.MAX_PIXELS:,} pixels; {TIERS['free'].max_pixels:,} on the free tier |" in README
    assert f"| variations | {limits.MAX_VARIATIONS} per request |" in README
    assert f"the {jobs_api.MAX_HOPS}th hop answers 202" in README
    kept = PARAMETERS["ResultDays"]["Default"], PARAMETERS["InputDays"]["Default"]
    assert "| results, inputs | kept {} days, {} day |".format(*kept) in README
    assert f"{PARAMETERS['WaitSeconds']['Default']} s of the gateway's 30" in README


def test_variables_of_the_providers_are_named() -> None:
    """Each key and each base URL."""
    for spec in SPECS:
        assert f"`{spec.key_variable}`" in README
        assert f"`{spec.base_url_variable}`" in README


def test_faults_exist() -> None:
    """Each fault of the wire that the README names is one that the emulators know."""
    listed = README.split("`[[fault=NAME]]` with")[1].split("\n- ")[0].split("[The emulators")[0]
    named = set(re.findall(r"`(\w+)`", listed))
    assert {"timeout", "reset", "drip", "401", "402", "429", "500", "html502"} <= named
    assert {each for each in named if each in SPOILERS} >= {"timeout", "reset", "drip", "truncated", "mime", "huge"}


def test_make_lists_its_targets() -> None:
    """`make` alone prints one line for each."""
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    lines = [line for line in printed.splitlines() if line.startswith("  make ")]
    named = [line.split()[1] for line in lines]
    assert {"run", "token", "test", "check", "bench", "build", "deploy"} <= set(named)
    assert len(named) == len(set(named))
    assert all(len(line.split()) > 2 for line in lines)


def test_nothing_points_outside_the_repository() -> None:
    """The symbolic link of the layer's requirements stays inside; there is no other."""
    links = [path for path in Path(ROOT / "layers").rglob("*") if path.is_symlink()]
    assert [path.resolve() for path in links] == [ROOT / "requirements/layer.txt"]
