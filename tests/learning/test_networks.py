"""Stacked layers, actors and critics against loops over ordinary layers; flat parameters; state of optimisers."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.optimiser_state import pack, unpack
from fgamcd_opt.learning.networks.actors import PlainActor, SemanticActor, make_actor
from fgamcd_opt.learning.networks.critics import JointCritic, LocalCritics
from fgamcd_opt.learning.networks.flat import flatten_parameters
from fgamcd_opt.learning.networks.gumbel import hard_bits, relaxed_bits, straight_through
from fgamcd_opt.learning.networks.observer import Observer
from fgamcd_opt.learning.networks.stacked import RELU_GAIN, StackedGRUCell, StackedLinear, StackedPerceptron


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def states(layout: StateLayout, batch: int, seed: int = 1) -> Tensor:
    """Random states with every kind of neighbourhood."""
    state = torch.rand(batch, layout.size, generator=seeded(seed))
    state[:, layout.neighbours] = (state[:, layout.neighbours] > 0.4).float()
    return state


def ordinary(weight: Tensor, bias: Tensor) -> nn.Linear:
    """An ordinary linear layer with the weights of one of the stacked ones."""
    layer = nn.Linear(weight.shape[0], weight.shape[1])
    layer.load_state_dict({"weight": weight.detach().T, "bias": bias.detach().flatten()})
    return layer


def close(left: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)


@given(count=st.integers(1, 5), inputs=st.integers(1, 9), outputs=st.integers(1, 9), batch=st.integers(1, 7))
@settings(max_examples=25, deadline=None)
def test_stacked_linear_is_a_loop_of_linear_layers(count: int, inputs: int, outputs: int, batch: int) -> None:
    layer = StackedLinear(count, inputs, outputs, seeded())
    x = torch.randn(count, batch, inputs, generator=seeded(1))
    loop = [ordinary(w, b)(x[i]) for i, (w, b) in enumerate(zip(layer.weight, layer.bias, strict=True))]
    close(layer(x), torch.stack(loop))


def test_stacked_gru_is_a_loop_of_gru_cells() -> None:
    unit = StackedGRUCell(3, 5, 4, seeded())
    x, memory = torch.randn(3, 6, 5, generator=seeded(1)), torch.randn(3, 6, 4, generator=seeded(2))
    loop = []
    for i in range(3):
        cell = nn.GRUCell(5, 4)
        names = {"ih": unit.from_input, "hh": unit.from_memory}
        weights = {f"weight_{name}": layer.weight[i].detach().T for name, layer in names.items()}
        biases = {f"bias_{name}": layer.bias[i, 0].detach() for name, layer in names.items()}
        cell.load_state_dict({**weights, **biases})
        loop.append(cell(x[i], memory[i]))
    close(unit(x, memory), torch.stack(loop))


def test_initial_scale_keeps_the_mean_square_whatever_the_width() -> None:
    for inputs in (16, 256):
        layer = StackedLinear(2, inputs, 400, seeded(), RELU_GAIN)
        nn.init.zeros_(layer.bias)
        x = torch.randn(2, 400, inputs, generator=seeded(1))
        assert torch.relu(layer(x)).square().mean().item() == pytest.approx(1.0, rel=0.1)


def perceptron(body: StackedPerceptron, agent: int, x: Tensor) -> Tensor:
    """One of the stacked perceptrons, by ordinary layers."""
    first, second, head = (
        ordinary(part.weight[agent], part.bias[agent]) for part in (body.first, body.second, body.head)
    )
    outputs: Tensor = head(torch.relu(second(torch.relu(first(x)))))
    return outputs


@pytest.mark.parametrize("n_nodes", [1, 2, 4])
def test_semantic_actor_is_its_definition(n_nodes: int) -> None:
    layout, hidden, batch = StateLayout(n_nodes, 3), 8, 5
    actor = SemanticActor(layout, hidden, seeded())
    nn.init.normal_(actor.migration_bias, generator=seeded(3))
    state = states(layout, batch)
    own, other = layout.observe(state)
    logits = actor(Observer(layout, state.device)(state))
    assert logits.shape == (batch, n_nodes, n_nodes)
    for n in range(n_nodes):
        reading, embedding, caching = (
            ordinary(part.weight[n], part.bias[n]) for part in (actor.reading, actor.embedding, actor.caching)
        )
        e_n = embedding(torch.relu(reading(torch.cat([own[:, n], other[:, n].flatten(1)], dim=-1))))
        close(logits[:, n, 0], caching(e_n)[:, 0])
        for j in range(n_nodes - 1):
            place = n * (n_nodes - 1) + j
            module = ordinary(actor.other_embedding.weight[place], actor.other_embedding.bias[place])
            e_nm = torch.relu(module(other[:, n, j]))
            expected = (e_n * e_nm).sum(-1) / math.sqrt(hidden) + actor.migration_bias[n, j]
            close(logits[:, n, 1 + j], expected)


def test_plain_actor_and_critics_are_loops_of_perceptrons() -> None:
    layout, batch = StateLayout(3, 2), 5
    state = states(layout, batch)
    own, other = layout.observe(state)
    observed = Observer(layout, state.device)(state)
    bits = (torch.rand(batch, 3, 3, generator=seeded(2)) > 0.5).float()
    actor, critics = PlainActor(layout, 16, seeded(3)), LocalCritics(layout, 8, seeded(4))
    joint = JointCritic(layout, 8, seeded(5))
    q = critics(observed, bits)
    for n in range(3):
        seen = torch.cat([own[:, n], other[:, n].flatten(1)], dim=-1)
        close(actor(observed)[:, n], perceptron(actor.body, n, seen))
        close(q[:, n], perceptron(critics.body, n, torch.cat([seen, bits[:, n]], dim=-1))[:, 0])
    close(joint(state, bits), perceptron(joint.body, 0, torch.cat([state, bits.flatten(1)], dim=-1))[:, 0])


def test_actor_of_a_configuration() -> None:
    layout, config = StateLayout(3, 2), TrainConfig(hidden=8, plain_hidden=24)
    semantic = make_actor(config, layout, seeded())
    plain = make_actor(config.replaced({"actor": "plain"}), layout, seeded())
    assert isinstance(semantic, SemanticActor)
    assert semantic.hidden == 8
    assert isinstance(plain, PlainActor)
    assert plain.body.second.weight.shape == (3, 24, 24)


@pytest.mark.parametrize("kind", [SemanticActor, PlainActor])
def test_fresh_actor_explores_and_every_parameter_gets_a_gradient(
    kind: type[SemanticActor] | type[PlainActor],
) -> None:
    layout = StateLayout(6, 5)
    actor, critics = kind(layout, 32, seeded()), LocalCritics(layout, 32, seeded(1))
    state = states(layout, 64)
    seen = Observer(layout, state.device)(state)
    logits = actor(seen)
    probability = torch.sigmoid(logits)
    assert 0.2 < probability.min() < probability.max() < 0.8
    assert (probability.mean(dim=0) - 0.5).abs().max() < 0.2
    admissible = torch.ones(64, 6, dtype=torch.bool)
    relaxed = relaxed_bits(logits.detach(), seeded(2), 1.0)
    bits = hard_bits(relaxed, admissible).requires_grad_()
    (slope,) = torch.autograd.grad(critics(seen, bits).sum(), bits)
    logits.backward(straight_through(relaxed, admissible, slope, 1.0))
    for name, parameter in actor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.flatten(1).abs().sum(1).min() > 0, name


def test_observer_is_the_observation_of_the_layout() -> None:
    for n_nodes in (1, 2, 5):
        layout = StateLayout(n_nodes, 3)
        state = states(layout, 4)
        own, other = layout.observe(state)
        seen = Observer(layout, state.device)(state)
        for n in range(n_nodes):
            assert torch.equal(seen[n], torch.cat([own[:, n], other[:, n].flatten(1)], dim=-1))


def trained(network: StackedPerceptron, parameters: list[nn.Parameter], steps: int) -> torch.optim.Adam:
    """Some steps of Adam towards random targets."""
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    resume(network, optimiser, steps, 7)
    return optimiser


def resume(network: StackedPerceptron, optimiser: torch.optim.Adam, steps: int, seed: int) -> None:
    generator = seeded(seed)
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=False)
        x = torch.randn(2, 8, 3, generator=generator)
        (network(x) - x.sum(-1, keepdim=True)).square().mean().backward()
        optimiser.step()


def test_flat_parameters_train_like_separate_ones() -> None:
    separate = StackedPerceptron(2, 3, 4, 1, seeded())
    flattened = copy.deepcopy(separate)
    flat = flatten_parameters(flattened)
    trained(separate, list(separate.parameters()), 5)
    trained(flattened, [flat], 5)
    for left, right in zip(separate.parameters(), flattened.parameters(), strict=True):
        close(left, right)
    close(flat, torch.cat([parameter.flatten() for parameter in separate.parameters()]))


@pytest.mark.parametrize("steps", [0, 3])
def test_optimiser_state_restores_the_same_path(steps: int) -> None:
    network = StackedPerceptron(2, 3, 4, 1, seeded())
    optimiser = trained(network, list(network.parameters()), steps)
    saved, copied = pack(optimiser), copy.deepcopy(network)
    resume(network, optimiser, 4, 8)
    other = trained(copy.deepcopy(network), list(copied.parameters()), 0)
    unpack(other, saved)
    resume(copied, other, 4, 8)
    for left, right in zip(network.parameters(), copied.parameters(), strict=True):
        assert torch.equal(left, right)
    again = pack(other)
    assert all(torch.equal(tensor, again[name]) for name, tensor in pack(optimiser).items())


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "index"])
def test_optimiser_state_of_another_network_is_refused(damage: str) -> None:
    network = StackedPerceptron(2, 3, 4, 1, seeded())
    optimiser = trained(network, list(network.parameters()), 2)
    tensors = pack(optimiser)
    if damage == "missing":
        del tensors["0.exp_avg"]
    elif damage == "unknown":
        tensors["size"] = torch.zeros(1)
    elif damage == "shape":
        tensors["0.exp_avg"] = torch.zeros(3)
    else:
        tensors |= {f"99.{name}": torch.zeros(()) for name in ("step", "exp_avg", "exp_avg_sq")}
    with pytest.raises(InputError, match="optimiser state"):
        unpack(optimiser, tensors)
