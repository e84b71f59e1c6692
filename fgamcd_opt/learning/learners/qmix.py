"""The QMIX learner: recurrent Q-networks over discrete actions and a monotone mixer (Rashid et al. 2018)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.optimiser_state import pack, unpack
from fgamcd_opt.learning.learners.replay import Batch
from fgamcd_opt.learning.learners.schedules import anneal, epsilon
from fgamcd_opt.learning.networks.actors import fresh_logits
from fgamcd_opt.learning.networks.discrete_actions import action_index, action_table, best_action
from fgamcd_opt.learning.networks.drawing import draw_chances, drawn_bits
from fgamcd_opt.learning.networks.flat import flatten_parameters
from fgamcd_opt.learning.networks.mixers import make_mixer
from fgamcd_opt.learning.networks.observer import Observer
from fgamcd_opt.learning.networks.recurrent_q import RecurrentQ


class Qmix:
    """Q-learning of the team's value, the mixture of every agent's value of its own action.

    Single transitions are replayed, each with the memory that the agents had (stored recurrent state), so that one
    buffer and one augmentation serve all methods; gradients do not reach back into earlier steps. The next action is
    chosen by the trained networks and valued by the targets (double Q-learning).

    Parameters
    ----------
    config
        Widths, learning rate, mixer, exploration.
    layout
        Sizes of state and observations.
    generator
        Of initial weights and exploration, on the CPU.

    Raises
    ------
    UsageError
        There are too many nodes to list the actions.
    """

    __repr__ = short_repr

    def __init__(self, config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> None:
        self.config, self.layout, self.generator = config, layout, generator
        self.device = torch.device(config.device)
        self.memory_size = config.hidden
        self._table = action_table(layout.n_nodes).to(self.device)
        self._observe = Observer(layout, self.device)
        self.agents = RecurrentQ(layout, config.hidden, len(self._table), generator).to(self.device)
        self.mixer = make_mixer(config.mixer, layout.n_nodes, layout.size, config.mixer_hidden, generator).to(
            self.device
        )
        self.target_agents = copy.deepcopy(self.agents).requires_grad_(False)
        self.target_mixer = copy.deepcopy(self.mixer).requires_grad_(False)
        self._online = flatten_parameters(self.agents, self.mixer)
        self._target = flatten_parameters(self.target_agents, self.target_mixer).requires_grad_(False)
        self._adam = torch.optim.Adam([self._online], lr=config.critic_lr, fused=True)
        self.epsilon = config.epsilon_start
        self.begin(config.copies)

    def begin(self, copies: int) -> None:
        """Start episodes: the agents remember nothing."""
        self._memory = torch.zeros(copies, self.layout.n_nodes, self.memory_size, device=self.device)

    def memory(self) -> NDArray[np.float32]:
        """(E, N, H) what the agents remember before they act."""
        return np.array(self._memory.cpu().numpy())

    def end_episodes(self, episodes: int) -> None:
        """Called with how many episodes are over; exploration and learning rate follow them."""
        self.epsilon = epsilon(self.config, episodes)
        anneal(self._adam, self.config.critic_lr, self.config, episodes)

    @torch.no_grad()
    def act(
        self, state: NDArray[np.float32], admissible: NDArray[np.bool_], explore: bool
    ) -> NDArray[np.uint8]:
        """Actions (E, N, N) of all agents; the memory moves on.

        An exploring agent draws its bits as a fresh actor would. (Uniform actions would nearly always cache, 2^(N-1)
        times in 1 + 2^(N-1), and have the storage full after a few blocks.)

        Parameters
        ----------
        state, admissible
            (E, S) and (E, N).
        explore
            Epsilon-greedy instead of greedy.
        """
        fits = torch.from_numpy(admissible).to(self.device)
        seen = self._observe(torch.from_numpy(state).to(self.device))
        q, after = self.agents(seen, self._memory)
        self._memory = after.contiguous()
        bits = self._table[best_action(q, fits)].to(torch.uint8).cpu().numpy()
        return self._sometimes_random(bits, admissible) if explore else np.asarray(bits)

    def _sometimes_random(self, bits: NDArray[np.uint8], admissible: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The bits (E, N, N), those of an agent replaced with probability epsilon."""
        logits = np.tile(fresh_logits(self.config, self.layout), (*admissible.shape, 1))
        chances = draw_chances(admissible, self.generator)
        drawn = drawn_bits(logits, admissible, chances, 0.0, logits[0, 0])
        return np.where(chances[..., :1] < self.epsilon, drawn, bits)

    def update(self, batch: Batch) -> dict[str, float]:
        """One complete update: Q-networks and mixer, then the targets.

        Parameters
        ----------
        batch
            Transitions with memories.
        """
        target = self._target_values(batch)
        q, _ = self.agents(self._observe(batch.state), batch.memory)
        chosen = q.gather(-1, action_index(batch.bits).unsqueeze(-1)).squeeze(-1)
        loss = torch.nn.functional.mse_loss(self.mixer(chosen, batch.state), target)
        self._descend(loss)
        self._target.lerp_(self._online.detach(), self.config.polyak_tau)
        return {"critic_loss": float(loss.detach())}

    def clone(self, batch: Batch) -> float:
        """One step of behaviour cloning: raise the likelihood of the batch's actions under a softmax of the values.

        Parameters
        ----------
        batch
            Demonstrated actions; agents without a stored memory remember nothing.

        Returns
        -------
        float
            Cross entropy; agents that have no choice count as zero.
        """
        memory = batch.memory
        if memory is None:
            memory = torch.zeros(*batch.admissible.shape, self.memory_size, device=self.device)
        q, _ = self.agents(self._observe(batch.state), memory)
        log_p = torch.log_softmax(q, -1).gather(-1, action_index(batch.bits).unsqueeze(-1)).squeeze(-1)
        loss = -(log_p * batch.admissible).mean()
        self._descend(loss)
        return float(loss.detach())

    def _descend(self, loss: Tensor) -> None:
        """One step of Adam along the clipped gradient."""
        self._adam.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._online, self.config.grad_clip)
        self._adam.step()

    @torch.no_grad()
    def _target_values(self, batch: Batch) -> Tensor:
        """(B,) reward + gamma Q_target(s', best action by the trained networks), the reward alone at the end."""
        seen = self._observe(batch.next_state)
        best = best_action(self.agents(seen, batch.next_memory)[0], batch.next_admissible)
        ahead, _ = self.target_agents(seen, batch.next_memory)
        ahead = ahead.gather(-1, best.unsqueeze(-1)).squeeze(-1)
        total = self.target_mixer(ahead, batch.next_state)
        value: Tensor = batch.reward + self.config.gamma * (1.0 - batch.done) * total
        return value

    def policy_state(self) -> dict[str, Tensor]:
        """What acting needs: the weights of the agents' networks."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.agents.state_dict().items()}

    def _values(self) -> dict[str, Tensor]:
        """Tensors that are restored in place."""
        return {"online": self._online.detach(), "target": self._target, "memory": self._memory}

    def state(self) -> dict[str, Tensor]:
        """Everything that is needed to go on after a restart; copies."""
        adam = {f"adam.{name}": tensor for name, tensor in pack(self._adam).items()}
        values = {name: tensor.clone() for name, tensor in self._values().items()}
        return {**values, **adam, **self._counters()}

    def _counters(self) -> dict[str, Tensor]:
        """State of the exploration."""
        epsilon_now = torch.tensor(self.epsilon, dtype=torch.float64)
        return {"generator": self.generator.get_state(), "epsilon": epsilon_now}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state` gave.

        Raises
        ------
        InputError
            A tensor is missing or not of this learner's shape.
        """
        if "memory" in tensors and tensors["memory"].dim() == 3:
            self.begin(tensors["memory"].shape[0])
        expected = {**self._values(), **self._counters()}
        for name, tensor in expected.items():
            if name not in tensors or tensors[name].shape != tensor.shape:
                raise InputError(
                    f"state of qmix: {name} is missing or not of shape {tuple(tensor.shape)}; "
                    "expected what this configuration saved"
                )
        unpack(self._adam, {name[5:]: tensor for name, tensor in tensors.items() if name.startswith("adam.")})
        for name, tensor in self._values().items():
            tensor.copy_(tensors[name])
        self.generator.set_state(tensors["generator"])
        self.epsilon = float(tensors["epsilon"])
