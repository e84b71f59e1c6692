"""Decisions of P1 as points of the monolithic model, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.formulations.monolithic.monolithic_data import MonolithicBlock
from fgamcd_opt.formulations.monolithic.monolithic_model import time_unit_s
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1


def assign_decision(model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...], decision: Decision) -> None:
    """Give every variable the value that it has at a decision; constraints that the decision violates then fail.

    The part of a beam outside the span of the users' channels is left away (F2), and every beam is turned to the
    phase that the model fixes. Auxiliary variables get the best values that the constraints allow.
    """
    unit_s = time_unit_s(blocks)
    for r, data in enumerate(blocks):
        pb = model.pb[r]
        caching, migration = decision.caching[:, data.block], decision.migration[:, :, data.block]
        _assign(pb.a, caching)
        _assign(pb.b, {link: migration[link] for link in pb.b})
        _assign(pb.lam, caching | migration.any(axis=0))
        pb.M.value = float(data.links_s[migration].max(initial=0.0)) / unit_s
        if problem.variant.max_senders is not None:
            _assign(pb.sends, decision.beams[r].any(axis=1))
        _assign_beam(pb, data, decision.beams[r] / np.sqrt(problem.instance.power_w)[:, None])


def _assign_beam(pb: Any, data: MonolithicBlock, beam: NDArray[np.complex128]) -> None:
    """Beams, amplitudes, rate and broadcast time of one block; ``beam`` (N, N_t) in units of node power."""
    w = np.concatenate([q.conj().T @ beam[n] for n, q in enumerate(data.subspace.bases)])
    received = data.subspace.channels.conj() @ w
    w = w * np.exp(-1j * np.angle(received[data.reference]))
    received = data.subspace.channels.conj() @ w / data.reach
    received.imag[data.reference] = 0.0
    norms = np.sqrt(np.bincount(data.coordinate_node, np.abs(w) ** 2, len(data.subspace.bases)))
    q = data.error_set.loss(data.subspace.radii * norms)
    amplitude = float((np.abs(received) * data.reach - q).min())
    efficiency = float(np.log1p(max(amplitude, 0.0) ** 2) / np.log(2.0))
    for variable, values in (
        (pb.re, w.real),
        (pb.im, w.imag),
        (pb.x, received.real),
        (pb.y, received.imag),
        (pb.s, np.abs(received)),
        (pb.q, q / data.loss_cap),
    ):
        _assign(variable, values)
    if pb.component("norm") is not None:  # only some error sets need the norms of the beams
        _assign(pb.norm, norms)
    pb.A.value = amplitude / data.amplitude_cap
    pb.rate.value = efficiency / data.efficiency_cap
    pb.t.value = data.efficiency_cap / efficiency if efficiency > 0.0 else np.inf


def decision_of_model(model: Any, problem: P1, blocks: tuple[MonolithicBlock, ...]) -> Decision:
    """The decision that the values of the variables stand for.

    Binaries are rounded. The beam of a block is silenced where no node participates and scaled as a whole until its
    strongest node sends at full power, which raises every worst-case amplitude (F1 is homogeneous).
    """
    data = problem.instance
    caching = np.zeros((data.n_nodes, data.n_blocks), bool)
    migration = np.zeros((data.n_nodes, data.n_nodes, data.n_blocks), bool)
    beams = np.zeros((len(blocks), data.n_nodes, data.channel.shape[2]), np.complex128)
    for r, scaled in enumerate(blocks):
        pb = model.pb[r]
        caching[:, scaled.block] = [pb.a[n].value > 0.5 for n in range(data.n_nodes)]
        for link in pb.b:
            migration[(*link, scaled.block)] = pb.b[link].value > 0.5
        sends = caching[:, scaled.block] | migration[:, :, scaled.block].any(axis=0)
        if problem.variant.max_senders is not None:
            sends &= [pb.sends[n].value > 0.5 for n in range(data.n_nodes)]
        w = np.array([complex(pb.re[i].value, pb.im[i].value) for i in pb.re])
        w *= sends[scaled.coordinate_node]
        strongest = np.linalg.norm(scaled.subspace.lift(w), axis=1).max()
        if strongest > 0.0:
            beams[r] = scaled.subspace.lift(w / strongest) * np.sqrt(data.power_w)[:, None]
    return Decision(caching, migration, beams)


def _assign(variable: Any, values: Any) -> None:
    for index in variable:
        variable[index].set_value(float(values[index]), skip_validation=True)
