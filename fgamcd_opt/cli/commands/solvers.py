"""``fgamcd solvers``: what is registered, what it can do, and whether it can run here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_rows, say
from fgamcd_opt.io.errors import ExitCode

if TYPE_CHECKING:
    from fgamcd_opt.io.optional import Backend
    from fgamcd_opt.solving.solver import Solver


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the registry, and the state of everything that its solvers and formulations can use."""
    from fgamcd_opt.formulations.semidefinite.conic_backends import CONIC_BACKENDS
    from fgamcd_opt.io.licences import state
    from fgamcd_opt.solving.registry import get_solver, solver_names

    solvers = [get_solver(name) for name in solver_names()]
    needed = [name for solver in solvers for name in (*solver.backends, *solver.option_backends)]
    states = {name: state(name) for name in dict.fromkeys([*needed, "cvxpy", *CONIC_BACKENDS])}
    conic = [states[name] for name in ("cvxpy", *CONIC_BACKENDS)]
    if args.json:
        entries = [_entry(solver, states) for solver in solvers]
        print_json({"solvers": entries, "conic_backends": [backend.to_json() for backend in conic]})
    else:
        for solver in solvers:
            print_rows(_rows(solver, states))
            say()
        print_rows({"conic": f"{_texts(conic)}; for the reference beamforming alone"})
        for backend in states.values():
            if backend.remedy:
                say(f"\n{backend.name} {backend.availability}: {backend.remedy}")
    return ExitCode.DONE


def _entry(solver: Solver, states: Mapping[str, Backend]) -> dict[str, Any]:
    return {
        "name": solver.name,
        "summary": solver.summary,
        "role": str(solver.role),
        "proves_bounds": solver.proves_bounds,
        "finds_solutions": solver.finds_solutions,
        "variants": {field: sorted(values) for field, values in solver.variants.items()},
        "options": dict(solver.options),
        "backends": [states[name].to_json() for name in solver.backends],
        "option_backends": [states[name].to_json() for name in solver.option_backends],
    }


def _rows(solver: Solver, states: Mapping[str, Backend]) -> dict[str, str]:
    """One solver for people."""
    variants = [f"{field}={value}" for field, values in solver.variants.items() for value in sorted(values)]
    options = [f"{name}={value}" for name, value in solver.options.items()]
    return {
        solver.name: solver.summary,
        "  solutions": "found" if solver.finds_solutions else "none, bounds only",
        "  bounds": "proved" if solver.proves_bounds else "none",
        "  variants": ", ".join(["P1", *variants]),
        "  options": ", ".join(options) or "none",
        "  backends": _texts([states[name] for name in solver.backends]) or "none needed",
        "  by option": _texts([states[name] for name in solver.option_backends]) or "none",
    }


def _texts(backends: Sequence[Backend]) -> str:
    return ", ".join(" ".join(filter(None, (b.name, b.version, f"({b.availability})"))) for b in backends)
