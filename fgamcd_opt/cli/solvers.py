"""``fgamcd solvers``: what is registered, what it can do, and whether it can run here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from fgamcd_opt.cli.arguments import add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the registry."""
    from fgamcd_opt.solvers.registry import solver_names

    entries = [_entry(name) for name in solver_names()]
    if args.json:
        print_json({"solvers": entries})
    else:
        for number, entry in enumerate(entries):
            print("\n" * (number > 0), end="")
            print_rows(_rows(entry))
    return ExitCode.DONE


def _entry(name: str) -> dict[str, Any]:
    from fgamcd_opt.solvers.backends import probe
    from fgamcd_opt.solvers.registry import get_solver

    solver = get_solver(name)
    backends = [probe(distribution) for distribution in solver.backends]
    return {
        "name": name,
        "summary": solver.summary,
        "proves_bounds": solver.proves_bounds,
        "finds_solutions": solver.finds_solutions,
        "variants": {field: sorted(values) for field, values in solver.variants.items()},
        "options": dict(solver.options),
        "backends": [backend.to_json() for backend in backends],
    }


def _rows(entry: Mapping[str, Any]) -> dict[str, str]:
    """One solver for people."""
    variants = [f"{field}={value}" for field, values in entry["variants"].items() for value in values]
    options = [f"{name}={value}" for name, value in entry["options"].items()]
    return {
        entry["name"]: entry["summary"],
        "  solutions": "found" if entry["finds_solutions"] else "none, bounds only",
        "  bounds": "proved" if entry["proves_bounds"] else "none",
        "  variants": ", ".join(["P1", *variants]),
        "  options": ", ".join(options) or "none",
        "  backends": ", ".join(map(_backend_text, entry["backends"])) or "none needed",
    }


def _backend_text(backend: Mapping[str, str | None]) -> str:
    if backend["version"] is None:
        return f"{backend['name']} missing: {backend['remedy']}"
    remedy = f": {backend['remedy']}" if backend["remedy"] else ""
    return f"{backend['name']} {backend['version']} ({backend['availability']}{remedy})"
