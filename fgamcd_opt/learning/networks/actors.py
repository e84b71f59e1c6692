"""Actors of all agents at once: from the observations to the logits of the caching bit and the migration bits."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.stacked import (
    RELU_GAIN,
    StackedLinear,
    StackedPerceptron,
    uniform_parameter,
)


def whole_observations(own: Tensor, other: Tensor) -> Tensor:
    """o_n of every agent, o_{n,n} and then o_{n,m}: (N, B, observation_size), agents first."""
    return torch.cat([own, other.flatten(-2)], dim=-1).transpose(0, 1)


class SemanticActor(nn.Module):
    """Action-semantics actor (Wang et al., arXiv 1907.11461), one per agent.

    Sub-module 1 reads o_n and gives the embedding e_n; the caching logit is a linear head on e_n. The sub-module of
    node m reads o_{n,m} alone and gives e_{n,m} = V relu(U o_{n,m} + c_{n,m}) + d; the logit of b_{n,m} is
    <e_n, e_{n,m}> / sqrt(H) + beta_{n,m}. The sub-modules of one agent share U, V and d; c_{n,m} and beta_{n,m} are the
    node's own and tell nodes apart that look alike. (All weights of its own cost 1.7 times as much.)

    The inner product is evaluated as <V^T e_n, relu(...)> + <e_n, d>: the same number without forming e_{n,m}.

    Parameters
    ----------
    layout
        Sizes of the observations.
    hidden
        H, width of the hidden layers and of the embeddings.
    generator
        Source of the initial values, and the device.
    """

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        agents, others = layout.n_nodes, layout.n_others
        self.hidden = hidden
        self.reading = StackedLinear(agents, layout.observation_size, hidden, generator, RELU_GAIN)
        self.embedding = StackedLinear(agents, hidden, hidden, generator)
        self.caching = StackedLinear(agents, hidden, 1, generator, 0.1)
        nn.init.zeros_(self.caching.bias)
        inputs = layout.other_size
        self.other_weight = uniform_parameter(
            (agents, inputs, hidden), RELU_GAIN * math.sqrt(3.0 / inputs), generator
        )
        self.other_bias = uniform_parameter((agents, others, 1, hidden), 1.0 / math.sqrt(inputs), generator)
        self.other_embedding = StackedLinear(agents, hidden, hidden, generator)
        self.migration_bias = uniform_parameter((agents, others, 1), 0.0, generator)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, N, own_size) and (B, N, N - 1, other_size) to logits (B, N, N): caching, then migration."""
        batch, agents, others, features = other.shape
        embedding = self.embedding(torch.relu(self.reading(whole_observations(own, other))))
        caching = self.caching(embedding)
        seen = other.permute(1, 2, 0, 3).reshape(agents, others * batch, features)
        seen = torch.bmm(seen, self.other_weight).view(agents, others, batch, self.hidden)
        seen = torch.relu(seen + self.other_bias)
        turned = torch.bmm(embedding, self.other_embedding.weight.transpose(1, 2)).unsqueeze(1)
        constant = (embedding * self.other_embedding.bias).sum(-1).unsqueeze(1)
        migration = ((turned * seen).sum(-1) + constant) / math.sqrt(self.hidden) + self.migration_bias
        return torch.cat([caching.squeeze(-1).unsqueeze(1), migration], dim=1).permute(2, 0, 1)


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

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.body = StackedPerceptron(
            layout.n_nodes, layout.observation_size, hidden, layout.n_nodes, generator
        )

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, N, own_size) and (B, N, N - 1, other_size) to logits (B, N, N): caching, then migration."""
        logits: Tensor = self.body(whole_observations(own, other)).transpose(0, 1)
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
        Called with o_{n,n} (B, N, own_size) and o_{n,m} (B, N, N - 1, other_size); gives logits (B, N, N).
    """
    if config.actor == "plain":
        return PlainActor(layout, config.plain_hidden, generator)
    return SemanticActor(layout, config.hidden, generator)
