"""Reading the grid of a comparison from the command line: lists of seeds and solvers, options by solver."""

from __future__ import annotations

import argparse

from fgamcd_opt.errors import UsageError


def whole_numbers(text: str) -> list[int]:
    """``0-9``, ``0,3,5`` or a mixture, as an argparse type."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"{part!r} is neither a number nor a range such as 0-9")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def solvers_of(text: str) -> list[str]:
    """Names from a comma-separated list; ``all`` stands for every registered one."""
    from fgamcd_opt.solvers.registry import solver_names

    return list(solver_names()) if text == "all" else [name.strip() for name in text.split(",")]


def options_by_solver(pairs: dict[str, str]) -> dict[str, dict[str, str]]:
    """``{"exact.rounds": "4"}`` as ``{"exact": {"rounds": "4"}}``.

    Raises
    ------
    UsageError
        A name without a solver.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in pairs.items():
        solver, dot, option = name.rpartition(".")
        if not (dot and solver and option):
            raise UsageError(f"--option {name}={value}: say whose option it is, such as exact.{name}={value}")
        found.setdefault(solver, {})[option] = value
    return found
