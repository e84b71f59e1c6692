"""``python -m fgamcd_opt.testing NAME``: the contract of a solver, one line per rule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from fgamcd_opt.cli.arguments import add_pairs
from fgamcd_opt.io.errors import ExitCode, FgamcdError
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.testing.apart import check_apart
from fgamcd_opt.testing.contract_checks import ContractError
from fgamcd_opt.testing.milp_contract import MILP_RULES, MilpBackendUnderTest, check_milp_rule
from fgamcd_opt.testing.solver_contract import SolverUnderTest


def main(argv: Sequence[str] | None = None) -> int:
    """Check every rule and print a line for each.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 if every rule is kept, 6 if one is broken, otherwise the code of the error (unknown solver, backend missing).
    """
    parser = argparse.ArgumentParser(
        prog="python -m fgamcd_opt.testing",
        description="Check that a registered solver or MILP backend keeps its contract.",
    )
    parser.add_argument("name", metavar="NAME", help="registered name of the solver")
    parser.add_argument("--milp-backend", action="store_true", help="NAME is a MILP backend")
    add_pairs(parser, "--option", "NAME=VALUE", "option of that solver; repeatable")
    add_pairs(parser, "--variant", "FIELD=VALUE", "variant of P1 of the problems posed to it; repeatable")
    args = parser.parse_args(argv)
    broken = 0
    try:
        if args.milp_backend and (args.option or args.variant):
            parser.error("a MILP backend has no --option and no --variant")
        found = _milp_faults(args.name) if args.milp_backend else _solver_faults(args)
        for rule, fault in found:
            broken += fault is not None
            print(f"kept    {rule}" if fault is None else f"BROKEN  {rule}: {fault}", flush=True)
    except FgamcdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.VERIFICATION_FAILED if broken else ExitCode.DONE


def _solver_faults(args: argparse.Namespace) -> Iterator[tuple[str, str | None]]:
    """Rules of a solver, each with how it is broken or None."""
    return check_apart(SolverUnderTest(args.name, args.option, Variant.parse(args.variant)))


def _milp_faults(name: str) -> Iterator[tuple[str, str | None]]:
    """Rules of a MILP backend, each with how it is broken or None."""
    case = MilpBackendUnderTest(name)
    for rule in MILP_RULES:
        try:
            check_milp_rule(rule, case)
        except ContractError as error:
            yield rule, str(error)
        else:
            yield rule, None


if __name__ == "__main__":
    raise SystemExit(main())
