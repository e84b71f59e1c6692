"""The monolithic P1, section 3 of the statement, as one Pyomo model with one builder per constraint family.

It rests on F1 (worst-case amplitude), F2 (coordinates of the beams) and the free phase of every w_k alone, not on
the knapsack F5 nor on the bounds F6, so that it is an independent check of both. Redundant inequalities are added by
:mod:`fgamcd_opt.formulations.monolithic.monolithic_cuts` where they are wanted. Meant for tiny instances.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fgamcd_opt.formulations.knapsack.storage_rows import StorageRow, storage_rows
from fgamcd_opt.formulations.monolithic.monolithic_beams import (
    add_air_time,
    add_max_senders,
    add_power,
    add_qos,
    add_silence,
)
from fgamcd_opt.formulations.monolithic.monolithic_data import MonolithicBlock
from fgamcd_opt.problem.constraints.beams import MaxSenders, Power, Qos, Sender, Silence
from fgamcd_opt.problem.constraints.formulation import Family, Formulation
from fgamcd_opt.problem.constraints.placement import Binary, Coverage, Link, MigrationSource, Storage
from fgamcd_opt.problem.constraints.planning import Cooperation, OwnUsers, WholeModel
from fgamcd_opt.problem.p1 import P1

_LARGEST_SUM = 10**5
"""Weights of a row of storage sum up to about this at most, for global solvers have a tolerance of 1e-6."""


def scaled_blocks(problem: P1) -> tuple[MonolithicBlock, ...]:
    """Scaled data of every requested block, ascending."""
    return tuple(MonolithicBlock.of(problem.instance, int(k)) for k in problem.instance.requested_blocks)


def time_unit_s(blocks: tuple[MonolithicBlock, ...]) -> float:
    """Unit of the objective in s: a lower bound on T, the sum of the lower bounds of all broadcasts."""
    return sum(data.least_s for data in blocks)


def build_monolithic(
    problem: P1, blocks: tuple[MonolithicBlock, ...], largest_sum: int = _LARGEST_SUM
) -> Any:
    """P1 of section 3 as a Pyomo model; its objective is T in units of :func:`time_unit_s`.

    Parameters
    ----------
    problem
        P1, with or without a limit on the senders.
    blocks
        Its scaled blocks.
    largest_sum
        What the weights of a row of storage sum up to at most, about.

    Returns
    -------
        ``pyomo.environ.ConcreteModel`` with one ``pb[r]`` per requested block, see the builders below.
    """
    import pyomo.environ as pyo

    model = pyo.ConcreteModel(name="P1")
    model.pb = pyo.Block(range(len(blocks)))
    present = {type(rule) for rule in problem.constraints}
    builders: dict[Family, Callable[..., Any]] = dict(MONOLITHIC.builders)
    builders[Storage] = partial(add_storage, largest_sum=largest_sum)
    for write in dict.fromkeys(write for family, write in builders.items() if family in present):
        write(model, problem, blocks)
    for r, data in enumerate(blocks):
        add_air_time(model.pb[r], data)
    unit_s = time_unit_s(blocks)
    model.T = pyo.Objective(
        expr=sum(
            model.pb[r].M + data.least_s / unit_s * model.pb[r].t for r, data in enumerate(blocks)
        ),  # (7)
        sense=pyo.minimize,
    )
    return model


def add_placement(model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...]) -> None:
    """Caching a, migration b on existing links, participation lambda: binaries (9c) of every block."""
    unit_s = time_unit_s(blocks)
    for r, data in enumerate(blocks):
        add_caching(model.pb[r], data)
        add_migration(model.pb[r], data, unit_s)
        add_participation(model.pb[r], data)


def add_caching(pb: Any, data: MonolithicBlock) -> None:
    """a_n in {0, 1}: node n caches the block (9c)."""
    import pyomo.environ as pyo

    pb.a = pyo.Var(range(data.links_s.shape[0]), domain=pyo.Binary)


def add_migration(pb: Any, data: MonolithicBlock, unit_s: float) -> None:
    """b_{n,m} in {0, 1} on existing links (9c), and M >= D / R b, the slowest link (8), in time units."""
    import pyomo.environ as pyo

    links = [(int(n), int(m)) for n, m in np.argwhere(np.isfinite(data.links_s))]
    slowest = max((data.links_s[link] for link in links), default=0.0) / unit_s
    pb.b = pyo.Var(links, domain=pyo.Binary)
    pb.M = pyo.Var(bounds=(0.0, slowest))
    pb.slowest = pyo.Constraint(
        links, rule=lambda pb, n, m: float(data.links_s[n, m]) / unit_s * pb.b[n, m] <= pb.M
    )


def add_source(pb: Any, data: MonolithicBlock) -> None:
    """b_{n,m} <= a_n: only what is cached migrates (2)."""
    import pyomo.environ as pyo

    pb.source = pyo.Constraint(list(pb.b), rule=lambda pb, n, m: pb.b[n, m] <= pb.a[n])


def add_participation(pb: Any, data: MonolithicBlock) -> None:
    """lambda_m = 1 if and only if a_m = 1 or some b_{n,m} = 1 (3)."""
    import pyomo.environ as pyo

    nodes = range(data.links_s.shape[0])
    pb.lam = pyo.Var(nodes, domain=pyo.Binary)
    pb.caches = pyo.Constraint(nodes, rule=lambda pb, m: pb.lam[m] >= pb.a[m])
    pb.receives = pyo.Constraint(list(pb.b), rule=lambda pb, n, m: pb.lam[m] >= pb.b[n, m])
    pb.holds = pyo.Constraint(
        nodes, rule=lambda pb, m: pb.lam[m] <= pb.a[m] + sum(pb.b[link] for link in pb.b if link[1] == m)
    )


def add_coverage(pb: Any, data: MonolithicBlock) -> None:
    """Every requested block has a participating node."""
    import pyomo.environ as pyo

    pb.coverage = pyo.Constraint(expr=sum(pb.lam[m] for m in range(data.links_s.shape[0])) >= 1)


def add_storage(
    model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...], largest_sum: int = _LARGEST_SUM
) -> None:
    """sum_k D_k a_{n,k} <= Q_n (1) in small whole numbers, see :mod:`fgamcd_opt.formulations.knapsack.storage_rows`.

    Where they stand for the bytes themselves, the same placements fit, and none depends on a solver's tolerance; else
    what the model lets pass is cut off by :func:`add_cover` when it comes up.
    """
    import pyomo.environ as pyo

    sizes = problem.instance.block_bytes[[data.block for data in blocks]]
    everywhere = np.ones((sizes.size, problem.instance.n_nodes), bool)
    rows = storage_rows(sizes, problem.instance.storage_bytes, everywhere, largest_sum)

    def fits(model: Any, n: int) -> Any:
        row = rows[n]
        return pyo.Constraint.Skip if int(row.weights.sum()) <= row.limit else _at_most(model, row)

    model.storage = pyo.Constraint(range(problem.instance.n_nodes), rule=fits)
    model.covers = pyo.ConstraintList()


def add_cover(model: Any, row: StorageRow) -> None:
    """Cut off blocks that are too many together on a node."""
    model.covers.add(_at_most(model, row))


def _at_most(model: Any, row: StorageRow) -> Any:
    """The inequality of a row of storage."""
    return sum(float(c) * model.pb[r].a[row.node] for r, c in enumerate(row.coefficients)) <= row.right_side


Builder = Callable[[Any, P1, tuple[MonolithicBlock, ...]], None]


def _in_every_block(add: Callable[[Any, MonolithicBlock], None]) -> Builder:
    """The builder that writes a family block by block."""

    def write(model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...]) -> None:
        for r, data in enumerate(blocks):
            add(model.pb[r], data)

    return write


def _limit_senders(model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...]) -> None:
    most = problem.variant.max_senders
    assert most is not None
    for r, data in enumerate(blocks):
        add_max_senders(model.pb[r], data, most)


_ONE_BEAM = "the model has one joint beam per block, from any of the nodes that hold it"

MONOLITHIC = Formulation(
    name="monolithic nonconvex program (section 3 of the statement)",
    builders={
        Binary: add_placement,
        Link: add_placement,
        MigrationSource: _in_every_block(add_source),
        Coverage: _in_every_block(add_coverage),
        Power: _in_every_block(add_power),
        Silence: _in_every_block(add_silence),
        MaxSenders: _limit_senders,
        Qos: _in_every_block(add_qos),
        Storage: add_storage,
    },
    refused={Sender: _ONE_BEAM, WholeModel: _ONE_BEAM, Cooperation: _ONE_BEAM, OwnUsers: _ONE_BEAM},
)
"""The builders in the order in which they write: each finds the variables of those before it."""
