"""Families: what changes from episode to episode, what stays, and that a seed decides all of it."""

from __future__ import annotations

import numpy as np
import pytest
from games import play

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import InputError, UnsupportedVariantError
from fgamcd_opt.learning.environment import sources
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.sources import FamilySource
from fgamcd_opt.learning.environment.vector import VectorEnvironment
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant


def family_game(seed: int, copies: int = 2) -> VectorEnvironment:
    return VectorEnvironment(FamilySource(PRESETS["tiny"]), copies, generator=np.random.default_rng(seed))


def test_every_episode_has_an_instance_of_its_own() -> None:
    game = family_game(0)
    first = game.scenarios
    game.reset()
    instances = [scenario.problem.data for scenario in (*first, *game.scenarios)]
    assert len({instance.digest for instance in instances}) == 4
    for field in ("user_xy_m", "channel", "backhaul_bps", "requests"):
        assert len({getattr(instance, field).tobytes() for instance in instances}) > 1, field
    assert all(np.array_equal(instance.storage_bytes, instances[0].storage_bytes) for instance in instances)
    again = generate(PRESETS["tiny"].from_json(instances[0].recipe or {}))
    assert again.digest == instances[0].digest


def test_a_seed_decides_whole_episodes() -> None:
    runs = [play(family_game(seed), 5) for seed in (7, 7, 8)]
    for field in ("state", "reward", "done", "active", "bits", "delay_s"):
        same = [np.stack([getattr(step, field) for step in run]) for run in runs[:2]]
        np.testing.assert_array_equal(*same)
    assert not np.array_equal(runs[0][0].state, runs[2][0].state)


def test_shorter_episodes_wait_for_longer_ones() -> None:
    source = FamilySource(PRESETS["small"].with_overrides({"users": "2", "storage_gb": "0.2"}))
    game = VectorEnvironment(source, 3, generator=np.random.default_rng(1))
    steps = play(game, 0, 1.0)
    lengths = [scenario.n_steps for scenario in game.scenarios]
    assert len(set(lengths)) > 1
    for copy, length in enumerate(lengths):
        assert [bool(step.active[copy]) for step in steps] == [i < length for i in range(len(steps))]
        assert [bool(step.done[copy]) for step in steps] == [i >= length - 1 for i in range(len(steps))]
        for step in steps[length:]:
            assert not step.bits[copy].any()
            assert step.reward[copy] == 0.0
            assert step.delay_s[copy] == 0.0
            np.testing.assert_array_equal(step.state[copy], steps[length - 1].state[copy])
    assert not game.admissible().any()


def test_slots_do_not_depend_on_the_seed_of_the_recipe() -> None:
    recipe = PRESETS["small"]
    other = recipe.with_overrides({"seed": "99"})
    assert FamilySource(recipe).layout == FamilySource(other).layout
    assert FamilySource(recipe, slots=3).layout.slots == 3


def test_a_family_without_feasible_instances_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_TRIES", 3)
    source = FamilySource(PRESETS["tiny"].with_overrides({"storage_gb": "0.001"}))
    with pytest.raises(InputError, match=r"3 instances of this recipe are all infeasible.*storage_gb"):
        source.draw(np.random.default_rng(0))


def test_variants_and_unknown_walks_are_refused() -> None:
    instance = generate(PRESETS["tiny"])
    with pytest.raises(UnsupportedVariantError, match="the game is P1 itself"):
        Scenario(P1(instance, Variant(cooperation=False)), slots=2)
    with pytest.raises(InputError, match=r"steps: 'some' is unknown; expected one of requested, all"):
        Scenario(P1(instance), slots=2, steps="some")
    with pytest.raises(InputError, match="slots: 0 users per node"):
        Scenario(P1(instance), slots=0)
