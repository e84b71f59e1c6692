"""``fgamcd solvers``: what is registered, what it can do, and whether it can run here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_rows, say, say_text
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.io.optional import Availability

if TYPE_CHECKING:
    from fgamcd_opt.io.optional import Backend
    from fgamcd_opt.solving.solver import Solver


EXAMPLES = (
    "fgamcd solvers",
    "fgamcd solvers exact",
    "fgamcd solvers --json",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="one solver in full: variants, options, backends (default: a table)",
    )
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the registry or one solver, and the state of everything that is used."""
    from fgamcd_opt.formulations.semidefinite.conic_backends import CONIC_BACKENDS
    from fgamcd_opt.io.licences import state
    from fgamcd_opt.solving.registry import get_solver, solver_names

    solvers = [get_solver(name) for name in ([args.name] if args.name else solver_names())]
    needed = [name for solver in solvers for name in (*solver.backends, *solver.option_backends)]
    conic = [] if args.name else ["cvxpy", *CONIC_BACKENDS]
    beside = {name: solver.backends for solver in reversed(solvers) for name in solver.backends}
    states = {name: state(name, beside.get(name, ())) for name in dict.fromkeys([*needed, *conic])}
    if args.json:
        entries = [_entry(solver, states) for solver in solvers]
        more = {"conic_backends": [states[name].to_json() for name in conic]} if conic else {}
        print_json({"solvers": entries} | more)
        return ExitCode.DONE
    if args.name:
        print_rows(_rows(solvers[0], states))
    else:
        _print_roles(solvers, states)
        say()
        print_rows({"backends": _texts([states[name] for name in states if name in needed])})
        say()
        print_rows(
            {"conic": f"{_texts([states[name] for name in conic])}; for the reference beamforming alone"}
        )
    for backend in states.values():
        if backend.remedy:
            say()
            say_text(f"{backend.name} {backend.availability}: {backend.remedy}")
    return ExitCode.DONE


def _print_roles(solvers: Sequence[Solver], states: Mapping[str, Backend]) -> None:
    """The solvers of every role under a line that says what it means."""
    from fgamcd_opt.solving.solver import Role

    for role in Role:
        group = [solver for solver in solvers if solver.role is role]
        if group:
            say_text(f"{role}: {role.meaning}")
            print_rows({f"  {solver.name:<18}": _told(solver, states) for solver in group})
            say()
    say_text("`fgamcd solvers NAME` shows the variants, options and backends of one.")


def _told(solver: Solver, states: Mapping[str, Backend]) -> str:
    """What it does, and the first backend that it cannot run without."""
    lacking = [states[name] for name in solver.backends if states[name].availability is not Availability.FULL]
    return " ".join([solver.summary, *(f"[{each.name} {each.availability}]" for each in lacking[:1])])


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
        "solver": solver.name,
        "does": solver.summary,
        "role": f"{solver.role}: {solver.role.meaning}",
        "solutions": "found" if solver.finds_solutions else "none, bounds only",
        "bounds": "proved" if solver.proves_bounds else "none",
        "variants": ", ".join(["P1", *variants]),
        "options": ", ".join(options) or "none",
        "backends": _texts([states[name] for name in solver.backends]) or "none needed",
        "by option": _texts([states[name] for name in solver.option_backends]) or "none",
    }


def _texts(backends: Sequence[Backend]) -> str:
    return ", ".join(" ".join(filter(None, (b.name, b.version, f"({b.availability})"))) for b in backends)
