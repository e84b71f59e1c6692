"""The training loop: determinism, resuming, and that it learns what is known to be best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fgamcd_opt import P1, solve
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FixedSource
from fgamcd_opt.learning.learners.regret import RegretReward
from fgamcd_opt.learning.training.curve import CurveRow
from fgamcd_opt.learning.training.trainer import Trainer

SHORT: dict[str, Any] = {
    "episodes": 12,
    "copies": 3,
    "evaluate_every": 3,
    "checkpoint_every": 6,
    "warmup_steps": 8,
    "batch_size": 16,
    "hidden": 8,
    "critic_hidden": 8,
    "mixer_hidden": 8,
    "plain_hidden": 8,
    "reservoir": 10,
    "washout": 0,
}


@pytest.fixture(scope="module")
def source() -> FixedSource:
    """Two nodes, warm rates."""
    scenario = Scenario(P1(generate(PRESETS["tiny"])), slots=2)
    scenario.warm()
    return FixedSource(scenario)


def trained(trainer: Trainer, until: int) -> list[CurveRow]:
    rows: list[CurveRow] = []
    trainer.run(until, rows.append, lambda: None, lambda: False)
    return rows


def figures(rows: list[CurveRow]) -> list[tuple[Any, ...]]:
    """Everything but the times."""
    return [(r.episode, r.steps, r.return_, r.delay_s, r.unserved, r.updates, r.synthetic) for r in rows]


@pytest.mark.parametrize(
    "method", ["maasn-da", "plain-actor", "independent-critics", "no-augmentation", "qmix-da"]
)
def test_half_and_half_from_a_snapshot_equals_the_whole_bit_for_bit(source: FixedSource, method: str) -> None:
    config = method_config(method, SHORT)
    whole = Trainer(source, config)
    rows = figures(trained(whole, 12))
    first = Trainer(source, config)
    begun = figures(trained(first, 6))
    tensors, meta = first.snapshot()
    second = Trainer(source, config)
    second.load(tensors, meta)
    assert begun + figures(trained(second, 12)) == rows
    for name, tensor in whole.policy_tensors().items():
        torch.testing.assert_close(second.policy_tensors()[name], tensor, rtol=0, atol=0)


def test_settings_of_the_game_are_not_ignored(source: FixedSource) -> None:
    for settings, name in (
        ({"observation": "channels"}, "observation"),
        ({"steps": "all"}, "steps"),
    ):
        with pytest.raises(UsageError, match=f"^{name}: '"):
            Trainer(source, method_config("maasn-da", {**SHORT, **settings}))
    shown = Trainer(source, method_config("maasn-da", {**SHORT, "demonstrations": 1}))
    with pytest.raises(UsageError, match="demonstrations"):
        trained(shown, 3)


def test_the_same_episode_with_regret_returns_more_by_the_bound(source: FixedSource) -> None:
    returns = []
    for reward in ("delay", "regret"):
        settings = {**SHORT, "reward": reward, "copies": 1, "evaluate_every": 1}
        returns.append(trained(Trainer(source, method_config("maasn-da", settings)), 1)[0].return_)
    bound = RegretReward().prices(source.scenario).bound_s / source.scenario.time_scale_s
    assert returns[1] - returns[0] == pytest.approx(bound, rel=1e-5)


def test_other_seeds_give_other_curves(source: FixedSource) -> None:
    curves = [
        figures(trained(Trainer(source, method_config("maasn-da", {**SHORT, "seed": s})), 6)) for s in (0, 1)
    ]
    assert curves[0] != curves[1]


def test_training_finds_the_optimum_of_a_two_node_toy() -> None:
    recipe = PRESETS["tiny"].with_overrides({"storage_gb": "0.2"})
    problem = P1(generate(recipe))
    best = solve(problem, "exact")
    scenario = Scenario(problem, slots=2)
    scenario.warm()
    values = {**SHORT, "episodes": 400, "copies": 4, "evaluate_every": 400, "gamma": 0.9}
    values |= {"actor_lr": 5e-3, "critic_lr": 5e-3, "hidden": 32, "critic_hidden": 32}
    rows = trained(Trainer(FixedSource(scenario), method_config("maasn-da", values)), 400)
    assert best.delay_s is not None
    assert rows[-1].delay_s == pytest.approx(best.delay_s, rel=1e-6)
    assert np.isfinite(rows[-1].return_)
