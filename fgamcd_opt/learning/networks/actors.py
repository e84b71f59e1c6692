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

    def __init__(self, layout: StateLayout, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        agents, others = layout.n_nodes, layout.n_others
        self.hidden = hidden
        self.reading = StackedLinear(agents, layout.observation_size, hidden, generator, RELU_GAIN)
        self.embedding = StackedLinear(agents, hidden, hidden, generator, 0.5)
        self.caching = StackedLinear(agents, hidden, 1, generator, 0.1)
        nn.init.zeros_(self.caching.bias)
        self.other_embedding = StackedLinear(agents * others, layout.other_size, hidden, generator, RELU_GAIN)
        self.migration_bias = uniform_parameter((agents, others, 1), 0.0, generator)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, N, own_size) and (B, N, N - 1, other_size) to logits (B, N, N): caching, then migration."""
        batch, agents, others, _ = other.shape
        embedding = self.embedding(torch.relu(self.reading(whole_observations(own, other))))
        caching = self.caching(embedding).squeeze(-1).unsqueeze(1)
        others_embedding = torch.relu(self.other_embedding(other.flatten(1, 2).transpose(0, 1)))
        others_embedding = others_embedding.view(agents, others, batch, self.hidden)
        scaled = (embedding / math.sqrt(self.hidden)).unsqueeze(1)
        migration = (scaled * others_embedding).sum(-1) + self.migration_bias
        return torch.cat([caching, migration], dim=1).permute(2, 0, 1)


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
        plain = PlainActor(layout, config.plain_hidden, generator)
        plain.body.head.bias.data[..., 1:] = config.migration_logit
        return plain
    semantic = SemanticActor(layout, config.hidden, generator)
    semantic.migration_bias.data.fill_(config.migration_logit)
    return semantic
