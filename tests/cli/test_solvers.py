"""``fgamcd solvers``: the registry, nothing more and nothing less, with the state of every backend."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest
from cli_runner import Run
from stub_solvers import Unlicensed, register

from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.io.licences import gurobi_state, mosek_fault
from fgamcd_opt.io.optional import Availability, probe
from fgamcd_opt.solving.registry import get_solver, solver_names


def test_listing_is_the_registry(fgamcd: Run) -> None:
    ran = fgamcd("solvers", "--json")
    assert ran.code == ExitCode.DONE
    entries = {entry["name"]: entry for entry in ran.json["solvers"]}
    assert tuple(entries) == solver_names()
    for name, entry in entries.items():
        solver = get_solver(name)
        assert entry["options"] == solver.options
        assert entry["proves_bounds"] == solver.proves_bounds
        assert entry["finds_solutions"] == solver.finds_solutions
        assert tuple(backend["name"] for backend in entry["backends"]) == solver.backends
        assert tuple(backend["name"] for backend in entry["option_backends"]) == solver.option_backends
    assert entries["lp"]["backends"] == [
        {"name": "highspy", "version": version("highspy"), "availability": "full", "remedy": None}
    ]


def test_the_table_has_every_solver_under_its_role(fgamcd: Run) -> None:
    parts = fgamcd("solvers").out.split("\n\n")
    for name in solver_names():
        solver = get_solver(name)
        (part,) = (part for part in parts if part.startswith(f"{solver.role}: "))
        assert f"\n  {name} " in part
        assert " ".join(solver.summary.split()) in " ".join(part.split())


@pytest.mark.parametrize("name", solver_names())
def test_a_solver_is_shown_in_full(fgamcd: Run, name: str) -> None:
    ran = fgamcd("solvers", name)
    text, solver = " ".join(ran.out.split()), get_solver(name)
    assert ran.code == ExitCode.DONE
    assert f"role {solver.role}: " in text
    for option, value in solver.options.items():
        assert f"{option}={value}" in text
    for backend in solver.backends:
        assert f"{backend} {version(backend)} (" in text
    told = fgamcd("solvers", name, "--json").json
    assert [entry["name"] for entry in told["solvers"]] == [name]


def test_an_unknown_solver_is_refused(fgamcd: Run) -> None:
    ran = fgamcd("solvers", "exakt")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "did you mean 'exact'?" in ran.err


def test_licences_are_tried_out(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gurobi by a solve with a licence file that does not exist, MOSEK as it says itself."""
    monkeypatch.setenv("GRB_LICENSE_FILE", "no-such-file.lic")
    gurobi_state.cache_clear()
    ran = fgamcd("solvers", "--json").json
    text = " ".join(fgamcd("solvers").out.split())
    gurobi_state.cache_clear()
    states = {b["name"]: b for entry in ran["solvers"] for b in entry["option_backends"]}
    assert states["gurobipy"]["availability"] == "unlicensed"
    assert "no-such-file.lic" in states["gurobipy"]["remedy"]
    assert "GRB_LICENSE_FILE" in states["gurobipy"]["remedy"]
    assert f"gurobipy unlicensed: {states['gurobipy']['remedy']}" in text
    conic = {b["name"]: b for b in ran["conic_backends"]}
    assert conic["mosek"]["availability"] == ("unlicensed" if mosek_fault() else "full")
    assert conic["clarabel"]["availability"] == "full"


def test_the_licence_that_comes_with_gurobipy_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRB_LICENSE_FILE", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    found = gurobi_state.__wrapped__()
    if found.availability is not Availability.FULL:  # a licence of this machine, found elsewhere
        assert found.availability is Availability.LIMITED
        assert "2000 variables" in found.remedy


def test_missing_backend_comes_with_its_remedy(fgamcd: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, Unlicensed)
    name = "fgamcd-opt-test-no-such-backend"
    entry = fgamcd("solvers", "--json").json["solvers"][-1]
    assert entry["backends"] == [
        {"name": name, "version": None, "availability": "missing", "remedy": f"pip install {name}"}
    ]
    text = " ".join(fgamcd("solvers").out.split())
    assert f"[{name} missing]" in text
    assert f"{name} missing: pip install {name}" in text


@pytest.mark.parametrize(("distribution", "extra"), [("gurobipy", "gurobi"), ("mosek", "mosek")])
def test_remedy_of_an_optional_backend_is_its_extra(
    monkeypatch: pytest.MonkeyPatch, distribution: str, extra: str
) -> None:
    """Whether or not it is installed where the test runs."""
    monkeypatch.setattr("fgamcd_opt.io.optional.version", lambda name: version(f"not-installed-{name}"))
    backend = probe(distribution)
    assert backend.availability == "missing"
    assert backend.remedy == f'pip install -c constraints.txt -e ".[{extra}]" at the root of the sources'


@pytest.mark.parametrize(
    ("distribution", "beside", "extra"),
    [
        ("pyomo", ("pyomo", "pyscipopt"), "scip"),
        ("pyomo", ("pyomo", "gurobipy"), "gurobi"),
        ("safetensors", ("torch", "safetensors"), "learn"),
        ("cvxpy", ("mosek",), "mosek"),
        ("cvxpy", (), "sdr"),
    ],
)
def test_the_remedy_names_the_extra_that_brings_everything(
    monkeypatch: pytest.MonkeyPatch, distribution: str, beside: tuple[str, ...], extra: str
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("fgamcd_opt.io.optional.version", absent)
    remedy = probe(distribution, beside).remedy
    assert remedy is not None
    assert f'".[{extra}]"' in remedy
