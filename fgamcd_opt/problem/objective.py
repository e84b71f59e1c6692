"""The objective of P1 and its variants: the total downloading delay, declared and computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.io.short_repr import cut
from fgamcd_opt.problem.constraints.constraint import Candidate
from fgamcd_opt.problem.delay import air_times_s, migration_times_s
from fgamcd_opt.problem.variants import Delivery, Granularity, Unserved, Variant

_COMP = (
    "T_k = max_{b_{n,m,k}=1} D_k / R_{n,m,k} + max_{u in U_k} D_k / rate_{u,k},  "
    "rate_{u,k} = B log2(1 + min_{e in E_{u,k}} |(h^_{u,k} + e)^H w_k|^2 / sigma^2)"
)
_PER_BLOCK = {
    Delivery.COMP_BROADCAST: _COMP,
    Delivery.UNICAST_TDMA: "T_k = migration + sum_{u in U_k} D_k / rate_{u,k}, maximum-ratio transmission",
    Delivery.HYBRID: (
        "T_k as (7) where |U_k| > THRESHOLD, else unicast from the participating node with the best channel"
    ),
    Delivery.LOCAL_BROADCAST: "T_k = migration + sum_n max_{u in U_k associated with n} D_k / rate_{u,k}",
}


@dataclass(frozen=True)
class TotalDelay:
    """T = sum_k T_k of a variant, (7) with (8) and (6) in P1 itself."""

    variant: Variant
    sense: ClassVar[str] = "minimise"
    equation: ClassVar[str] = "(7), (8), (6)"

    def __repr__(self) -> str:
        return f"<TotalDelay {self.equation}: {self.sense} {cut(self.formula, 250)}>"

    @property
    def formula(self) -> str:
        """As the paper writes it, with what the variant changes."""
        per_block = _PER_BLOCK[self.variant.delivery]
        formula = f"T = sum_k T_k,  {per_block.replace('THRESHOLD', str(self.variant.hybrid_threshold))}"
        if self.variant.granularity is Granularity.MODEL:
            formula += ";  k runs over the blocks of each requested model separately, U_k are the users of that model"
        if self.variant.unserved is Unserved.CLOUD:
            rate = f"({self.variant.cloud_rate_bps!r} bit/s)"
            formula += f";  a transmission that no node makes costs D_k / {rate} per user"
        return formula

    def block_times_s(self, candidate: Candidate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Slowest migration and air time of each requested block (8), shapes (R,); T is the sum of both."""
        data = candidate.instance
        air = air_times_s(
            data, candidate.sent, candidate.rate_bps, candidate.from_cloud, self.variant.cloud_rate_bps
        )
        return migration_times_s(data, candidate.decision.migration), air
