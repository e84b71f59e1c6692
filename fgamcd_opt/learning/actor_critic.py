"""The actor-critic learner: MAASN-DA and those of its ablations that concern actor and critics."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.networks.actors import make_actor
from fgamcd_opt.learning.networks.gumbel import greedy_bits, log_likelihood, sample_bits
from fgamcd_opt.learning.optimiser_state import pack, unpack
from fgamcd_opt.learning.replay import Batch
from fgamcd_opt.learning.team_value import TeamValue


class ActorCritic:
    """Actors trained by the gradient of mixed local critics (value decomposition) through Gumbel-Softmax actions.

    Parameters
    ----------
    config
        Switches, widths, learning rates.
    layout
        Sizes of state and observations.
    generator
        Of initial weights and exploration, on the CPU.
    """

    memory_size = 0

    def __init__(self, config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> None:
        self.config, self.layout, self.generator = config, layout, generator
        self.device = torch.device(config.device)
        self.actor = make_actor(config, layout, generator).to(self.device)
        self.value = TeamValue(config, layout, generator).to(self.device)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)
        self.actor_adam = torch.optim.Adam(self.actor.parameters(), lr=config.actor_lr, fused=True)
        self.critic_adam = torch.optim.Adam(self.value.parameters(), lr=config.critic_lr, fused=True)

    def begin(self, copies: int) -> None:
        """Start episodes; these actors remember nothing."""

    def memory(self) -> None:
        """There is no recurrent state."""

    def end_episodes(self, episodes: int) -> None:
        """Nothing here follows a schedule."""

    @torch.no_grad()
    def act(
        self, state: NDArray[np.float32], admissible: NDArray[np.bool_], explore: bool
    ) -> NDArray[np.uint8]:
        """Actions (E, N, N) of all agents, sampled or greedy.

        Parameters
        ----------
        state, admissible
            (E, S) and (E, N).
        explore
            Sample instead of taking the likelier value of every bit.
        """
        own, other = self.layout.observe(torch.from_numpy(state).to(self.device))
        logits = self.actor(own, other)
        allowed = torch.from_numpy(admissible).to(self.device)
        if explore:
            bits = sample_bits(logits, allowed, self.generator, self.config.temperature)
        else:
            bits = greedy_bits(logits, allowed)
        return np.asarray(bits.to(torch.uint8).cpu().numpy())

    def update(self, batch: Batch) -> dict[str, float]:
        """One complete update: critics and mixer, actor, targets."""
        critic_loss = self._update_critic(batch)
        actor_loss = self._update_actor(batch)
        self._move_targets()
        return {"critic_loss": critic_loss, "actor_loss": actor_loss}

    def _update_critic(self, batch: Batch) -> float:
        with torch.no_grad():
            own, other = self.layout.observe(batch.next_state)
            bits = greedy_bits(self.target_actor(own, other), batch.next_admissible)
            ahead = self.target_value(batch.next_state, own, other, bits)
            going = self.config.gamma * (1.0 - batch.done)
            target = batch.reward.view(-1, *[1] * (ahead.dim() - 1)) + going.view(
                -1, *[1] * (ahead.dim() - 1)
            ) * ahead
        own, other = self.layout.observe(batch.state)
        value = self.value(batch.state, own, other, batch.bits)
        loss = torch.nn.functional.mse_loss(value, target)
        self._descend(self.critic_adam, loss, self.value.parameters())
        return float(loss.detach())

    def _update_actor(self, batch: Batch) -> float:
        own, other = self.layout.observe(batch.state)
        logits = self.actor(own, other)
        bits = sample_bits(logits, batch.admissible, self.generator, self.config.temperature)
        gain = self.value.gain(batch.state, own, other, bits)
        loss = self.config.logit_l2 * logits.square().mean() - gain.mean()
        self._descend(self.actor_adam, loss, self.actor.parameters())
        return float(loss.detach())

    def clone(self, batch: Batch) -> float:
        """One step of behaviour cloning: raise the likelihood of the batch's actions."""
        logits = self.actor(*self.layout.observe(batch.state))
        loss = -log_likelihood(logits, batch.admissible, batch.bits).mean()
        self._descend(self.actor_adam, loss, self.actor.parameters())
        return float(loss.detach())

    def _descend(
        self, adam: torch.optim.Adam, loss: torch.Tensor, parameters: Iterable[torch.nn.Parameter]
    ) -> None:
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, self.config.grad_clip)
        adam.step()

    @torch.no_grad()
    def _move_targets(self) -> None:
        for target, source in ((self.target_actor, self.actor), (self.target_value, self.value)):
            torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), self.config.polyak_tau)
