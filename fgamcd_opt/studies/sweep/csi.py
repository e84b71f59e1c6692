"""Robust against nominal beams of whole solutions: which users keep their QoS rate under channel errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.beamforming.broadcast import BeamformingSettings
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.studies.robustness.channel_errors import DESIGNS, below_qos, sample_errors
from fgamcd_opt.studies.robustness.single_broadcast import BroadcastData, design_beam
from fgamcd_opt.studies.sweep.judges import NOTHING, Judgement
from fgamcd_opt.studies.sweep.measured import percent
from fgamcd_opt.studies.sweep.methods import REFERENCE
from fgamcd_opt.studies.sweep.run import Placed

if TYPE_CHECKING:
    import pandas as pd

REALISATIONS = 200
"""Uniform errors per user and block, as in the paper."""


@dataclass(frozen=True, eq=False)
class BeamStudy:
    """Rates of one design's beams under errors, relative to the users' QoS rates.

    Parameters
    ----------
    delta, seed, design
        Size of the errors, seed of the instance, one of `DESIGNS`.
    sampled
        (count, P) rate / R_u of each pair (block, user) under uniform errors.
    worst
        (P,) rate / R_u under each pair's worst error (F1).
    pair_user
        (P,) users.
    """

    delta: float
    seed: int
    design: str
    sampled: NDArray[np.float64]
    worst: NDArray[np.float64]
    pair_user: NDArray[np.int64]

    __repr__ = short_repr

    def lowest(self) -> NDArray[np.float64]:
        """(count, U) lowest rate / R_u of each user over its blocks, per draw."""
        users, place = np.unique(self.pair_user, return_inverse=True)
        lowest = np.full((users.size, self.sampled.shape[0]), np.inf)
        np.minimum.at(lowest, place, self.sampled.T)
        return lowest.T

    def lowest_worst(self) -> NDArray[np.float64]:
        """(U,) lowest rate / R_u of each user over its blocks, each at its worst error."""
        return np.array([self.worst[self.pair_user == user].min() for user in np.unique(self.pair_user)])

    def summary(self) -> dict[str, float | int | str]:
        """One row of the table: shares of users that keep their QoS rate on all blocks, and the lowest rates."""
        one = np.ones(1)
        lowest = self.lowest()
        worst = self.lowest_worst()
        return {
            "delta": self.delta,
            "seed": self.seed,
            "design": self.design,
            "draws": lowest.shape[0],
            "users_held": 1.0 - float(below_qos(lowest, one).any(axis=0).mean()),
            "users_held_worst_case": 1.0 - float(below_qos(worst, one).mean()),
            "user_draws_held": 1.0 - float(below_qos(lowest, one).mean()),
            "lowest_rate_of_qos": float(lowest.min()),
            "worst_case_rate_of_qos": float(worst.min()),
        }


def study_solution(
    instance: Instance, solution: Solution, count: int, *, delta: float, seed: int
) -> dict[str, BeamStudy]:
    """Judge the robust beams of a solution of P1, and nominal ones for the same senders, on the same errors.

    Parameters
    ----------
    instance
        With the radii of the errors.
    solution
        Its caching, migration and beams; nominal beams are made for the same nodes as if there were no error.
    count
        Uniform errors per user and block.
    delta, seed
        For the record; the seed also draws the errors.
    """
    shape = instance.pair_user.shape
    sampled = {design: np.empty((count, *shape)) for design in DESIGNS}
    worst = {design: np.empty(shape) for design in DESIGNS}
    participation = solution.decision.participation
    for row, block in enumerate(instance.requested_blocks.tolist()):
        data = BroadcastData.of(instance, block, np.flatnonzero(participation[:, block]).tolist())
        generator = np.random.default_rng(np.random.SeedSequence([seed, block]))
        errors = sample_errors(
            data.radii, data.antennas, data.channels.shape[2], data.error_set, count, generator
        )
        nominal = design_beam(data.with_delta(0.0), BeamformingSettings()).beam
        pairs = instance.block_pairs(block)
        for design, beam in zip(DESIGNS, (solution.decision.beams[row, data.nodes], nominal), strict=True):
            sampled[design][:, pairs] = _of_qos(data.rates_bps(beam, errors), data.qos_bps)
            worst[design][pairs] = _of_qos(data.worst_rates_bps(beam), data.qos_bps)
    return {
        design: BeamStudy(delta, seed, design, sampled[design], worst[design], instance.pair_user)
        for design in DESIGNS
    }


def _of_qos(rates_bps: NDArray[np.float64], qos_bps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rates relative to R_u; infinite for a user that asks for none."""
    return np.asarray(np.divide(rates_bps, qos_bps, out=np.full(rates_bps.shape, np.inf), where=qos_bps > 0))


def study_sweep(placed: Sequence[Placed], folder: Path, count: int = REALISATIONS) -> list[BeamStudy]:
    """Studies of all solutions of the reference that are in the folder of the sweep."""
    studies: list[BeamStudy] = []
    for place in placed:
        path = folder / "solutions" / f"{place.cell.id}.npz"
        if place.method == REFERENCE and path.exists():
            instance = load(place.cell.source.instance, place.cell.source.changes)
            found = study_solution(instance, Solution.load(path), count, delta=place.value, seed=place.seed)
            studies += found.values()
    return studies


def study_table(studies: Sequence[BeamStudy]) -> pd.DataFrame:
    """One row per error size, seed and design."""
    import pandas as pd

    return pd.DataFrame([study.summary() for study in studies])


def robust_judgement(table: pd.DataFrame) -> Judgement:
    """Robust beams keep every user's QoS rate, in all draws and in the worst case."""
    rows = table[table["design"] == "robust"]
    if rows.empty:
        return NOTHING
    held = bool((rows["users_held"] == 1.0).all() and (rows["users_held_worst_case"] == 1.0).all())
    lowest = float(rows["worst_case_rate_of_qos"].min())
    text = (
        f"{percent(float(rows['users_held'].mean()))} of users in all draws, "
        f"{percent(float(rows['users_held_worst_case'].mean()))} in the worst case"
    )
    return Judgement(text, held, f"the lowest worst-case rate is {percent(lowest)} of its QoS rate")


def nominal_judgement(table: pd.DataFrame) -> Judgement:
    """Nominal beams miss some user's QoS rate in some draw at every error size above zero."""
    rows = table[(table["design"] == "nominal") & (table["delta"] > 0)]
    if rows.empty:
        return NOTHING
    shares = rows.groupby("delta")[["users_held", "users_held_worst_case"]].mean()
    text = "; ".join(
        f"δ = {delta:g}: {percent(float(row['users_held']))} of users in all draws, "
        f"{percent(float(row['users_held_worst_case']))} in the worst case"
        for delta, row in shares.iterrows()
    )
    lowest = float(rows["lowest_rate_of_qos"].min()), float(rows["worst_case_rate_of_qos"].min())
    reason = (
        f"judged by the draws; the lowest drawn rate is {percent(lowest[0])} of its QoS rate, in the worst case it is "
        f"{percent(lowest[1])}: uniform errors are far from the worst one where there are many antennas"
    )
    return Judgement(text, bool((shares["users_held"] < 1.0).all()), reason)


TRENDS = (
    ("rates of the robust design", "always above QoS", robust_judgement),
    ("rates of the nominal design", "violate QoS", nominal_judgement),
)
"""Quantity, report and judge of each trend of figure 15b."""
