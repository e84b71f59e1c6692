"""The files of ``fgamcd export``, one function per formulation; each says what its objective means and its size."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fgamcd_opt.beamforming.rate_oracle import RateOracle, reduce_block
from fgamcd_opt.cli.arguments import block_index, known_nodes
from fgamcd_opt.formulations.knapsack.knapsack_milp import to_milp
from fgamcd_opt.formulations.monolithic.monolithic_pyomo import to_pyomo
from fgamcd_opt.formulations.monolithic.nl_file import nl_text
from fgamcd_opt.formulations.semidefinite.broadcast_cvxpy import to_cvxpy
from fgamcd_opt.formulations.semidefinite.cbf_file import cbf_text
from fgamcd_opt.io.archive import write_archive
from fgamcd_opt.io.errors import InfeasibleError, NoSolutionError, UnsupportedVariantError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.solvers.milp_backends.milp_file import milp_text
from fgamcd_opt.solving.context import Limits, SolveContext
from fgamcd_opt.solving.front_door import refuse_unsupported
from fgamcd_opt.solving.rate_tables import rate_table
from fgamcd_opt.solving.registry import get_solver

if TYPE_CHECKING:
    from fgamcd_opt.formulations.knapsack.knapsack_milp import KnapsackMilp
    from fgamcd_opt.problem.p1 import P1

KNAPSACK_ARRAYS = ("block", "mask", "delay_s", "size_bytes", "storage_bytes")
"""Fields of the knapsack that an .npz file holds."""


def write_knapsack(args: argparse.Namespace, problem: P1) -> dict[str, Any]:
    """The knapsack of F5 at the rates that were asked for."""
    refuse_unsupported(problem, get_solver("exact"))  # it solves this knapsack
    milp = _knapsack(args, problem)
    unit_s = 1.0 / milp.matrix.per_second
    if args.output.suffix == ".npz":
        unit_s = 1.0
        write_archive(
            args.output,
            "knapsack",
            {
                "instance": problem.instance.name,
                "digest": problem.instance.digest,
                "variant": problem.variant.to_dict(),
                "rates": args.rates,
                "caching_unit": milp.kind,
            },
            {name: getattr(milp.knapsack, name) for name in KNAPSACK_ARRAYS} | {"unit": milp.units},
        )
    else:
        write_bytes_atomically(args.output, milp_text(milp, args.output.suffix))
    return {"rates": args.rates, **_described("delay_s", unit_s, milp.matrix.n_columns, milp.matrix.n_rows)}


def _knapsack(args: argparse.Namespace, problem: P1) -> KnapsackMilp:
    """Rates of all node sets, and the program that they make."""
    context = SolveContext(Limits(threads=args.threads), rate_cache=args.rate_cache)
    oracle = rate_table(problem, context, args.rounds)
    if not isinstance(oracle, RateOracle):
        raise InfeasibleError(f"{problem.instance.name}: {oracle.infeasibility}")
    if args.rates == "bound":
        return to_milp(problem, oracle.upper_bps())
    try:
        return to_milp(problem, oracle.lower_bps())
    except InfeasibleError as error:  # no beam was found, which proves nothing
        raise NoSolutionError(f"{error}; take more --rounds, or --rates bound") from error


def write_monolithic(args: argparse.Namespace, problem: P1) -> dict[str, Any]:
    """The monolithic program of section 3."""
    model = to_pyomo(problem)
    text, variables, constraints = nl_text(model)
    write_bytes_atomically(args.output, text.encode())
    return _described("delay_s", float(model.time_unit_s.value), variables, constraints)


def write_broadcast(args: argparse.Namespace, problem: P1) -> dict[str, Any]:
    """The semidefinite relaxation of one broadcast."""
    if problem.variant.differences():
        raise UnsupportedVariantError(
            f"{problem.variant}: a .cbf file holds a broadcast of P1 itself; .mps, .lp and .npz take variants"
        )
    instance = problem.instance
    broadcast = reduce_block(instance, block_index(instance, args.block))
    text, variables, constraints = cbf_text(to_cvxpy(broadcast, known_nodes(instance, args.nodes)))
    write_bytes_atomically(args.output, text.encode())
    return _described("snr", 1.0, variables, constraints)


def _described(objective: str, unit: float, variables: int, constraints: int) -> dict[str, Any]:
    """The objective in a file times ``objective_unit`` is ``objective``."""
    return {
        "objective": objective,
        "objective_unit": unit,
        "variables": variables,
        "constraints": constraints,
    }
