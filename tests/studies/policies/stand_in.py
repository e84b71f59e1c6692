"""A stand-in for the solver of trained policies: lets the solver act that the policy's provenance names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.policies.policy_file import load_policy, save_policy
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.context import SolveContext
from fgamcd_opt.solving.registry import get_solver
from fgamcd_opt.solving.solver import Outcome, Role
from fgamcd_opt.solving.status import StopReason


class StandIn:
    """As `maasn-da` to whoever calls it."""

    name: ClassVar[str] = "maasn-da"
    summary: ClassVar[str] = "stand-in for tests"
    role: ClassVar[Role] = Role.LEARNED
    proves_bounds: ClassVar[bool] = False
    finds_solutions: ClassVar[bool] = True
    variants: ClassVar[Mapping[str, frozenset[str]]] = {}
    options: ClassVar[Mapping[str, Any]] = {"policy": "", "samples": 0, "polish": 0, "rounds": 2}
    backends: ClassVar[tuple[str, ...]] = ()
    option_backends: ClassVar[tuple[str, ...]] = ()
    calls: ClassVar[list[tuple[str, str, int]]] = []
    """(policy, instance, samples) of every solve."""

    def prepare(self) -> None:
        """Nothing to load."""

    def solve(self, problem: P1, context: SolveContext, options: Mapping[str, Any]) -> Outcome:
        """The point of the named solver; ``nothing`` finds none, ``loud`` breaks the power budget."""
        self.calls.append((options["policy"], problem.instance.name, options["samples"]))
        _, meta = load_policy(options["policy"])
        acting = meta["provenance"]["solver"]
        if acting == "refuses":
            raise UsageError("does not act here")
        if acting == "stopped":
            return Outcome(stop_reason=StopReason.INTERRUPTED)
        if acting == "nothing":
            return Outcome(stop_reason=StopReason.COMPLETED)
        solver = get_solver("greedy" if acting == "loud" else acting)
        solver.prepare()
        found = solver.solve(problem, context, solver.options).decision
        assert found is not None
        louder = Decision(found.caching, found.migration, 10.0 * found.beams)
        return Outcome(stop_reason=StopReason.COMPLETED, decision=louder if acting == "loud" else found)


def make_policy(path: Path, acting: str, seed: int = 0, method: str = "maasn-da", **figures: float) -> Path:
    """A policy file for the stand-in, for 4 nodes, with figures of its training."""
    nodes = 4
    config = dataclasses.replace(method_config(method), seed=seed)
    layout = StateLayout(nodes, 1)
    meta = {"method": method, "config": config.to_json(), "n_nodes": nodes, "slots": 1}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"weights": torch.zeros(nodes * layout.observation_size)}
    save_policy(path, tensors, meta | {"provenance": {"solver": acting, **figures}})
    return path
