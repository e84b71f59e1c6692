"""The actor-critic learner: MAASN-DA, and its ablations of actor and critics."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.learners.optimiser_state import pack, unpack
from fgamcd_opt.learning.learners.replay import Batch
from fgamcd_opt.learning.learners.schedules import anneal, epsilon
from fgamcd_opt.learning.learners.team_value import TeamValue
from fgamcd_opt.learning.networks.actors import fresh_logits, make_actor
from fgamcd_opt.learning.networks.drawing import draw_chances, drawn_bits, likelier_bits
from fgamcd_opt.learning.networks.flat import flatten_parameters
from fgamcd_opt.learning.networks.gumbel import (
    greedy_bits,
    hard_bits,
    log_likelihood,
    relaxed_bits,
    relaxed_rise,
    straight_through,
)
from fgamcd_opt.learning.networks.observer import Observer

_NETWORKS = ("actor", "value", "target_actor", "target_value")


class ActorCritic:
    """Actors that ascend the team's value through Gumbel-Softmax actions, and critics fitted to TD targets.

    The target of a transition is r + gamma (1 - done) Q'(s', mu'(s')), with the slowly following target networks Q'
    and mu' and greedy actions of mu'.

    Parameters
    ----------
    config
        Switches, widths, learning rates, device.
    layout
        Sizes of state and observations.
    generator
        Of the initial weights and of the exploration; on the CPU.
    """

    memory_size = 0
    """Length of an agent's recurrent state: these actors have none."""

    __repr__ = short_repr

    def __init__(self, config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> None:
        self.config, self.generator = config, generator
        self.device = torch.device(config.device)
        self.observe = Observer(layout, self.device)
        self.actor = make_actor(config, layout, generator).to(self.device)
        self.value = TeamValue(config, layout, generator).to(self.device)
        self.target_actor, self.target_value = copy.deepcopy(self.actor), copy.deepcopy(self.value)
        self._actor, self._value = flatten_parameters(self.actor), flatten_parameters(self.value)
        self._targets = [flatten_parameters(m).data for m in (self.target_actor, self.target_value)]
        self.actor_adam = torch.optim.Adam([self._actor], lr=config.actor_lr, fused=True)
        self.critic_adam = torch.optim.Adam([self._value], lr=config.critic_lr, fused=True)
        self._fresh = fresh_logits(config, layout)
        self.updates = 0
        self.epsilon = config.epsilon_start

    def begin(self, copies: int) -> None:
        """Start episodes; nothing to do without a recurrent state."""

    def end_episodes(self, episodes: int) -> None:
        """Called with how many episodes are over; exploration and learning rates follow them."""
        self.epsilon = epsilon(self.config, episodes)
        anneal(self.actor_adam, self.config.actor_lr, self.config, episodes)
        anneal(self.critic_adam, self.config.critic_lr, self.config, episodes)

    @torch.inference_mode()
    def act(
        self, state: NDArray[np.float32], admissible: NDArray[np.bool_], explore: bool
    ) -> NDArray[np.uint8]:
        """Actions (E, N, N) of all agents.

        Parameters
        ----------
        state, admissible
            (E, S) and (E, N).
        explore
            Sample the bits instead of taking the likelier value of each; with probability epsilon an agent draws them
            as a fresh policy would, whatever it has learned.
        """
        logits = self.actor(self.observe(torch.from_numpy(state).to(self.device))).cpu().numpy()
        if not explore:
            return np.asarray(likelier_bits(logits, admissible))
        chances = draw_chances(admissible, self.generator)
        return np.asarray(drawn_bits(logits, admissible, chances, self.epsilon, self._fresh))

    def update(self, batch: Batch) -> dict[str, float]:
        """One complete update: critics and mixer, actors, targets.

        Returns
        -------
        dict
            Losses by name.
        """
        seen = self.observe(batch.state)
        losses = {"critic_loss": self.update_critic(batch, seen)}
        self.updates += 1
        if self.updates > self.config.actor_delay:
            losses["actor_loss"] = self.update_actor(batch, seen)
        for target, source in zip(self._targets, (self._actor.data, self._value.data), strict=True):
            target.lerp_(source, self.config.polyak_tau)
        return losses

    def update_critic(self, batch: Batch, seen: Tensor) -> float:
        """One step towards the TD targets; the loss before it. ``seen``: the observations of the batch's states."""
        loss = self._critic_gradient(batch, seen)
        self._descend(self.critic_adam, self._value)
        return loss

    @torch.inference_mode()
    def _critic_gradient(self, batch: Batch, seen: Tensor) -> float:
        """The loss of the critics, whose gradient is written."""
        value, trace = self.value.trace(batch.state, seen, batch.bits)
        each = (-1, *[1] * (value.dim() - 1))
        target = batch.reward.view(each)
        if self.config.gamma > 0.0:
            target = target + (self.config.gamma * (1.0 - batch.done)).view(each) * self._ahead(batch)
        error = value - target
        weighted = error * self.value.weights(batch.state).view(each)
        self.value.backward(trace, weighted * (2.0 / error.numel()))
        return float((weighted * error).mean())

    def _ahead(self, batch: Batch) -> Tensor:
        """Q'(s', mu'(s')), of the shape of the value."""
        seen = self.observe(batch.next_state)
        bits = greedy_bits(self.target_actor(seen), batch.next_admissible)
        return torch.as_tensor(self.target_value(batch.next_state, seen, bits))

    def update_actor(self, batch: Batch, seen: Tensor) -> float:
        """One step up the team's value; the loss before it. ``seen``: the observations of the batch's states."""
        loss = self._actor_gradient(batch, seen)
        self._descend(self.actor_adam, self._actor)
        return loss

    @torch.inference_mode()
    def _actor_gradient(self, batch: Batch, seen: Tensor) -> float:
        """The loss of the actors, whose gradient is written."""
        logits, trace = self.actor.trace(seen)
        relaxed = relaxed_bits(logits, self.generator, self.config.temperature)
        if self.config.caching_gradient == "expected" and self.value.form != "joint":
            gain, rise = self._expected_gain(seen, logits, relaxed, batch.admissible)
        else:
            gain, slope = self.value.gain(batch.state, seen, hard_bits(relaxed, batch.admissible))
            rise = straight_through(relaxed, batch.admissible, slope, self.config.temperature)
        decay = self.config.logit_l2
        self.actor.backward(trace, logits * (2.0 * decay / logits.numel()) - rise / gain.numel())
        return float(decay * logits.square().mean() - gain.mean())

    def _expected_gain(
        self, seen: Tensor, logits: Tensor, relaxed: Tensor, admissible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gain (B,), expected over the caching bits, and its gradient in the logits (B, N, N)."""
        caching = torch.sigmoid(logits[..., 0])
        likely, migration = caching * admissible, relaxed[..., 1:]
        drawn = (migration > 0.5).to(migration.dtype)
        gain, of_caching, of_migration = self.value.expected_gain(seen, likely, drawn)
        of_caching = of_caching * likely * (1.0 - caching)
        of_migration = of_migration * relaxed_rise(migration, self.config.temperature)
        return gain, torch.cat([of_caching.unsqueeze(-1), of_migration], dim=-1)

    def clone(self, batch: Batch) -> float:
        """One step of behaviour cloning, towards a larger likelihood of the batch's actions; the loss before it."""
        logits = self.actor(self.observe(batch.state))
        loss = -log_likelihood(logits, batch.admissible, batch.bits).mean()
        loss = loss + self.config.logit_l2 * logits.square().mean()
        self.actor_adam.zero_grad(set_to_none=False)  # the parameters' gradients are views of this one
        loss.backward()
        self._descend(self.actor_adam, self._actor)
        return float(loss.detach())

    def _descend(self, adam: torch.optim.Adam, flat: torch.nn.Parameter) -> None:
        """One step along the gradient that is written."""
        torch.nn.utils.clip_grad_norm_(flat, self.config.grad_clip)
        adam.step()

    def policy_state(self) -> dict[str, Tensor]:
        """What acting needs."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.actor.state_dict().items()}

    def state(self) -> dict[str, Tensor]:
        """Everything that later updates depend on; copies."""
        tensors = {
            "generator": self.generator.get_state(),
            "updates": torch.tensor(self.updates),
            "epsilon": torch.tensor(self.epsilon, dtype=torch.float64),
        }
        for name in _NETWORKS:
            own = getattr(self, name).state_dict()
            tensors |= {f"{name}.{key}": tensor.detach().cpu().clone() for key, tensor in own.items()}
        for name in ("actor_adam", "critic_adam"):
            tensors |= {f"{name}.{key}": tensor.cpu() for key, tensor in pack(getattr(self, name)).items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state` gave."""
        self.generator.set_state(tensors["generator"])
        self.updates, self.epsilon = int(tensors["updates"]), float(tensors["epsilon"])
        for name in _NETWORKS:
            getattr(self, name).load_state_dict(part_of(tensors, name))
        for name in ("actor_adam", "critic_adam"):
            unpack(getattr(self, name), part_of(tensors, name))


def part_of(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors ``name.KEY`` by KEY."""
    prefix = f"{name}."
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}
