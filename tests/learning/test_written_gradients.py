"""The gradients that networks and updates write out, against automatic differentiation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.actor_critic import ActorCritic
from fgamcd_opt.learning.learners.replay import Batch
from fgamcd_opt.learning.learners.team_value import TeamValue
from fgamcd_opt.learning.networks.actors import make_actor
from fgamcd_opt.learning.networks.critics import JointCritic, LocalCritics
from fgamcd_opt.learning.networks.flat import flatten_parameters
from fgamcd_opt.learning.networks.gumbel import greedy_bits, relaxed_bits
from fgamcd_opt.learning.networks.mixers import make_mixer
from fgamcd_opt.learning.networks.observer import Observer

BATCH, SMALL = 7, {"hidden": 6, "critic_hidden": 5, "mixer_hidden": 4, "plain_hidden": 6}
VALUES: list[dict[str, Any]] = [
    {"mixer": mixer, "ascent": ascent}
    for mixer in ("vdn", "vdn+v", "qmix", "sum+qmix")
    for ascent in ("total", "local")
]
VALUES += [{"critic": "independent"}, {"critic": "joint"}, {"value_scale": "none"}, {"gamma": 0.0}]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def config_of(**settings: Any) -> TrainConfig:
    return TrainConfig().replaced({**SMALL, **settings})


def scattered(module: nn.Module) -> nn.Module:
    """In double precision, no parameter at zero, gradients as an update has them."""
    module.double()
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=seeded(parameter.numel()))
    flatten_parameters(module)
    return module


def game(layout: StateLayout) -> tuple[Tensor, Tensor, Tensor]:
    """States, observations and bits."""
    state = torch.rand(BATCH, layout.size, generator=seeded(1), dtype=torch.float64)
    state[:, layout.neighbours] = (state[:, layout.neighbours] > 0.4).double()
    shape = (BATCH, layout.n_nodes, layout.n_nodes)
    bits = torch.bernoulli(torch.full(shape, 0.5, dtype=torch.float64), generator=seeded(2))
    return state, Observer(layout, state.device)(state), bits


def check_parameters(module: Any, inputs: tuple[Tensor, ...]) -> None:
    """``backward`` leaves what automatic differentiation of ``forward`` finds."""
    output, trace = module.trace(*inputs)
    weight = torch.randn(output.shape, generator=seeded(3), dtype=output.dtype)
    parameters = dict(module.named_parameters())
    expected = torch.autograd.grad((weight * module(*inputs)).sum(), list(parameters.values()))
    module.backward(trace, weight)
    for (name, parameter), gradient in zip(parameters.items(), expected, strict=True):
        assert gradient.numel() == 0 or gradient.abs().max() > 0, name
        torch.testing.assert_close(parameter.grad, gradient, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("n_nodes", [1, 2, 4])
@pytest.mark.parametrize("actor", ["semantic", "plain"])
def test_actor(actor: str, n_nodes: int) -> None:
    layout = StateLayout(n_nodes, 3)
    module = scattered(make_actor(config_of(actor=actor), layout, seeded(0)))
    _, seen, _ = game(layout)
    check_parameters(module, (seen,))


@pytest.mark.parametrize("settings", VALUES)
def test_team_value(settings: dict[str, Any]) -> None:
    layout = StateLayout(3, 2)
    value = scattered(TeamValue(config_of(**settings), layout, seeded(0)))
    check_parameters(value, game(layout))


@pytest.mark.parametrize("settings", VALUES)
def test_slopes_of_the_gains(settings: dict[str, Any]) -> None:
    layout = StateLayout(3, 2)
    value = scattered(TeamValue(config_of(**settings), layout, seeded(0)))
    assert isinstance(value, TeamValue)
    state, seen, bits = game(layout)
    bits.requires_grad_()
    gain, slope = value.gain(state, seen, bits)
    torch.testing.assert_close(slope, torch.autograd.grad(gain.sum(), bits)[0])
    if value.form != "joint":
        caching = torch.rand(BATCH, 3, generator=seeded(4), dtype=torch.float64).requires_grad_()
        migration = bits.detach()[..., 1:].requires_grad_()
        gain, rise, slope = value.expected_gain(seen, caching, migration)
        expected = torch.autograd.grad(gain.sum(), [caching, migration])
        torch.testing.assert_close((rise, slope), expected)


@pytest.mark.parametrize("name", ["vdn", "vdn+v", "qmix", "sum+qmix"])
def test_mixer_passes_the_gradient_on_to_each_q(name: str) -> None:
    mixer = make_mixer(name, 3, 5, 4, seeded(0))
    if list(mixer.parameters()):
        scattered(mixer)
    q = torch.randn(BATCH, 3, generator=seeded(1), dtype=torch.float64).requires_grad_()
    total, trace = mixer.trace(q, torch.rand(BATCH, 5, generator=seeded(2), dtype=torch.float64))
    weight = torch.randn(BATCH, generator=seeded(3), dtype=torch.float64)
    (expected,) = torch.autograd.grad((weight * total).sum(), q)
    torch.testing.assert_close(mixer.backward(trace, weight), expected)
    torch.testing.assert_close(mixer.slope(trace, weight), expected)


def test_critics_alone() -> None:
    layout = StateLayout(3, 2)
    state, seen, bits = game(layout)
    check_parameters(scattered(LocalCritics(layout, 5, seeded(0))), (seen, bits))
    check_parameters(scattered(JointCritic(layout, 5, seeded(0))), (state, bits))


def batch_of(layout: StateLayout) -> Batch:
    state, _, bits = game(layout)
    next_state = torch.rand(BATCH, layout.size, generator=seeded(5))
    fits = torch.rand(2, BATCH, layout.n_nodes, generator=seeded(6)) > 0.3
    reward, done = -torch.rand(BATCH, generator=seeded(7)), (torch.arange(BATCH) % 3 == 0).float()
    return Batch(state.float(), fits[0], bits.float(), reward, next_state, fits[1], done)


def critic_loss(learner: ActorCritic, batch: Batch) -> Tensor:
    """Weighted squares of Q(s, a) - (r + gamma (1 - done) Q'(s', mu'(s'))), by the networks as functions."""
    seen, seen_next = learner.observe(batch.state), learner.observe(batch.next_state)
    value = learner.value(batch.state, seen, batch.bits)
    with torch.no_grad():
        bits = greedy_bits(learner.target_actor(seen_next), batch.next_admissible)
        ahead = learner.target_value(batch.next_state, seen_next, bits)
    future = learner.config.gamma * (1.0 - batch.done)
    reward, weights = batch.reward, learner.value.weights(batch.state)
    if value.dim() == 2:
        future, reward, weights = future[:, None], reward[:, None], weights[:, None]
    loss: Tensor = (weights * (value - reward - future * ahead) ** 2).mean()
    return loss


def actor_loss(learner: ActorCritic, batch: Batch, noise: torch.Generator) -> Tensor:
    """-gain + L2 of the logits, with straight-through samples as value plus (soft - soft without a gradient)."""
    config, seen = learner.config, learner.observe(batch.state)
    logits = learner.actor(seen)
    relaxed = relaxed_bits(logits, noise, config.temperature)
    hard, fits = (relaxed > 0.5).float(), batch.admissible.float()[..., None]
    bits = hard + relaxed - relaxed.detach()
    if config.caching_gradient == "expected" and config.critic != "joint":
        cached = torch.cat([torch.ones_like(bits[..., :1]), bits[..., 1:]], dim=-1)
        p = torch.sigmoid(logits[..., 0]) * batch.admissible
        with_copy, without = (learner.value.critic(seen, b) for b in (cached, torch.zeros_like(bits)))
        gain = (p * with_copy + (1.0 - p) * without).sum(-1)
    else:
        soft = torch.cat([fits * relaxed[..., :1], fits * relaxed[..., :1] * relaxed[..., 1:]], dim=-1)
        hard = torch.cat([fits * hard[..., :1], fits * hard[..., :1] * hard[..., 1:]], dim=-1)
        gain, _ = learner.value.gain(batch.state, seen, hard + soft - soft.detach())
    return config.logit_l2 * logits.square().mean() - gain.mean()


UPDATES: list[dict[str, Any]] = [
    {},
    {"gamma": 0.0},
    {"actor": "plain", "mixer": "qmix"},
    {"caching_gradient": "straight-through", "temperature": 0.7},
    {"caching_gradient": "straight-through", "ascent": "local", "mixer": "vdn"},
    {"critic": "independent"},
    {"critic": "joint", "value_scale": "none"},
]


@pytest.mark.parametrize("settings", UPDATES)
def test_update_goes_down_the_gradient_of_its_losses(settings: dict[str, Any]) -> None:
    layout = StateLayout(3, 2)
    learner = ActorCritic(config_of(**settings, grad_clip=1e9, logit_l2=0.3), layout, seeded(0))
    batch = batch_of(layout)
    twin, noise = copy.deepcopy(learner), seeded(8)

    def check(network: nn.Module, loss: Tensor, step: Callable[[], float], trained: nn.Module) -> None:
        expected = torch.autograd.grad(loss, list(network.parameters()))
        assert step() == pytest.approx(loss.item(), rel=1e-5, abs=1e-6)
        for parameter, gradient in zip(trained.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)

    seen = learner.observe(batch.state)
    learner.generator.set_state(noise.get_state())
    check(
        twin.actor, actor_loss(twin, batch, noise), lambda: learner.update_actor(batch, seen), learner.actor
    )
    check(twin.value, critic_loss(twin, batch), lambda: learner.update_critic(batch, seen), learner.value)
