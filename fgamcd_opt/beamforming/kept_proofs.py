"""`KeptProofs`: the evidence behind the bounds of one transmission, kept so that the bounds can be proved again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class KeptProofs:
    """Per node set the evidence (F6) of the least bound that was proved for the set itself.

    Bounds that lone users or larger sets give need none: the first are computed from the channels whenever a table is
    made, the second follow by monotonicity (F4).

    Attributes
    ----------
    by_mask
        Bound on the SNR, y (m,), mu (N,) and mix (S, m, m) over the nodes of the set, by bit mask.
    """

    by_mask: dict[int, tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]] = (
        field(default_factory=dict)
    )

    def keep(
        self,
        masks: NDArray[np.int64],
        snr: NDArray[np.float64],
        y: NDArray[np.float64],
        mu: NDArray[np.float64],
        mix: NDArray[np.complex128],
    ) -> None:
        """Take evidence that is better than what is there; arrays as in `Broadcast.proved_snr`."""
        for row, mask in enumerate(masks.tolist()):
            bound = float(snr[row])
            known = self.by_mask.get(mask)
            if np.isfinite(bound) and (known is None or bound < known[0]):
                inside = mix[row, members_of(mask, mu.shape[1])]
                self.by_mask[mask] = bound, y[row].copy(), mu[row].copy(), inside.copy()


def members_of(mask: int, n_nodes: int) -> NDArray[np.int64]:
    """(|S|,) nodes of a bit mask."""
    return np.flatnonzero((mask >> np.arange(n_nodes)) & 1)
