"""Reading the grid of a comparison from the command line: lists of seeds and solvers, options by solver."""

from __future__ import annotations

import argparse

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import quote

_MAX_DIGITS = 18
"""Digits of a number: seeds go to 2^63."""

_MAX_NUMBERS = 100_000
"""Numbers of a range: each is a cell, or several."""


def whole_numbers(text: str) -> list[int]:
    """``0-9``, ``0,3,5`` or a mixture, as an argparse type."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = [first, last] if dash else [first]
        if not all(end.isdecimal() and len(end) <= _MAX_DIGITS for end in ends) or int(ends[-1]) < int(first):
            raise argparse.ArgumentTypeError(f"{quote(part)} is neither a number nor a range such as 0-9")
        if int(ends[-1]) - int(first) >= _MAX_NUMBERS:
            raise argparse.ArgumentTypeError(f"{part}: are more than {_MAX_NUMBERS} numbers")
        numbers += range(int(first), int(ends[-1]) + 1)
    return numbers


def solvers_of(text: str) -> list[str]:
    """Names from a comma-separated list; ``all`` stands for every registered one."""
    from fgamcd_opt.solving.registry import solver_names

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
