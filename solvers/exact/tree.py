"""Branch and bound on the knapsack of F5 by storage multipliers: every bound is a Lagrangian value, no LP is trusted.

A node of the tree is the knapsack with some decisions "node n caches block k" or "does not". Its bound is the
Lagrangian value at its own multipliers (:mod:`fgamcd_opt.formulations.knapsack.dual_simplex`), true whatever the
rounding in the search for them. At most N blocks are split in its LP, so few candidates for the next decision exist,
and all of them are tried (strong branching). The choice that the LP suggests is repaired and improved by local
search.

Bytes are counted in whole numbers, never in the shares of the LP, which are rounded: storage is cut to sums of sizes
that exist, what no longer fits is forbidden, and where the LP sees nothing split but its choice does not fit, or costs
more than the bound, the tree goes on with a decision that is open. Every decision closes one, so it ends.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.knapsack.dual_function import rounding_share
from fgamcd_opt.formulations.knapsack.dual_simplex import (
    INFEASIBLE,
    UNFINISHED,
    Vertex,
    columns_of,
    dual_simplex,
    origin,
    propagate,
    rounded_shares,
    split_blocks,
)
from fgamcd_opt.formulations.knapsack.multiple_choice import Knapsack
from fgamcd_opt.formulations.knapsack.storage_rows import usable_bytes
from fgamcd_opt.solvers.heuristics.exchanges import polish
from fgamcd_opt.solvers.milp_backends.milp_task import MilpResult, MilpTask
from fgamcd_opt.solving.context import SolveContext

_SPLIT = 1e-7
"""A share of a caching decision further than this from 0 and 1 is split; nearer ones are left to whole numbers."""

_SAME = 1e-9
"""A choice that costs more than the bound of its node by no more than this share closes the node."""

_PROMISING = 0.3
"""Exchanges are tried on a rounded choice if it is worse than the incumbent by no more than this share of the gap."""

_ALWAYS_ROUNDED, _ROUNDED_EVERY = 50, 5
"""The first nodes are all rounded, later ones now and then."""

_STEPS = 400
"""Most steps of one dual simplex run."""


@dataclass(frozen=True)
class Decisions:
    """One more decision on top of earlier ones: node ``node`` caches block ``block``, or does not."""

    earlier: Decisions | None
    block: int
    node: int
    caches: bool

    def masks(self, n_blocks: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(R,) nodes that must cache each block, and nodes that must not, as bit masks."""
        need, forbid = np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64)
        decision: Decisions | None = self
        while decision is not None:
            (need if decision.caches else forbid)[decision.block] |= 1 << decision.node
            decision = decision.earlier
        return need, forbid


@dataclass(frozen=True, order=True)
class _Node:
    """A proved bound, the decisions that lead here and a vertex to start from; ordered by bound, then age."""

    bound_s: float
    number: int
    decisions: Decisions | None = field(compare=False)
    vertex: Vertex = field(compare=False)


def run_milp(task: MilpTask, context: SolveContext) -> MilpResult:
    """Solve one knapsack, see :func:`fgamcd_opt.solvers.milp_backends.milp.solve_milp`."""
    return _Tree(task, context).run()


