"""Masked Gumbel-Softmax samples: exact masks, frequencies, straight-through gradients, likelihood by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fgamcd_opt.learning.networks.drawing import drawn_bits, likelier_bits
from fgamcd_opt.learning.networks.gumbel import (
    greedy_bits,
    hard_bits,
    log_likelihood,
    relaxed_bits,
    straight_through,
)


def drawn_as_tensor(
    logits: Tensor, admissible: Tensor, generator: torch.Generator, epsilon: float = 0.0
) -> Tensor:
    """What acting draws, agents that explore having logits of 1."""
    n = logits.shape[-1]
    chances = torch.rand((*admissible.shape, 1 + n), generator=generator).numpy()
    fresh = np.ones(n, np.float32)
    bits = drawn_bits(logits.contiguous().numpy(), admissible.numpy(), chances, epsilon, fresh)
    return torch.from_numpy(bits).float()


def test_agents_explore_with_probability_epsilon() -> None:
    logits, admissible = torch.full((40_000, 1, 1), -50.0), torch.ones(40_000, 1, dtype=torch.bool)
    bits = drawn_as_tensor(logits, admissible, torch.Generator().manual_seed(3), epsilon=0.3)
    expected = 0.3 * torch.sigmoid(torch.tensor(1.0)).item()
    assert bits.mean().item() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 40_000) ** 0.5)


def random_logits(batch: int, n: int, seed: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(batch, n, n, generator=generator)
    return logits, torch.rand(batch, n, generator=generator) > 0.4


@given(n=st.integers(1, 8), seed=st.integers(0, 2**32), scale=st.sampled_from([0.0, 1.0, 30.0, 1e4]))
@settings(max_examples=60, deadline=None)
def test_masks_cannot_be_broken_and_bits_are_binary(n: int, seed: int, scale: float) -> None:
    logits, admissible = random_logits(20, n, seed, scale)
    generator = torch.Generator().manual_seed(seed)
    for temperature in (0.1, 1.0):
        hard = hard_bits(relaxed_bits(logits, generator, temperature), admissible)
        drawn = drawn_as_tensor(logits, admissible, generator)
        likelier = torch.from_numpy(likelier_bits(logits.numpy(), admissible.numpy()))
        assert torch.equal(likelier.float(), greedy_bits(logits, admissible))
        for bits in (hard, drawn, likelier):
            assert ((bits == 0) | (bits == 1)).all()
            assert (bits[..., 0] <= admissible).all()
            assert (bits[..., 1:] <= bits[..., :1]).all()


def test_greedy_bits_are_the_likelier_ones() -> None:
    logits = torch.tensor([[[0.1, -0.1], [-0.1, 5.0]], [[0.1, 0.1], [0.2, 0.3]]])
    bits = greedy_bits(logits, torch.tensor([[True, True], [True, False]]))
    assert bits.tolist() == [[[1, 0], [0, 0]], [[1, 1], [0, 0]]]


@pytest.mark.parametrize("temperature", [None, 0.5, 2.0])
def test_frequencies_are_the_sigmoid_of_the_logits(temperature: float | None) -> None:
    logits = torch.tensor([[-2.0, 0.3], [1.0, -0.5]]).expand(40_000, 2, 2)
    admissible, generator = torch.ones(40_000, 2, dtype=torch.bool), torch.Generator().manual_seed(0)
    if temperature is None:
        bits = drawn_as_tensor(logits, admissible, generator)
    else:
        bits = hard_bits(relaxed_bits(logits, generator, temperature), admissible)
    p = torch.sigmoid(logits[0])
    expected = torch.stack([p[:, 0], p[:, 0] * p[:, 1]], dim=-1)
    error = (expected * (1 - expected) / 40_000).sqrt()
    assert ((bits.mean(0) - expected).abs() < 4 * error).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_gradient_is_that_of_the_relaxed_bits(temperature: float) -> None:
    logits, admissible = random_logits(6, 3, 5)
    logits = logits.double()
    weight = torch.randn(6, 3, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def same_noise() -> torch.Generator:
        return torch.Generator().manual_seed(9)

    drawn = relaxed_bits(logits, same_noise(), temperature)
    gradient = straight_through(drawn, admissible, weight, temperature)

    def relaxed(values: Tensor) -> float:
        """The definition, spelled out: each bit relaxed, then the masks."""
        noise = torch.logit(torch.rand(values.shape, generator=same_noise(), dtype=torch.float64))
        total = 0.0
        for row, agent in itertools.product(range(6), range(3)):
            bits = 1 / (1 + torch.exp(-(values[row, agent] + noise[row, agent]) / temperature))
            caching = bits[0] * float(admissible[row, agent])
            total += float(weight[row, agent, 0] * caching + caching * (weight[row, agent, 1:] @ bits[1:]))
        return total

    for index in itertools.product((0, 3), range(3), range(3)):
        up, down = logits.clone(), logits.clone()
        up[index] += 1e-5
        down[index] -= 1e-5
        slope = (relaxed(up) - relaxed(down)) / 2e-5
        assert gradient[index].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_relaxation_is_softmax_with_gumbel_noise() -> None:
    """The same distribution as softmax((l + g1, g0) / temperature) with two independent Gumbel variables."""
    draws, logit, temperature = 40_000, 0.7, 0.8
    ours = relaxed_bits(torch.full((draws,), logit), torch.Generator().manual_seed(1), temperature)
    uniform = torch.rand(draws, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gumbel = -torch.log(-torch.log(uniform)) + torch.tensor([logit, 0.0])
    reference = torch.softmax(gumbel / temperature, dim=-1)[:, 0]
    grid = torch.linspace(0.02, 0.98, 40)
    distance = (ours[:, None] <= grid).double().mean(0) - (reference[:, None] <= grid).double().mean(0)
    assert distance.abs().max() < 0.015


@pytest.mark.parametrize("n", [1, 2, 3])
def test_likelihoods_sum_to_one_over_all_admissible_joint_bits(n: int) -> None:
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=n * n))).view(-1, n, n)
    for seed in range(4):
        logits, admissible = random_logits(1, n, seed)
        size = len(every)
        log_p = log_likelihood(logits.expand(size, n, n), admissible.expand(size, n), every).sum(-1)
        allowed = ((every[..., 0] <= admissible) & (every[..., 1:] <= every[..., :1]).all(-1)).all(-1)
        assert torch.isneginf(log_p[~allowed]).all()
        assert torch.isfinite(log_p[allowed]).all()
        assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_likelihood_is_the_frequency_of_samples() -> None:
    logits, _ = random_logits(1, 2, 3)
    logits, admissible = logits.expand(30_000, 2, 2), torch.tensor([[True, False]]).expand(30_000, 2)
    bits = drawn_as_tensor(logits, admissible, torch.Generator().manual_seed(4))
    kinds, counts = bits.unique(dim=0, return_counts=True)
    p = log_likelihood(logits[: len(kinds)], admissible[: len(kinds)], kinds).sum(-1).exp()
    assert ((counts / 30_000 - p).abs() < 4 * (p * (1 - p) / 30_000).sqrt()).all()


def test_gradient_of_the_likelihood_is_finite_where_masks_decide() -> None:
    logits, _ = random_logits(4, 3, 8)
    logits.requires_grad_()
    log_likelihood(logits, torch.zeros(4, 3, dtype=torch.bool), torch.zeros(4, 3, 3)).sum().backward()
    assert (logits.grad == 0).all()
