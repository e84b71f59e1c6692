"""`P1`: an instance and a variant, declared as a mathematical problem. Solvers consume this object."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.unshared import unshared
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.html import html_card, html_facts, html_table
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import cut, short_text
from fgamcd_opt.problem.constraints import symbols
from fgamcd_opt.problem.constraints.constraint import Constraint
from fgamcd_opt.problem.constraints.families import constraints_of
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.evaluation import Evaluation, evaluate
from fgamcd_opt.problem.necessary_conditions import qos_fault, storage_fault
from fgamcd_opt.problem.objective import TotalDelay
from fgamcd_opt.problem.transmissions import Transmissions, transmissions
from fgamcd_opt.problem.variants import Granularity, Unserved, Variant


@dataclass(frozen=True, eq=False)
class P1:
    """Joint block caching, migration and robust CoMP broadcasting: the one problem of this toolkit.

    Parameters
    ----------
    instance
        All data.
    variant
        Which declaration is changed; the default is P1 itself.

    Raises
    ------
    InputError
        Something else than an instance and a variant.
    """

    instance: Instance
    variant: Variant = field(default_factory=Variant)

    def __post_init__(self) -> None:
        if not isinstance(self.instance, Instance):
            raise InputError(
                f"P1: got {quote(self.instance)}; expected an Instance, such as load_instance('tiny')"
            )
        if not isinstance(self.variant, Variant):
            raise InputError(
                f"P1: got the variant {quote(self.variant)}; expected a Variant, such as Variant(csi='nominal')"
            )

    def __repr__(self) -> str:
        data = self.data
        return (
            f"<P1 of {short_text(self.instance.name)} ({cut(str(self.variant), 100)}): {data.n_nodes} nodes, "
            f"{data.n_users} users, {data.requested_blocks.size} blocks to deliver in "
            f"{self.transmissions.count} transmissions>"
        )

    def _repr_html_(self) -> str:
        facts = {"variant": str(self.variant), **self.data.facts(), "transmissions": self.transmissions.count}
        families = [(c.name, c.equation, c.formula, c.index_sets) for c in self.constraints]
        declared = html_table(
            "Constraints",
            ("constraint", "equation", "formula", "for"),
            families,
            [f"{self.objective.sense} {self.objective.formula}"],
        )
        return html_card(html_facts("P1", facts), self.instance.map_html(), declared)

    @cached_property
    def data(self) -> Instance:
        """The instance as the variant sees it: with ``granularity=model`` every model has its own blocks.

        Decisions refer to the blocks of this instance.
        """
        return unshared(self.instance) if self.variant.granularity is Granularity.MODEL else self.instance

    @cached_property
    def transmissions(self) -> Transmissions:
        """Who is sent what together; decisions have one row of beams for each."""
        return transmissions(self.data, self.variant)

    @property
    def sets(self) -> tuple[symbols.SetDecl, ...]:
        """Index sets and their sizes."""
        data = self.data
        return (
            symbols.SetDecl("N", "edge nodes", data.n_nodes),
            symbols.SetDecl("U", "users", data.n_users),
            symbols.SetDecl("M", "models", data.n_models),
            symbols.SetDecl("K", "parameter blocks", data.n_blocks),
            symbols.SetDecl("R", "requested blocks: those k with users U_k", data.requested_blocks.size),
            symbols.SetDecl("P", "requested pairs (k, u)", data.pair_block.size),
            symbols.SetDecl("T", "transmissions", self.transmissions.count),
        )

    @property
    def parameters(self) -> tuple[symbols.Parameter, ...]:
        """Parameters with their instance fields and units."""
        return symbols.PARAMETERS

    @property
    def variables(self) -> tuple[symbols.Variable, ...]:
        """Decision variables with their domains; fields of :class:`Decision`."""
        return symbols.VARIABLES

    @property
    def objective(self) -> TotalDelay:
        """Objective of this variant."""
        return TotalDelay(self.variant)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Constraint families of this variant."""
        return constraints_of(self.variant)

    def evaluate(self, decision: Decision) -> Evaluation:
        """Delay of a decision and its violation of every constraint, on the true error set.

        Parameters
        ----------
        decision
            Candidate; it may violate any constraint.

        Raises
        ------
        InputError
            If the decision's shapes do not fit the instance and the variant.
        """
        return evaluate(self.data, decision, self.variant)

    def infeasibility_reason(self) -> str | None:
        """Cheap proof that no decision is feasible, in words; None if none of the quick tests proves it.

        Three necessary conditions of every variant that forbids unserved blocks: all caches together hold all
        requested blocks, each of which fits into one cache (1), and every user alone, served by all nodes, reaches
        its QoS (F3, 9b). None does not
        mean that a feasible point exists.
        """
        if self.variant.unserved is Unserved.CLOUD:
            return None
        return storage_fault(self.data) or qos_fault(self.data)

    def describe(self) -> str:
        """The whole declaration as text."""
        lines = [f"{self.instance.name}: {self.variant}", "", "sets"]
        lines += [f"  {s.symbol:<12} {s.size:>8}  {s.meaning}" for s in self.sets]
        lines += ["parameters"]
        lines += [f"  {p.symbol:<12} {p.meaning} [{p.unit}]; {p.field}" for p in self.parameters]
        lines += ["variables"]
        lines += [f"  {v.symbol:<12} in {v.domain}: {v.meaning}; {v.name}" for v in self.variables]
        lines += [f"{self.objective.sense}  {self.objective.equation}", f"  {self.objective.formula}"]
        lines += ["subject to"]
        lines += [f"  {c.name:<16} {c.equation:<9} {c.formula}  for {c.index_sets}" for c in self.constraints]
        return "\n".join(lines)
