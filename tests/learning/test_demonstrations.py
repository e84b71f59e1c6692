"""Demonstrations are the exact solver's solutions, and imitating them leads to their delay."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from games import preset_scenario
from untrained_policies import untrained

from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.environment.rules import caching_mask, participants
from fgamcd_opt.learning.environment.sources import FamilySource, FixedSource
from fgamcd_opt.learning.networks.gumbel import log_likelihood
from fgamcd_opt.learning.networks.observer import Observer
from fgamcd_opt.learning.policies.play import play
from fgamcd_opt.learning.training.demonstrations import demonstrate, walk
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.solving.front_door import solve

FIELDS = {"users": "5", "models_per_family": "2", "storage_gb": "0.04"}


@pytest.mark.parametrize("steps", ["requested", "all"])
def test_a_demonstration_is_the_optimal_solution(steps):
    scenario = preset_scenario("small", steps, **FIELDS)
    found = demonstrate(FixedSource(scenario), 1, np.random.default_rng(0))
    exact = solve(scenario.problem, "exact", gap=1e-3)
    assert found.gaps == (exact.gap,)
    assert found.gaps[0] <= 1e-3
    data, bits = scenario.problem.data, found.rows["bits"]
    caching = exact.solution.decision.caching[:, scenario.step_block].T
    np.testing.assert_array_equal(bits[:, :, 0] == 1, caching)
    joined = exact.solution.decision.participation[:, scenario.step_block].T @ (1 << np.arange(4))
    np.testing.assert_array_equal(participants(bits), joined)
    scenario.warm()
    delays = scenario.delay_s(np.arange(scenario.n_steps), bits)
    delay = delays.sum()
    assert exact.lower_bound_s * (1 - 1e-9) <= delay <= exact.delay_s * (1 + 1e-3)
    room = data.storage_bytes - np.cumsum(caching * scenario.step_bytes[:, None], axis=0)
    before = np.vstack([data.storage_bytes, room[:-1]])
    np.testing.assert_array_equal(found.rows["admissible"], before >= scenario.step_bytes[:, None])
    shown = found.rows["state"][:, scenario.layout.room]
    wanted = scenario.step_bytes * scenario.requested
    to_come = np.maximum([wanted[step:].sum() for step in range(scenario.n_steps)], 1)
    np.testing.assert_allclose(shown, np.minimum(before / to_come[:, None], 1.0), rtol=1e-6)
    np.testing.assert_allclose(found.rows["reward"], -delays / scenario.time_scale_s, rtol=1e-3)
    for name in ("state", "admissible"):
        np.testing.assert_array_equal(found.rows[f"next_{name}"][:-1], found.rows[name][1:])
    assert found.rows["done"].tolist() == [0.0] * (scenario.n_steps - 1) + [1.0]


def test_a_family_gives_one_episode_per_instance():
    source = FamilySource(PRESETS["small"].with_overrides(FIELDS))
    found, again = (demonstrate(source, 3, np.random.default_rng(5)) for _ in range(2))
    assert len(found.gaps) + found.left_out == 3
    assert found.rows["state"].shape == (found.rows["done"].size, source.layout.size)
    starts = (found.rows["state"][:, 1] == 1.0).sum()  # all requested bytes are still to come
    assert starts == found.rows["done"].sum() == len(found.gaps)
    for name, values in found.rows.items():
        np.testing.assert_array_equal(values, again.rows[name])


def test_imitation_leads_to_the_demonstrated_solution():
    scenario = preset_scenario("tiny")
    rows = demonstrate(FixedSource(scenario), 1, np.random.default_rng(0)).rows
    policy = untrained(2, scenario.layout.slots)
    seen = Observer(policy.layout, torch.device("cpu"))(torch.from_numpy(rows["state"]))
    fits, bits = torch.from_numpy(rows["admissible"]), torch.from_numpy(rows["bits"]).float()
    adam = torch.optim.Adam(policy.network.parameters(), lr=0.02)
    for _ in range(200):
        adam.zero_grad()
        (-log_likelihood(policy.network(seen), fits, bits).mean()).backward()
        adam.step()
    np.testing.assert_array_equal(play(policy, scenario).bits[0], rows["bits"])


def test_demonstrating_tells_how_far_it_is_and_can_be_stopped():
    source = FamilySource(PRESETS["small"].with_overrides(FIELDS))
    told, stop = [], threading.Event()
    demonstrate(source, 3, np.random.default_rng(5), on_solved=told.append)
    assert told == [1, 2, 3]

    def second_is_the_last(solved):
        if solved == 2:
            stop.set()
        told.append(solved)

    with pytest.raises(KeyboardInterrupt):
        demonstrate(source, 9, np.random.default_rng(5), stop=stop, on_solved=second_is_the_last)
    assert told == [1, 2, 3, 1, 2]


def test_what_cannot_be_demonstrated_is_refused():
    scenario = preset_scenario("tiny")
    with pytest.raises(InputError, match="0 episodes"):
        demonstrate(FixedSource(scenario), 0, np.random.default_rng(0))
    poor = preset_scenario("tiny", storage_gb="0.001")
    with pytest.raises(InputError, match="exact found no solution of 2 instances"):
        demonstrate(FixedSource(poor), 2, np.random.default_rng(0))
    full = solve(scenario.problem, "exact").solution.decision
    everywhere = np.ones_like(full.caching)
    with pytest.raises(InputError, match="the game does not allow the decision on block"):
        walk(scenario, Decision(everywhere, full.migration, full.beams))
    assert caching_mask(walk(scenario, full)["bits"]).all()
