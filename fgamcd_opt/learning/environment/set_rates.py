"""rho_k(S) of one problem as the game asks for them: solved when first met, whatever was asked before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import SetTable
from fgamcd_opt.beamforming.rate_cache import keep_rates, load_rates
from fgamcd_opt.beamforming.rate_oracle import RateOracle


class SetRates:
    """Rates of the known beams for the R requested blocks and all node sets.

    A set that is asked for is solved by itself, without warm starts or bounds from sets solved before it, so that its
    rate does not depend on what was asked earlier; the monotone closure (F4) is left to complete tables. The beam goes
    to the oracle, unless that has a better one. A complete oracle is used as it is.

    Parameters
    ----------
    oracle
        Shared with whoever needs the beams.

    Attributes
    ----------
    table_bps
        (R, 2^N) rates in bit/s; 0 where no beam meets the QoS, NaN where not known yet.
    """

    def __init__(self, oracle: RateOracle) -> None:
        self.oracle = oracle
        self._alone: dict[int, SetTable] = {}
        if all(table.solved.all() for table in oracle.tables):
            self.table_bps = oracle.lower_bps()
        else:
            self.table_bps = np.full((len(oracle.tables), oracle.masks.size + 1), np.nan)
            self.table_bps[:, 0] = 0.0

    def complete(self, folder: Path | None = None) -> None:
        """Compute the whole table with its closure, or read it from a folder of rates if it is there.

        Parameters
        ----------
        folder
            Where complete tables are kept between runs.
        """
        if folder is None or not load_rates(self.oracle, folder):
            if folder is not None:
                self.oracle.keep_proofs()
            self.oracle.compute()
            if folder is not None:
                keep_rates(self.oracle, folder)
        self.table_bps[...] = self.oracle.lower_bps()

    def rate_bps(self, rows: NDArray[np.int64], masks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(B,) rates of sets ``masks`` for requested blocks ``rows``; those not known are computed now."""
        rate = self.table_bps[rows, masks]
        for i in np.flatnonzero(np.isnan(rate)).tolist():
            rate[i] = self._solve(int(rows[i]), int(masks[i]))
        return rate

    def _solve(self, row: int, mask: int) -> float:
        """Solve one set by itself and hand its beam to the oracle."""
        if not np.isnan(self.table_bps[row, mask]):  # twice in one call
            return float(self.table_bps[row, mask])
        shared = self.oracle.tables[row]
        if row not in self._alone:
            self._alone[row] = SetTable(shared.broadcast)
        alone = self._alone[row]
        before = alone.status[mask], alone.upper[mask]
        alone.solve(np.array([mask], np.int64), self.oracle.settings, int(self.oracle.blocks[row]))
        if not shared.solved[mask] or alone.lower[mask] > shared.lower[mask]:
            shared.status[mask], shared.lower[mask] = alone.status[mask], alone.lower[mask]
            shared.upper[mask] = min(shared.upper[mask], alone.upper[mask])
            shared.x[mask], shared.share[mask] = alone.x[mask], alone.share[mask]
            shared.solved[mask] = True
        self.table_bps[row, mask] = self.oracle.bps(alone.lower[mask])
        # as if nothing had been solved
        alone.status[mask], alone.upper[mask] = before
        alone.lower[mask], alone.x[mask], alone.share[mask], alone.solved[mask] = 0.0, 0.0, 0.0, False
        return float(self.table_bps[row, mask])
