"""What P1 consists of, in words and formulas: sets, parameters, variables, objective, constraints.

The tables cite the equation numbers of the source paper (Fu et al., arXiv 2509.19341). Nothing is computed
here; the constraint names are the keys under which violations are reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fgamcd_opt.problem.variants import Delivery, Granularity, Unserved, Variant


@dataclass(frozen=True)
class SetDecl:
    """An index set and its number of members."""

    symbol: str
    meaning: str
    size: int


@dataclass(frozen=True)
class Parameter:
    """A parameter, the instance field that holds it, and its unit (as the formulas use it)."""

    symbol: str
    field: str
    meaning: str
    unit: str


@dataclass(frozen=True)
class Variable:
    """A decision variable and its domain."""

    symbol: str
    name: str
    domain: str
    meaning: str


@dataclass(frozen=True)
class Objective:
    """What is minimised."""

    sense: str
    equation: str
    formula: str


@dataclass(frozen=True)
class Constraint:
    """A constraint family; ``name`` is its key in ``Evaluation.violations``."""

    name: str
    equation: str
    formula: str
    index_sets: str


PARAMETERS = (
    Parameter("D_k", "block_bytes", "size of block k (stored in bytes; x 8 in the delay)", "byte"),
    Parameter("K_i", "model_blocks", "blocks of model i", "1"),
    Parameter("r_u", "requests", "model that user u requests", "1"),
    Parameter("Q_n", "storage_bytes", "storage of node n", "byte"),
    Parameter("R_{n,m,k}", "backhaul_bps", "backhaul rate from n to m for block k; 0 is no link", "bit/s"),
    Parameter("B", "bandwidth_hz", "bandwidth", "Hz"),
    Parameter("sigma^2", "noise_w", "noise power over B", "W"),
    Parameter("P_n", "power_w", "power budget of node n", "W"),
    Parameter("h^_{n,u,k}", "channel", "estimated channel, one row per requested pair", "sqrt(W/W)"),
    Parameter("eps_{n,u,k}", "csi_radius", "radius of the channel error", "sqrt(W/W)"),
    Parameter("R_u", "qos_bps", "QoS rate of user u", "bit/s"),
)

VARIABLES = (
    Variable("a_{n,k}", "caching", "{0,1}, (N, K)", "node n caches block k"),
    Variable("b_{n,m,k}", "migration", "{0,1}, (N, N, K)", "block k migrates from node n to node m"),
    Variable(
        "w_{n,k}",
        "beams",
        "complex^N_t in sqrt(W), (T, N, N_t)",
        "beam of node n in a transmission of block k",
    ),
)

OBJECTIVE = Objective(
    "minimise",
    "(7), (8), (6)",
    "T = sum_k T_k,  T_k = max_{b_{n,m,k}=1} D_k / R_{n,m,k} + max_{u in U_k} D_k / rate_{u,k},  "
    "rate_{u,k} = B log2(1 + min_{e in E_{u,k}} |(h^_{u,k} + e)^H w_k|^2 / sigma^2)",
)

CONSTRAINTS = (
    Constraint("qos", "(9b)", "rate_{u,k} >= R_u", "k in R, u in U_k"),
    Constraint("power", "(9d)", "||w_{n,k}||^2 <= P_n", "k in R, n in N"),
    Constraint(
        "silence", "(9d), (3)", "w_{n,k} = 0 if a_{n,k} = 0 and b_{m,n,k} = 0 for all m", "k in R, n in N"
    ),
    Constraint("storage", "(1)", "sum_k D_k a_{n,k} <= Q_n", "n in N"),
    Constraint("migration_source", "(2)", "b_{n,m,k} <= a_{n,k}", "n, m in N, k in K"),
    Constraint("link", "(8)", "b_{n,m,k} = 0 if n = m or R_{n,m,k} = 0", "n, m in N, k in K"),
    Constraint("coverage", "(3)", "a_{n,k} = 1 or b_{m,n,k} = 1 for some n, m", "k in R"),
    Constraint("binary", "(9c)", "a_{n,k}, b_{n,m,k} in {0,1}", "n, m in N, k in K"),
)

WHOLE_MODEL = Constraint(
    "whole_model",
    "",
    "a_{n,k} and participation (3) are the same for all blocks of a model",
    "n in N, i in M",
)
SENDER = Constraint(
    "sender", "", "w_{n,k} = 0 for all nodes but one in a transmission that one node makes", "t in T, n in N"
)
NO_COOPERATION = (
    Constraint("cooperation", "", "b_{n,m,k} = 0", "n, m in N, k in K"),
    Constraint("own_users", "", "a_{n,k} = 0 unless a user nearest to n wants k", "n in N, k in K"),
)

_T_OF_DELIVERY = {
    Delivery.UNICAST_TDMA: "T_k = migration + sum_{u in U_k} D_k / rate_{u,k}, maximum-ratio transmission",
    Delivery.HYBRID: (
        "T_k as (7) where |U_k| > THRESHOLD, else unicast from the participating node with the best channel"
    ),
    Delivery.LOCAL_BROADCAST: "T_k = migration + sum_n max_{u in U_k associated with n} D_k / rate_{u,k}",
}


def declare_objective(variant: Variant) -> Objective:
    """Objective of a variant; the default is (7) with (8) and (6)."""
    formula = OBJECTIVE.formula
    if variant.delivery in _T_OF_DELIVERY:
        per_block = _T_OF_DELIVERY[variant.delivery].replace("THRESHOLD", str(variant.hybrid_threshold))
        formula = f"T = sum_k T_k,  {per_block}"
    if variant.granularity is Granularity.MODEL:
        formula += (
            ";  k runs over the blocks of each requested model separately, U_k are the users of that model"
        )
    if variant.unserved is Unserved.CLOUD:
        formula += (
            f";  a transmission that no node makes costs D_k / ({variant.cloud_rate_bps!r} bit/s) per user"
        )
    return replace(OBJECTIVE, formula=formula)


def declare_constraints(variant: Variant) -> tuple[Constraint, ...]:
    """Constraints of a variant; the default is all of :data:`CONSTRAINTS`."""
    constraints = list(CONSTRAINTS)
    if variant.unserved is Unserved.CLOUD:
        constraints = [c for c in constraints if c.name != "coverage"]
    if variant.granularity is Granularity.MODEL:
        constraints.append(WHOLE_MODEL)
    if variant.delivery in (Delivery.HYBRID, Delivery.LOCAL_BROADCAST):
        constraints.append(SENDER)
    if not variant.cooperation:
        constraints += NO_COOPERATION
    return tuple(constraints)
