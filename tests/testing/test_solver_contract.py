"""The contract accepts sound plug-ins and rejects broken ones, each for what it does; registered by entry points."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from broken_solvers import BROKEN, DEADLY, SoundBound, SoundHeuristic, Unlicensed, registered_name

from fgamcd_opt.io.errors import BackendError, ExitCode, UsageError
from fgamcd_opt.solving import registry
from fgamcd_opt.testing import RULES, ContractError, SolverUnderTest, apart, check_rule, check_solver
from fgamcd_opt.testing.__main__ import main


@pytest.fixture(autouse=True)
def plug_ins(tmp_path, monkeypatch):
    """An installed package, as Python finds it, whose entry points are the solvers of broken_solvers.py."""
    information = tmp_path / "plug_ins-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-ins\nVersion: 1.0\n")
    lines = [
        f"{registered_name(kind)} = {kind.__module__}:{kind.__name__}"
        for kind in (*BROKEN, *DEADLY, Unlicensed, SoundHeuristic, SoundBound)
    ]
    (information / "entry_points.txt").write_text("\n".join([f"[{registry.ENTRY_POINT_GROUP}]", *lines]))
    monkeypatch.syspath_prepend(tmp_path)
    path = [str(tmp_path), str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    registry._plug_ins.cache_clear()
    yield
    monkeypatch.undo()
    sys.path_importer_cache.clear()
    registry._plug_ins.cache_clear()


def test_every_rule_has_a_solver_that_breaks_it():
    assert {kind.breaks for kind in BROKEN} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [SoundHeuristic, SoundBound])
def test_sound_solvers_keep_every_rule(kind, rule):
    check_rule(rule, SolverUnderTest(registered_name(kind)))


@pytest.mark.parametrize("kind", BROKEN, ids=registered_name)
def test_broken_solvers_are_rejected_with_the_reason(kind):
    case = SolverUnderTest(registered_name(kind))
    with pytest.raises(ContractError, match=re.escape(kind.says)):
        check_rule(kind.breaks, case)


def test_all_broken_rules_are_named_together():
    check_solver("sound-heuristic", {"rounds": 1})
    with pytest.raises(ContractError) as caught:
        check_solver("gives-up-as-infeasible")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"solver gives-up-as-infeasible breaks {len(lines) - 1} of {len(RULES)} rules"
    assert {"solves_the_smallest_preset", "never_beats_enumeration"} <= {line.split(":")[0] for line in lines}


def test_command_line_names_the_broken_rule(capsys):
    assert main(["no-summary"]) is ExitCode.VERIFICATION_FAILED
    out = capsys.readouterr().out
    assert out.count("BROKEN  ") == 1
    assert out.count("kept    ") == len(RULES) - 1
    assert "BROKEN  declares_what_it_is: summary '' is not one line of text" in out


@pytest.mark.parametrize("kind", DEADLY, ids=registered_name)
def test_solver_that_ends_its_process_breaks_the_rule_and_not_the_check(kind, monkeypatch):
    rules = {rule: RULES[rule] for rule in ("solves_the_smallest_preset", "declares_what_it_is")}
    monkeypatch.setattr(apart, "RULES", rules)
    first, second = apart.check_apart(SolverUnderTest(registered_name(kind)))
    assert first[0] == "solves_the_smallest_preset"
    assert any(told in first[1] for told in kind.says), first[1]
    assert second == ("declares_what_it_is", None)


def test_backend_that_is_missing_ends_the_check(monkeypatch):
    monkeypatch.setattr(apart, "RULES", {"is_quiet": RULES["is_quiet"]})
    with pytest.raises(BackendError, match="the licence allows 3 variables"):
        list(apart.check_apart(SolverUnderTest("unlicensed")))


def test_what_is_no_fault_of_the_solver_is_no_broken_rule(monkeypatch):
    with pytest.raises(UsageError, match="has no option 'loops'"):
        SolverUnderTest("sound-heuristic", {"loops": 1})
    monkeypatch.setattr(SoundHeuristic, "backends", ("no-such-distribution",))
    with pytest.raises(BackendError, match="no-such-distribution"):
        check_solver("sound-heuristic")