class _Tree:
    def __init__(self, task: MilpTask, context: SolveContext) -> None:
        self.task, self.context, self.knapsack = task, context, task.knapsack
        self.storage_bytes = _usable(self.knapsack)
        self.columns, unit = columns_of(replace(self.knapsack, storage_bytes=self.storage_bytes))
        self.capacity = self.storage_bytes / unit
        self.rounding = rounding_share(self.knapsack.n_blocks + 2 * self.storage_bytes.size)
        self.best: NDArray[np.int64] | None = None
        self.delay_s = math.inf
        self.closed_s = math.inf  # least bound of all nodes that were closed
        self.nodes = self.created = 0
        self._offer(task.start)

    @property
    def cutoff_s(self) -> float:
        """Bound from which a node need not be searched."""
        return min(self.delay_s * (1.0 - self.task.gap), self.task.target_s)

    def run(self) -> MilpResult:
        """Follow the child of least bound down to a leaf, then go on at the open node of least bound."""
        heap: list[_Node] = []
        current: _Node | None = _Node(-math.inf, 0, None, origin(self.capacity.size))
        task, end = self.task, self.context.elapsed_s + self.task.time_s
        while current or heap:
            current = current or heapq.heappop(heap)
            if current.bound_s >= self.cutoff_s:
                self.closed_s = min(self.closed_s, current.bound_s)
                current = None
                continue
            if (
                self.delay_s <= task.good_s
                or self.nodes >= task.most_nodes
                or self.context.must_stop
                or self.context.elapsed_s >= end
            ):
                heap.append(current)
                break
            children = sorted(self._expand(current))
            for child in children[1:]:
                heapq.heappush(heap, child)
            current = children[0] if children else None
            self._report(heap[:1] + children[:1])
        open_s = min((node.bound_s for node in heap), default=math.inf)
        return MilpResult(self.best, min(self.closed_s, open_s, self.delay_s), not heap, self.nodes)

    def _expand(self, node: _Node) -> list[_Node]:
        """Bound and round a node; its children, none if it is closed."""
        self.nodes += 1
        need, forbid = self._masks(node.decisions)
        vertex = node.vertex.copy()
        status, bound, key = self._bound(need, forbid, vertex)
        if status == UNFINISHED:
            vertex = origin(self.capacity.size)
            status, again, key = self._bound(need, forbid, vertex)
            bound = max(bound, again)
        bound = max(bound, node.bound_s)
        if status != INFEASIBLE and bound < self.cutoff_s:
            self._round(vertex, key)
        splits: list[tuple[int, int]] = []
        if status != INFEASIBLE and bound < self.cutoff_s:
            splits = self._splits(vertex, key, need | forbid)
            if not splits:
                bound, splits = self._settle(bound, rounded_shares(vertex, key), need, forbid)
        if not splits:
            self.closed_s = min(self.closed_s, bound)
            return []
        return self._branch(node.decisions, bound, need, forbid, vertex, splits)

    def _settle(
        self, bound_s: float, columns: NDArray[np.int64], need: NDArray[np.int64], forbid: NDArray[np.int64]
    ) -> tuple[float, list[tuple[int, int]]]:
        """A node whose LP splits nothing, in whole bytes: its bound, and a decision that is open unless it is closed.

        Parameters
        ----------
        bound_s
            Bound of the node.
        columns
            (R,) what the LP chooses.
        need, forbid
            (R,) decisions of the node.
        """
        self._offer(columns)
        if self.knapsack.fits(columns) and self.knapsack.total_delay_s(columns) <= bound_s * (1.0 + _SAME):
            return bound_s, []
        block, mask = self.knapsack.block, self.knapsack.mask
        open_columns = ((mask & need[block]) == need[block]) & ((mask & forbid[block]) == 0)
        count = np.bincount(block[open_columns], minlength=self.knapsack.n_blocks)
        if (count == 1).all():
            only = np.flatnonzero(open_columns)
            self._offer(only)
            if not self.knapsack.fits(only):
                return math.inf, []
            return max(bound_s, self.knapsack.total_delay_s(only) * (1.0 - self.rounding)), []
        most = np.bitwise_or.reduceat(np.where(open_columns, mask, 0), self.knapsack.starts[:-1])
        least = np.bitwise_and.reduceat(np.where(open_columns, mask, -1), self.knapsack.starts[:-1])
        undecided = (most & ~least) & ~(need | forbid)
        over = np.flatnonzero(self.knapsack.used_bytes(columns) > self.storage_bytes)
        crowded = undecided & mask[columns] & int((1 << over).sum())
        pick = np.where(crowded.any(), crowded, undecided)
        largest = int(np.where(pick != 0, self.knapsack.size_bytes, -1).argmax())
        return bound_s, [(largest, int(pick[largest]).bit_length() - 1)]

    def _masks(self, decisions: Decisions | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n_blocks = self.knapsack.n_blocks
        if decisions is None:
            return np.zeros(n_blocks, np.int64), np.zeros(n_blocks, np.int64)
        return decisions.masks(n_blocks)

    def _bound(
        self, need: NDArray[np.int64], forbid: NDArray[np.int64], vertex: Vertex
    ) -> tuple[int, float, NDArray[np.int64]]:
        """Status, proved bound in s and cheapest columns; ``vertex`` moves to the best multipliers.

        ``forbid`` grows by what no longer fits.
        """
        key = np.zeros(self.knapsack.n_blocks, np.int64)
        if not propagate(self.knapsack.size_bytes, self.storage_bytes, need, forbid):
            return INFEASIBLE, math.inf, key
        status, value = dual_simplex(self.columns, need, forbid, vertex, key, self.cutoff_s, _STEPS)
        if status == INFEASIBLE:
            return status, math.inf, key
        margin = self.rounding * (abs(value) + 2.0 * float(vertex.price @ self.capacity))
        return status, value - margin if math.isfinite(value) else -math.inf, key

    def _round(self, vertex: Vertex, key: NDArray[np.int64]) -> None:
        """Repair and improve the choice of the columns of largest share."""
        if self.nodes > _ALWAYS_ROUNDED and self.nodes % _ROUNDED_EVERY:
            return
        gap = self.delay_s - self.cutoff_s if math.isfinite(self.delay_s) else math.inf
        self._offer(polish(self.knapsack, rounded_shares(vertex, key), self.delay_s + _PROMISING * gap))

    def _offer(self, columns: NDArray[np.int64] | None) -> None:
        if columns is not None and self.knapsack.fits(columns):
            delay = self.knapsack.total_delay_s(columns)
            if delay < self.delay_s:
                self.best, self.delay_s = columns, delay

    def _splits(
        self, vertex: Vertex, key: NDArray[np.int64], decided: NDArray[np.int64]
    ) -> list[tuple[int, int]]:
        """(block, node) pairs that the LP caches in part, other than those ``decided`` (R,) by the node."""
        splits = []
        for block, shares in sorted(split_blocks(vertex, key).items()):
            for node in range(vertex.price.size):
                held = sum(
                    share for column, share in shares.items() if (int(self.knapsack.mask[column]) >> node) & 1
                )
                if _SPLIT < held < 1.0 - _SPLIT and not (int(decided[block]) >> node) & 1:
                    splits.append((block, node))
        return splits

    def _branch(
        self,
        decisions: Decisions | None,
        bound_s: float,
        need: NDArray[np.int64],
        forbid: NDArray[np.int64],
        vertex: Vertex,
        splits: list[tuple[int, int]],
    ) -> list[_Node]:
        """Children for the split whose two bounds rise most (their product), or the first that closes one."""
        best, chosen = -1.0, []
        for block, node in splits:
            children = []
            for caches in (False, True):
                masks = need.copy(), forbid.copy()
                masks[0 if caches else 1][block] |= 1 << node
                start = vertex.copy()
                _, child_s, _ = self._bound(*masks, start)
                self.created += 1
                decision = Decisions(decisions, block, node, caches)
                children.append(_Node(max(child_s, bound_s), self.created, decision, start))
            rises = [min(child.bound_s, self.cutoff_s) - bound_s for child in children]
            score = max(rises[0], 1e-6 * bound_s) * max(rises[1], 1e-6 * bound_s)
            if score > best:
                best, chosen = score, children
            if max(child.bound_s for child in children) >= self.cutoff_s:
                return children
            if self.context.must_stop:
                break
        return chosen

    def _report(self, lowest: list[_Node]) -> None:
        bound = min([self.closed_s, self.delay_s, *(node.bound_s for node in lowest)])
        if self.task.watch is not None:
            self.task.watch(self.delay_s, bound)
        self.task.report(self.context, self.delay_s, bound, self.nodes)


def _usable(knapsack: Knapsack) -> NDArray[np.int64]:
    """(N,) storage, cut to the largest sum of sizes of blocks that may lie on the node and fit."""
    member = knapsack.membership()
    return np.array(
        [
            usable_bytes(knapsack.size_bytes[np.unique(knapsack.block[member[:, n]])], int(storage))
            for n, storage in enumerate(knapsack.storage_bytes)
        ],
        np.int64,
    )
