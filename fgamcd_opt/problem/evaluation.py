"""Delay of a decision and the violation of every constraint of P1, with numpy alone.

Every solver is judged by :func:`evaluate`; it knows nothing about how a decision was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.html import html_card, html_facts, svg_bars
from fgamcd_opt.io.short_repr import cut
from fgamcd_opt.problem.constraints.constraint import Candidate
from fgamcd_opt.problem.constraints.families import TOLERANCES, constraints_of
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.delay import pair_rates_bps
from fgamcd_opt.problem.metrics import METRICS, text_rows
from fgamcd_opt.problem.objective import TotalDelay
from fgamcd_opt.problem.transmissions import transmissions
from fgamcd_opt.problem.variants import Unserved, Variant


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a decision is worth. R requested blocks and P pairs (block, user) in the order of the instance.

    Attributes
    ----------
    delay_s
        T = sum of ``block_delay_s`` (7); infinite if a requested block never arrives.
    block_delay_s
        T_k = ``migration_s`` + ``broadcast_s`` (7), shape (R,).
    migration_s
        Slowest migration of each block (8), shape (R,).
    broadcast_s
        Air time of each block (8), shape (R,): its broadcast to the slowest user, or the sum over its transmissions.
    pair_rate_bps
        Worst-case rate of each pair (6), shape (P,).
    violations
        Largest relative violation of each constraint, 0 where it holds; the keys are the constraint names
        of the P1 object.
    places
        For each violated constraint where its largest violation is.
    figures
        The figures beside the delay, by their names in `METRICS`; each is an attribute, too.
    """

    delay_s: float
    block_delay_s: NDArray[np.float64]
    migration_s: NDArray[np.float64]
    broadcast_s: NDArray[np.float64]
    pair_rate_bps: NDArray[np.float64]
    violations: dict[str, float]
    places: dict[str, str]
    figures: Mapping[str, float]

    def __repr__(self) -> str:
        delay, slowest = f"{self.delay_s:.6g} s", float(self.block_delay_s.max(initial=0.0))
        fault = (
            f", INFEASIBLE: {cut(self.faults[0], 150)}" if self.faults else f", slowest block {slowest:.6g} s"
        )
        return f"<Evaluation: delay {delay} for {self.block_delay_s.size} blocks{fault}>"

    def facts(self) -> dict[str, object]:
        """Delay and what goes with it, by name, for a table."""
        return {
            "delay": f"{self.delay_s:.6f} s",
            "constraints": "; ".join(self.faults) or "all hold",
            **text_rows(self.metrics()),
        }

    def _repr_html_(self) -> str:
        return html_card(html_facts("Evaluation", self.facts()), self.delays_html())

    def delays_html(self) -> str:
        """A small picture of the delay of each block, slowest first."""
        order = np.argsort(-self.block_delay_s, kind="stable").tolist()
        rows = [(f"no. {row}", (self.migration_s[row], self.broadcast_s[row])) for row in order]
        return svg_bars(
            "Delay of each requested block by its place in requested_blocks, slowest first: migration, then broadcast",
            rows,
        )

    def metrics(self) -> dict[str, float]:
        """The figures beside the delay, by name."""
        return dict(self.figures)

    if not TYPE_CHECKING:
        # Typed code reads `metrics()`, so that mypy still finds attributes that do not exist.
        def __getattr__(self, name: str) -> float:
            try:
                return vars(self)["figures"][name]
            except KeyError:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    @property
    def max_violation(self) -> float:
        """Largest entry of ``violations``."""
        return max(self.violations.values())

    @property
    def faults(self) -> tuple[str, ...]:
        """Constraints that do not hold, in words, beyond what rounding explains."""
        return tuple(
            f"{name} violated by {value:.3g} (relative) at {self.places[name]}"
            for name, value in self.violations.items()
            if value > TOLERANCES[name]
        )

    @property
    def feasible(self) -> bool:
        """No fault, and a finite delay."""
        return not self.faults and bool(np.isfinite(self.delay_s))


def evaluate(instance: Instance, decision: Decision, variant: Variant | None = None) -> Evaluation:
    """Judge a decision on a variant of P1 with the true error set.

    Parameters
    ----------
    instance
        Data of the problem as the variant sees them (``P1.data``).
    decision
        Candidate; it may violate any constraint.
    variant
        Which declaration of P1 is changed; P1 itself by default.

    Raises
    ------
    InputError
        If the decision's shapes do not fit the instance.
    """
    variant = variant or Variant()
    sent = transmissions(instance, variant)
    decision.require_fit(instance, sent.count)
    rate = pair_rates_bps(instance, decision.beams, sent.of_pair)
    from_cloud = np.zeros(sent.count, np.bool_)
    if variant.unserved is Unserved.CLOUD:
        from_cloud = np.asarray(~decision.beams.any(axis=(1, 2)))
    candidate = Candidate(instance, variant, sent, decision, rate, from_cloud)
    migration, broadcast = TotalDelay(variant).block_times_s(candidate)
    found = {rule.name: rule.violation(candidate) for rule in constraints_of(variant)}
    return Evaluation(
        delay_s=float((migration + broadcast).sum()),
        block_delay_s=migration + broadcast,
        migration_s=migration,
        broadcast_s=broadcast,
        pair_rate_bps=rate,
        violations={name: violation.value for name, violation in found.items()},
        places={name: violation.place for name, violation in found.items() if violation.place is not None},
        figures={metric.name: metric.compute(candidate) for metric in METRICS.values()},
    )
