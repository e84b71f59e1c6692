"""Policies with the random weights with which a training begins."""

from __future__ import annotations

from typing import Any

import torch

from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.policies.policy import Policy, make_network


def untrained(n_nodes: int, slots: int, method: str = "maasn-da", seed: int = 0, **settings: Any) -> Policy:
    """A policy of a method, small, with some settings changed."""
    config = method_config(method, {"hidden": 8, "plain_hidden": 8, **settings})
    layout = config.layout(n_nodes, slots)
    network = make_network(config, layout, torch.Generator().manual_seed(seed))
    return Policy(method, config, layout, network, {"note": "not trained"})
