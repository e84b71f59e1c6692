"""constraints.txt pins everything that pyproject.toml names, within its bounds."""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NAMED = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]


def pins() -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    pinned = [Requirement(line) for line in lines if line]
    assert len({canonicalize_name(pin.name) for pin in pinned}) == len(pinned)
    return {canonicalize_name(pin.name): str(pin.specifier) for pin in pinned}


def test_every_constraint_is_one_exact_version():
    for name, specifier in pins().items():
        assert specifier.startswith("=="), name
        assert "," not in specifier, name
        assert "*" not in specifier, name


@pytest.mark.parametrize("text", sorted({text for text in NAMED if not text.startswith(PROJECT["name"])}))
def test_named_dependency_is_pinned_within_its_bound(text):
    requirement = Requirement(text)
    pinned = pins()[canonicalize_name(requirement.name)].removeprefix("==")
    assert requirement.specifier.contains(pinned)
    assert [clause.operator for clause in requirement.specifier] == [">="]


def test_pinned_versions_install_on_the_oldest_python():
    """Debian 12 has Python 3.11.2; a pin that wanted 3.11.5 made `make test` fail there, and nowhere else."""
    oldest = PROJECT["requires-python"].removeprefix(">=")
    pinned = pins()
    wanted = {
        name: found.metadata.get("Requires-Python", "")
        for found in distributions()
        if pinned.get(name := canonicalize_name(found.metadata["Name"])) == f"=={found.version}"
    }
    assert wanted
    assert [name for name, pythons in wanted.items() if not SpecifierSet(pythons).contains(oldest)] == []


def test_all_extra_holds_every_other_extra_for_users():
    (text,) = EXTRAS["all"]
    assert Requirement(text).extras == set(EXTRAS) - {"all", "dev", "docs"}
