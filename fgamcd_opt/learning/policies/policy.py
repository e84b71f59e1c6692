"""`Policy`: a trained policy as it acts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.absent_nodes import with_absent_nodes
from fgamcd_opt.learning.networks.actors import make_actor
from fgamcd_opt.learning.networks.discrete_actions import action_table, best_action
from fgamcd_opt.learning.networks.drawing import draw_chances, drawn_bits, likelier_bits
from fgamcd_opt.learning.networks.observer import Observer
from fgamcd_opt.learning.networks.recurrent_q import RecurrentQ
from fgamcd_opt.learning.policies.policy_file import load_policy, save_policy
from fgamcd_opt.learning.policies.shipped_policies import require_nodes
from fgamcd_opt.learning.policies.tensor_file import require_like


class Policy:
    """What a training leaves behind: it acts, and knows how it was made.

    It takes scenarios with at most as many nodes as its own, and exactly as many slots. Nodes that a scenario lacks are
    shown without users, room, links and neighbours; what the policy would do with them is left out.

    Parameters
    ----------
    method
        Name of the learned method.
    config
        Of the training.
    layout
        Nodes and slots that the networks are made for.
    network
        What acts, as :func:`make_network` makes it; a training may go on changing it.
    provenance
        What it was trained on, by which command, for how long, and how it scored.
    """

    __repr__ = short_repr

    def __init__(
        self,
        method: str,
        config: TrainConfig,
        layout: StateLayout,
        network: nn.Module,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.method, self.config, self.layout, self.network = method, config, layout, network
        self.provenance = dict(provenance or {})
        self._device = next(network.parameters()).device
        self._observe = Observer(layout, self._device)
        self.begin(1)

    @classmethod
    def from_file(cls, path: Path | str) -> Policy:
        """The policy of a file, on the CPU.

        Raises
        ------
        InputError
            The file is missing, damaged or no policy, or its tensors are not those of the networks it describes.
        """
        tensors, meta = load_policy(path)
        config = TrainConfig(**meta["config"])
        layout = config.layout(meta["n_nodes"], meta["slots"])
        least, held = _least_weights(config, layout), sum(tensor.numel() for tensor in tensors.values())
        if held < least:  # networks that are larger than the file are not even made
            raise InputError(f"{path}: its networks need at least {least} weights; it holds {held}")
        network = make_network(config, layout, torch.Generator().manual_seed(0))
        require_like(path, tensors, network.state_dict())
        network.load_state_dict(tensors)
        return cls(meta["method"], config, layout, network, meta["provenance"])

    def save(self, path: Path | str) -> None:
        """Write the policy as one file.

        Raises
        ------
        InputError
            A weight is not finite, or the file cannot be written.
        """
        meta = {
            "method": self.method,
            "config": self.config.to_json(),
            "n_nodes": self.layout.n_nodes,
            "slots": self.layout.slots,
            "provenance": self.provenance,
        }
        save_policy(path, self.network.state_dict(), meta)

    def with_settings(self, **values: Any) -> Policy:
        """The same networks with some fields of the configuration replaced."""
        return Policy(self.method, self.config.replaced(values), self.layout, self.network, self.provenance)

    def begin(self, copies: int) -> None:
        """So many new episodes begin, side by side; what a recurrent network remembers is forgotten."""
        self._memory = torch.zeros(copies, self.layout.n_nodes, self.config.hidden, device=self._device)

    @torch.no_grad()
    def act(
        self,
        state: NDArray[np.float32],
        admissible: NDArray[np.bool_],
        generator: torch.Generator | None = None,
    ) -> NDArray[np.uint8]:
        """Decisions of all nodes, after the masks of (1) and (2).

        Parameters
        ----------
        state
            (E, S) states of scenarios of n <= N nodes.
        admissible
            (E, n) whether the block fits into the node.
        generator
            Source of random decisions, on the CPU; without it the likelier value of every bit, or the action of
            largest value, is taken.

        Returns
        -------
        ndarray
            (E, n, n) bits.

        Raises
        ------
        UsageError
            There are more nodes than the policy is made for.
        """
        n_nodes = admissible.shape[1]
        require_nodes("the policy", self.layout.n_nodes, n_nodes)
        if n_nodes < self.layout.n_nodes:
            state, admissible = with_absent_nodes(state, admissible, self.layout)
        seen = self._observe(torch.from_numpy(state).to(self._device))
        if self.config.learner == "qmix":
            bits = self._by_value(seen, torch.from_numpy(admissible).to(self._device), generator)
        else:
            bits = self._by_logits(self.network(seen).cpu().numpy(), admissible, generator)
        return bits[:, :n_nodes, :n_nodes]

    def _by_logits(
        self, logits: NDArray[np.float32], admissible: NDArray[np.bool_], generator: torch.Generator | None
    ) -> NDArray[np.uint8]:
        """The likelier value of every bit, or drawn ones."""
        if generator is None:
            return np.asarray(likelier_bits(logits, admissible))
        chances = draw_chances(admissible, generator)
        return np.asarray(drawn_bits(logits, admissible, chances, 0.0, logits[0, 0]))

    def _by_value(self, seen: Tensor, fits: Tensor, generator: torch.Generator | None) -> NDArray[np.uint8]:
        """Bits of the best discrete actions, or of actions drawn in proportion to exp(Q); the memory moves on."""
        values, after = self.network(seen, self._memory)
        self._memory = after.contiguous()
        if generator is not None:
            uniform = torch.rand(values.shape, generator=generator).clamp_min(torch.finfo(values.dtype).tiny)
            values = values - torch.log(-torch.log(uniform)).to(
                self._device
            )  # Gumbel noise: argmax is a draw
        table = action_table(self.layout.n_nodes).to(self._device)
        return np.asarray(table[best_action(values, fits)].to(torch.uint8).cpu().numpy())


def make_network(config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> nn.Module:
    """The network that acts: an actor, or the recurrent Q-networks of ``qmix``; on the generator's device."""
    if config.learner == "qmix":
        return RecurrentQ(layout, config.hidden, _n_actions(layout), generator)
    return make_actor(config, layout, generator)


def _n_actions(layout: StateLayout) -> int:
    """Discrete actions of one agent of ``qmix``, see :func:`action_table`."""
    return 1 + (1 << layout.n_others)


def _least_weights(config: TrainConfig, layout: StateLayout) -> int:
    """Weights that the layers common to all kinds of network have, and the head of ``qmix``."""
    hidden, head = config.hidden, 0
    if config.learner == "qmix":
        head = _n_actions(layout)
    elif config.actor == "plain":
        hidden = config.plain_hidden
    return layout.n_nodes * (layout.observation_size + hidden + head) * hidden
