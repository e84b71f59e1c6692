"""Actors of all agents at once: from the observations to the logits of the caching bit and the migration bits."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.stacked import (
    RELU_GAIN,
    StackedLinear,
    StackedPerceptron,
    Trace,
    gradient_of,
    through_relu_,
    uniform_parameter,
)


class SemanticActor(nn.Module):
    """Action-semantics actor (Wang et al., arXiv 1907.11461), one per agent.

    Sub-module 1 reads o_n and gives the embedding e_n, linear in a hidden layer of ReLU; the caching logit is a linear
    head on e_n. The sub-module of node m reads o_{n,m} alone and gives e_{n,m}, one layer of ReLU with weights of its
    own; the logit of b_{n,m} is <e_n, e_{n,m}> / sqrt(H) + beta_{n,m}. (A linear layer on top of e_{n,m} shared over m
    would only multiply the one that gives e_n.)

    Parameters
    ----------
    layout
        Sizes of the observations.
    hidden
        H, width of the hidden layer and of the embeddings.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        agents, others = layout.n_nodes, layout.n_others
        self.hidden, self._layout = hidden, layout
        self.reading = StackedLinear(agents, layout.observation_size, hidden, generator, RELU_GAIN)
        self.embedding = StackedLinear(agents, hidden, hidden, generator, 0.5)
        self.caching = StackedLinear(agents, hidden, 1, generator, 0.1)
        nn.init.zeros_(self.caching.bias)
        self.other_embedding = StackedLinear(agents * others, layout.other_size, hidden, generator, RELU_GAIN)
        self.migration_bias = uniform_parameter((agents, others, 1), 0.0, generator)

    def forward(self, seen: Tensor) -> Tensor:
        """Observations (N, B, observation_size) to logits (B, N, N): caching, then migration."""
        return self.trace(seen)[0]

    def trace(self, seen: Tensor) -> tuple[Tensor, Trace]:
        """Logits as of `forward`, and what `backward` needs."""
        layout, (agents, batch, _) = self._layout, seen.shape
        others = seen[..., layout.own_size :].view(agents, batch, layout.n_others, layout.other_size)
        others = others.transpose(1, 2).reshape(agents * layout.n_others, batch, layout.other_size)
        reading = self.reading(seen).relu_()
        embedding = self.embedding(reading)
        of_others = self.other_embedding(others).relu_().view(agents, layout.n_others, batch, self.hidden)
        products = (of_others * embedding.unsqueeze(1)).sum(-1)
        migration = torch.add(self.migration_bias, products, alpha=1.0 / math.sqrt(self.hidden))
        logits = torch.cat([self.caching(embedding), migration.transpose(1, 2)], dim=-1)
        return logits.transpose(0, 1), (seen, others, reading, embedding, of_others)

    @torch.no_grad()
    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of the logits (B, N, N)."""
        seen, others, reading, embedding, of_others = trace
        gradient = gradient.transpose(0, 1)
        migration = gradient[..., 1:].transpose(1, 2).contiguous()
        torch.sum(migration, 2, keepdim=True, out=gradient_of(self.migration_bias))
        products = (migration / math.sqrt(self.hidden)).unsqueeze(-1)
        from_others = through_relu_(embedding.unsqueeze(1) * products, of_others)
        self.other_embedding.write_gradient(others, from_others.flatten(0, 1))
        self.caching.write_gradient(embedding, gradient[..., :1])
        from_embedding = (of_others * products).sum(1) + self.caching.back(gradient[..., :1])
        self.embedding.write_gradient(reading, from_embedding)
        self.reading.write_gradient(seen, through_relu_(self.embedding.back(from_embedding), reading))


class PlainActor(nn.Module):
    """Ablation: a perceptron with two hidden layers from o_n to all logits of agent n.

    Parameters
    ----------
    layout
        Sizes of the observations.
    hidden
        Width of both hidden layers.
    generator
        Source of the initial values, and the device.
    """

    __repr__ = short_repr

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.body = StackedPerceptron(
            layout.n_nodes, layout.observation_size, hidden, layout.n_nodes, generator
        )

    def forward(self, seen: Tensor) -> Tensor:
        """Observations (N, B, observation_size) to logits (B, N, N): caching, then migration."""
        return self.trace(seen)[0]

    def trace(self, seen: Tensor) -> tuple[Tensor, Trace]:
        """Logits as of `forward`, and what `backward` needs."""
        logits, trace = self.body.trace(seen)
        return logits.transpose(0, 1), trace

    def backward(self, trace: Trace, gradient: Tensor) -> None:
        """Write the gradients of the parameters, given that of the logits (B, N, N)."""
        self.body.backward(trace, gradient.transpose(0, 1))


def fresh_logits(config: TrainConfig, layout: StateLayout) -> NDArray[np.float32]:
    """(N,) logits of an agent that has learned nothing: even odds for caching, and rare migration."""
    logits = np.full(layout.n_nodes, config.migration_logit, np.float32)
    logits[0] = 0.0
    return logits


def make_actor(
    config: TrainConfig, layout: StateLayout, generator: torch.Generator
) -> SemanticActor | PlainActor:
    """The actor of `TrainConfig.actor`, in the configured width.

    Parameters
    ----------
    config
        Kind and widths.
    layout
        Sizes of the observations.
    generator
        Source of the initial values, and the device.

    Returns
    -------
    SemanticActor | PlainActor
        Called with observations (N, B, observation_size) as an `Observer` gives them; gives logits (B, N, N).
    """
    if config.actor == "plain":
        plain = PlainActor(layout, config.plain_hidden, generator)
        plain.body.head.bias.data[..., 1:] = config.migration_logit
        return plain
    semantic = SemanticActor(layout, config.hidden, generator)
    semantic.migration_bias.data.fill_(config.migration_logit)
    return semantic
