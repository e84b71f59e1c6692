"""Mixers: monotone in every Q_n, of QMIX's form, alive when fresh."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fgamcd_opt.learning.networks.mixers import QmixMixer, make_mixer

NAMES = ["vdn", "vdn+v", "qmix", "sum+qmix"]


def batch(size: int, agents: int, state_size: int, seed: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q = scale * torch.randn(size, agents, generator=generator)
    return q.requires_grad_(), torch.rand(size, state_size, generator=generator)


@given(
    name=st.sampled_from(NAMES),
    agents=st.integers(1, 8),
    seed=st.integers(0, 2**32),
    spread=st.sampled_from([0.0, 0.5, 5.0]),
)
@settings(max_examples=60, deadline=None)
def test_mixer_never_decreases_in_any_q(name: str, agents: int, seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    mixer = make_mixer(name, agents, 7, 6, generator)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator))
    q, state = batch(9, agents, 7, seed, 1.0 + spread)
    (slope,) = torch.autograd.grad(mixer(q, state).sum(), q)
    assert (slope >= 0).all()


def affine(layer: nn.Linear, x: list[float]) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum(w * value for w, value in zip(row, x, strict=True)) + bias for row, bias in rows]


@pytest.mark.parametrize("name", ["qmix", "sum+qmix"])
def test_qmix_mixer_is_its_formula(name: str) -> None:
    agents, hidden = 3, 5
    mixer = make_mixer(name, agents, 4, hidden, torch.Generator().manual_seed(2))
    assert isinstance(mixer, QmixMixer)
    q, state = batch(6, agents, 4, 3, 4.0)
    for row, got in enumerate(mixer(q, state).tolist()):
        values = q[row].tolist()
        seen = [max(0.0, value) for value in affine(mixer.reading, state[row].tolist())]
        weights, offsets = [abs(w) for w in affine(mixer.weights, seen)], affine(mixer.offsets, seen)
        w1, w2 = weights[: agents * hidden], weights[agents * hidden :]
        b1, total = offsets[:hidden], offsets[hidden]
        for unit in range(hidden):
            x = b1[unit] + sum(values[n] * w1[n * hidden + unit] for n in range(agents))
            total += w2[unit] * (x if x > 0 else math.exp(x) - 1)
        assert got == pytest.approx(total + (sum(values) if name == "sum+qmix" else 0.0), rel=1e-4)


def test_sum_mixers_are_sums() -> None:
    q, state = batch(6, 4, 5, 0)
    plain = make_mixer("vdn", 4, 5, 8, torch.Generator().manual_seed(1))
    torch.testing.assert_close(plain(q, state), sum(q[:, n] for n in range(4)))
    valued = make_mixer("vdn+v", 4, 5, 8, torch.Generator().manual_seed(1))
    torch.testing.assert_close(valued(q, state) - valued(0 * q, state), q.sum(-1))
    assert (valued(0 * q, state) - valued(0 * q, 0 * state)).abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("agents", [2, 6, 8])
def test_fresh_mixer_passes_every_q_on(name: str, agents: int) -> None:
    """The slope in each Q_n is about one, and every parameter gets a gradient."""
    mixer = make_mixer(name, agents, 40, 32, torch.Generator().manual_seed(4))
    q, state = batch(64, agents, 40, 5, 0.1)
    total = mixer(q, state)
    (slope,) = torch.autograd.grad(total.sum(), q, retain_graph=True)
    assert 0.5 < slope.min() <= slope.max() < 1.6
    if list(mixer.parameters()):
        total.square().sum().backward()
    for key, parameter in mixer.named_parameters():
        assert parameter.grad is not None, key
        assert (parameter.grad != 0).any(), key
