"""What the contract of `maasn-da` is held to: it must hold whatever the weights, so here they are random ones."""

from __future__ import annotations

import pytest
import torch

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.policies import shipped_policies
from fgamcd_opt.learning.policies.policy import Policy, make_network


@pytest.fixture(scope="session", autouse=True)
def untrained_policy_in_place_of_shipped_ones(tmp_path_factory):
    """The package's folder of policies holds one that is not trained, for up to 8 nodes."""
    folder, config, layout = tmp_path_factory.mktemp("policies"), TrainConfig(), StateLayout(8, 8)
    network = make_network(config, layout, torch.Generator().manual_seed(0))
    Policy("maasn-da", config, layout, network).save(folder / "untrained.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped_policies, "SHIPPED", folder)
        yield
