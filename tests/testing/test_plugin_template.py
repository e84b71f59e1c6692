"""The template of a plug-in, copied and installed as its page says, is a solver like any other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from template_copy import install, run

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "development" / "plugin_template"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install("plugin_template", tmp_path_factory.mktemp("plugin_template"))


def test_its_own_tests_pass(installed):
    copy, environment = installed
    ran = run(environment, copy, "pytest", "-q", "-p", "no:cacheprovider", "test_one_copy_solver.py")
    assert ran.returncode == 0, ran.stdout
    assert "11 passed" in ran.stdout


def test_the_command_line_knows_it(installed, tmp_path):
    _, environment = installed
    listed = json.loads(run(environment, tmp_path, "fgamcd_opt", "solvers", "--json").stdout)["solvers"]
    assert listed[-1]["name"] == "one-copy"
    assert listed[-1]["options"] == {"rounds": 2}
    solve = ("fgamcd_opt", "solve", "small", "--solver", "one-copy", "-o", "s.npz", "--json")
    assert run(environment, tmp_path, *solve).returncode == 0
    verdict = json.loads(
        run(environment, tmp_path, "fgamcd_opt", "verify", "small", "s.npz", "--json").stdout
    )
    assert (verdict["valid"], verdict["solver"]) == (True, "one-copy")


def test_the_contract_runs_from_the_command_line(installed, tmp_path):
    _, environment = installed
    ran = run(environment, tmp_path, "fgamcd_opt.testing", "one-copy", "--option", "rounds=0")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["kept"] * 11
    unknown = run(environment, tmp_path, "fgamcd_opt.testing", "one-copie")
    assert unknown.returncode == 2
    assert "did you mean 'one-copy'" in unknown.stderr


def test_its_page_shows_it():
    """By snippets, which the site replaces by the files."""
    page = (ROOT / "docs" / "development" / "adding_a_solver.md").read_text()
    shown = re.findall(
        r'^--8<-- "docs/development/plugin_template/([^":]+)(?::(\d+):(\d+))?"$', page, re.MULTILINE
    )
    parts = {}
    for name, first, last in shown:
        lines = (TEMPLATE / name).read_text().splitlines()
        parts[name] = lines[int(first) - 1 : int(last)] if first else lines
    assert parts["one_copy_solver.py"][0].startswith('"""`one-copy`')
    assert parts["pyproject.toml"][1] == '[project.entry-points."fgamcd_opt.solvers"]'
