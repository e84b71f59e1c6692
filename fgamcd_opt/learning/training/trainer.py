"""`Trainer`: the loop that every learned method shares; play, store, learn, synthesise, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.augmentation.augmenters import make_augmenter
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.environment.sources import FixedSource, ScenarioSource
from fgamcd_opt.learning.environment.vector import RewardModel, VectorEnvironment
from fgamcd_opt.learning.learners.actor_critic import ActorCritic, part_of
from fgamcd_opt.learning.learners.replay import Batch, Replay
from fgamcd_opt.learning.learners.reward_scale import RewardScale
from fgamcd_opt.learning.training.curve import CurveRow
from fgamcd_opt.learning.training.episodes_played import EpisodesPlayed
from fgamcd_opt.learning.training.judge import Judged, judge


class Learner(Protocol):
    """What the loop asks of a learner; E copies of the game are played side by side."""

    memory_size: int

    def begin(self, copies: int) -> None:
        """Start episodes."""
        ...

    def act(
        self, state: NDArray[np.float32], admissible: NDArray[np.bool_], explore: bool
    ) -> NDArray[np.uint8]:
        """Actions (E, N, N) in states (E, S) with admissible caching (E, N)."""
        ...

    def update(self, batch: Batch) -> dict[str, float]:
        """One complete update; losses by name."""
        ...

    def clone(self, batch: Batch) -> float:
        """One step of behaviour cloning; its loss."""
        ...

    def end_episodes(self, episodes: int) -> None:
        """Called with how many episodes are over."""
        ...

    def policy_state(self) -> dict[str, torch.Tensor]:
        """What acting needs."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that later updates depend on."""
        ...

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what :meth:`state` gave."""
        ...


def make_learner(config: TrainConfig, layout: StateLayout, generator: torch.Generator) -> Learner:
    """The learner that a configuration asks for."""
    if config.learner == "qmix":
        from fgamcd_opt.learning.learners.qmix import Qmix

        return Qmix(config, layout, generator)
    return ActorCritic(config, layout, generator)


def _reward_model(config: TrainConfig) -> RewardModel | None:
    """What takes the place of -T_k / tau, if anything does."""
    if config.reward == "regret":
        from fgamcd_opt.learning.learners.regret import RegretReward

        return RegretReward()
    return None


def _require_agreement(source: ScenarioSource, config: TrainConfig) -> None:
    """Raise `UsageError` if a source was made for another configuration."""
    observation = "channels" if source.layout.channels else "requests"
    for name, of_source in (("observation", observation), ("steps", source.steps)):
        wanted = getattr(config, name)
        if wanted != of_source:
            raise UsageError(
                f"{name}: {wanted!r} in the configuration, {of_source!r} in the scenarios to train on; make them with "
                f"{name}={wanted!r}, or take the source of a fgamcd_opt.learning.training.training_task.Task"
            )


class Trainer:
    """One training; its state between two batches of episodes can be taken and put back.

    Parameters
    ----------
    source
        Where the episodes come from.
    config
        Everything else.
    bound_s
        Proved lower bound on the delay of a fixed instance in s, for the gap of the curve.
    demonstrations
        Actions to imitate before training, in states as they occur; needed if the configuration asks for some.
    judged
        Scenarios with their bounds on which the policy is judged; by default the fixed instance.
    spent_s
        Seconds that the training has taken already, on demonstrations.

    Raises
    ------
    UsageError
        The source does not walk through the blocks, or does not show what the configuration says.
    """

    __repr__ = short_repr

    def __init__(
        self,
        source: ScenarioSource,
        config: TrainConfig,
        *,
        bound_s: float | None = None,
        demonstrations: Replay | None = None,
        judged: Sequence[Judged] = (),
        spent_s: float = 0.0,
    ) -> None:
        _require_agreement(source, config)
        self.source, self.config, self.reward_model = source, config, _reward_model(config)
        self.demonstrations = demonstrations
        if not judged and isinstance(source, FixedSource):
            judged = (Judged(source.scenario, bound_s),)
        self.judged = tuple(judged)
        layout = source.layout
        network, play, drawing, augmenting = np.random.SeedSequence(config.seed).spawn(4)
        generator = torch.Generator().manual_seed(int(network.generate_state(1, np.uint64)[0] >> 1))
        self.learner = make_learner(config, layout, generator)
        self.augmenter = make_augmenter(config, layout, augmenting)
        self.replay = Replay(config.buffer_size, layout, self.learner.memory_size, config.priority)
        self.scale = RewardScale(config.standardise_rewards)
        self._play, self._drawing = np.random.default_rng(play), np.random.default_rng(drawing)
        self.episode = self.steps = self.updates = self.synthetic = 0
        self._owed, self._seconds = 0, spent_s
        self._returns: list[float] = []
        """Of the episodes since the last row."""
        self._cloned = False
        self._environment: VectorEnvironment | None = None
        self._losses: dict[str, float] = {}

    def run(
        self,
        until_episode: int,
        on_row: Callable[[CurveRow], None],
        on_checkpoint: Callable[[], None],
        must_stop: Callable[[], bool],
    ) -> None:
        """Train up to an episode, or until ``must_stop`` says so between two batches of episodes.

        Parameters
        ----------
        until_episode
            Episodes in all.
        on_row
            Called with the rows of the curve.
        on_checkpoint
            Called when a checkpoint is due.
        must_stop
            Asked between two batches.
        """
        if not self._cloned:
            self._imitate()
        row_started, row_steps = time.perf_counter(), self.steps
        while self.episode < until_episode and not must_stop():
            before, begun = self.episode, time.perf_counter()
            self._returns += self._play_batch(min(self.config.copies, until_episode - self.episode)).tolist()
            self._seconds += time.perf_counter() - begun
            last = self.episode >= until_episode
            if last or self._passes(before, self.config.evaluate_every):
                speed = (self.steps - row_steps) / (time.perf_counter() - row_started)
                row = self._row(float(np.mean(self._returns)), speed)
                self._returns = []
                on_row(row)
                row_started, row_steps = time.perf_counter(), self.steps
                if last or self._passes_rows(before):
                    on_checkpoint()

    def _passes(self, before: int, every: int) -> bool:
        return self.episode // every > before // every

    def _passes_rows(self, before: int) -> bool:
        """Whether a checkpoint is due; they are made only beside a row, so that no row straddles one."""
        every = max(self.config.checkpoint_every, self.config.evaluate_every)
        every -= every % self.config.evaluate_every
        return self._passes(before, every)

    def _imitate(self) -> None:
        """Behaviour cloning of the demonstrations, before the first episode."""
        begun = time.perf_counter()
        self._cloned = True
        if self.config.demonstrations and self.demonstrations is None:
            raise UsageError(
                "demonstrations: the configuration asks for some, but none are given to the trainer; "
                "see fgamcd_opt.learning.training.demonstrations.demonstrate"
            )
        if self.demonstrations is not None:
            device = torch.device(self.config.device)
            for _ in range(self.config.cloning_steps):
                batch = self.demonstrations.sample(self.config.batch_size, self._drawing, device)
                self._losses["cloning_loss"] = self.learner.clone(batch)
        self._seconds += time.perf_counter() - begun

    def environment(self, copies: int) -> VectorEnvironment:
        """The game in so many copies."""
        if self._environment is None or self._environment.copies != copies:
            config = self.config
            self._environment = VectorEnvironment(
                self.source,
                copies,
                repair=config.repair,
                penalty_qos=config.penalty_qos,
                penalty_undelivered=config.penalty_undelivered,
                generator=self._play,
                reward_model=self.reward_model,
            )
        return self._environment

    def _play_batch(self, copies: int) -> NDArray[np.float64]:
        """Play one episode in each copy while learning; returns (E,)."""
        environment = self.environment(copies)
        state = environment.reset()
        self.learner.begin(copies)
        if self.augmenter is not None:
            self.augmenter.begin(copies)
        played = EpisodesPlayed(self.learner)
        returns = np.zeros(copies)
        admissible, going = environment.admissible(), True
        while going:
            played.remember()
            bits = self.learner.act(state, admissible, explore=True)
            step = environment.step(bits)
            next_admissible = environment.admissible()
            self.scale.add(step.reward[step.active])
            played.add(state, admissible, bits, step, next_admissible, self.replay)
            if self.augmenter is not None:
                self.augmenter.advance(state, bits, step.reward, step.state, step.active)
            returns += step.reward * step.active
            count = int(step.active.sum())
            self.steps += count
            self._learn(count)
            state, admissible, going = step.state, next_admissible, not step.done.all()
        played.remember()
        self._synthesise(played)
        self.episode += copies
        self.learner.end_episodes(self.episode)
        return returns

    def _learn(self, steps: int) -> None:
        """The updates that so many new steps entitle to."""
        if self.steps < self.config.warmup_steps or len(self.replay) == 0:
            return
        self._owed += steps
        device = torch.device(self.config.device)
        while self._owed >= self.config.update_every:
            self._owed -= self.config.update_every
            batch = self.replay.sample(self.config.batch_size, self._drawing, device, self.scale.divisor)
            self._losses |= self.learner.update(batch)
            self.updates += 1

    def _synthesise(self, played: EpisodesPlayed) -> None:
        """Add what the augmentation makes of the episodes just played."""
        if self.augmenter is None:
            return
        made = self.augmenter.synthesise(self.episode, self.scale.divisor)
        if made is None:
            return
        self._losses |= {"model_distance": made.mean_distance, "model_reward_error": made.reward_error}
        if made.kept:
            self.replay.add(**played.with_outcome(made.step, made.copy, made.reward, made.next_state))
            self.synthetic += made.kept

    def _row(self, mean_return: float, steps_per_s: float) -> CurveRow:
        """The state of the training, with the deterministic policy judged."""
        verdict = judge(self.learner, self.judged, self.config)
        return CurveRow(
            seed=self.config.seed,
            episode=self.episode,
            steps=self.steps,
            seconds=self._seconds,
            return_=mean_return,
            delay_s=verdict.delay_s,
            gap=verdict.gap,
            unserved=verdict.unserved,
            updates=self.updates,
            synthetic=self.synthetic,
            steps_per_s=steps_per_s,
            diagnostics=dict(self._losses),
        )

    def policy_tensors(self) -> dict[str, torch.Tensor]:
        """What acting needs."""
        return self.learner.policy_state()

    def snapshot(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Everything that decides how the training goes on, between two batches of episodes."""
        parts = {"learner": self.learner.state(), "replay": self.replay.state()}
        if self.augmenter is not None:
            parts["augmenter"] = self.augmenter.state()
        tensors = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}
        counters = ("episode", "steps", "updates", "synthetic", "_owed", "_seconds", "_cloned")
        meta = {name.lstrip("_"): getattr(self, name) for name in counters}
        random = {"play": self._play, "drawing": self._drawing}
        meta |= {name: generator.bit_generator.state for name, generator in random.items()}
        meta["returns"] = list(self._returns)
        return tensors, {**meta, "reward_scale": self.scale.state()}

    def load(self, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
        """Take over what :meth:`snapshot` gave."""
        self.learner.load_state(part_of(tensors, "learner"))
        self.replay.load_state(part_of(tensors, "replay"))
        if self.augmenter is not None:
            self.augmenter.load_state(part_of(tensors, "augmenter"))
        self.episode, self.steps, self.updates = meta["episode"], meta["steps"], meta["updates"]
        self.synthetic, self._owed, self._seconds = meta["synthetic"], meta["owed"], meta["seconds"]
        self._cloned, self._returns = meta["cloned"], list(meta["returns"])
        self.learner.end_episodes(self.episode)
        self._play.bit_generator.state = meta["play"]
        self._drawing.bit_generator.state = meta["drawing"]
        self.scale.load_state(meta["reward_scale"])
