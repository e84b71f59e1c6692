"""The template of a MILP backend, copied and installed as its page says, is a backend like any other."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from template_copy import install, run

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "development" / "milp_plugin_template"
N_RULES = 8


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install("milp_plugin_template", tmp_path_factory.mktemp("milp_plugin_template"))


def test_its_own_tests_pass(installed):
    copy, environment = installed
    ran = run(environment, copy, "pytest", "-q", "-p", "no:cacheprovider", "test_scipy_milp.py")
    assert ran.returncode == 0, ran.stdout
    assert f"{N_RULES} passed" in ran.stdout


def test_exact_solves_with_it_and_the_bound_is_proved_here(installed, tmp_path):
    _, environment = installed
    solved = {}
    for backend in ("scipy-milp", "tree"):
        words = (
            "solve",
            "small-s1-0020MB",
            "--option",
            f"backend={backend}",
            "-o",
            f"{backend}.npz",
            "--json",
        )
        ran = run(environment, tmp_path, "fgamcd_opt", *words)
        assert ran.returncode == 0, ran.stderr
        solved[backend] = json.loads(ran.stdout)
    mine, tree = solved["scipy-milp"], solved["tree"]
    assert mine["options"]["backend"] == "scipy-milp"
    assert mine["gap"] <= 1e-3
    assert mine["lower_bound_s"] <= tree["delay_s"]
    assert tree["lower_bound_s"] <= mine["delay_s"]


def test_the_contract_runs_from_the_command_line(installed, tmp_path):
    _, environment = installed
    ran = run(environment, tmp_path, "fgamcd_opt.testing", "--milp-backend", "scipy-milp")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["kept"] * N_RULES
    unknown = run(environment, tmp_path, "fgamcd_opt.testing", "--milp-backend", "scipy-mlip")
    assert unknown.returncode == 2
    assert "did you mean 'scipy-milp'" in unknown.stderr


def test_a_solver_without_it_says_which_backends_there_are(tmp_path):
    ran = run(dict(os.environ), tmp_path, "fgamcd_opt", "solve", "tiny", "--option", "backend=scipy-milp")
    assert ran.returncode == 2
    assert "expected one of tree, highs, scip, gurobi" in ran.stderr


def test_its_page_shows_it():
    """By snippets, which the site replaces by the files."""
    page = (ROOT / "docs" / "development" / "adding_a_milp_backend.md").read_text()
    shown = re.findall(
        r'^--8<-- "docs/development/milp_plugin_template/([^":]+)(?::(\d+):(\d+))?"$', page, re.MULTILINE
    )
    parts = {}
    for name, first, last in shown:
        lines = (TEMPLATE / name).read_text().splitlines()
        parts[name] = lines[int(first) - 1 : int(last)] if first else lines
    assert parts["scipy_milp.py"][0].startswith('"""`scipy-milp`')
    assert parts["pyproject.toml"][1] == '[project.entry-points."fgamcd_opt.milp_backends"]'
