"""``python -m fgamcd_opt.testing NAME``: the contract of a solver, one line per rule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fgamcd_opt.cli.arguments import add_pairs
from fgamcd_opt.io.errors import ExitCode, FgamcdError
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.testing.apart import check_apart
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
        prog="python -m fgamcd_opt.testing", description="Check that a registered solver keeps the contract."
    )
    parser.add_argument("name", metavar="NAME", help="registered name of the solver")
    add_pairs(parser, "--option", "NAME=VALUE", "option of that solver; repeatable")
    add_pairs(parser, "--variant", "FIELD=VALUE", "variant of P1 of the problems posed to it; repeatable")
    args = parser.parse_args(argv)
    broken = 0
    try:
        case = SolverUnderTest(args.name, args.option, Variant.parse(args.variant))
        for rule, fault in check_apart(case):
            broken += fault is not None
            print(f"kept    {rule}" if fault is None else f"BROKEN  {rule}: {fault}", flush=True)
    except FgamcdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.VERIFICATION_FAILED if broken else ExitCode.DONE


if __name__ == "__main__":
    raise SystemExit(main())
