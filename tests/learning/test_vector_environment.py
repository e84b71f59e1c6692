"""The game against the independent evaluation of P1, and its masks, repairs and rewards under random play."""

from __future__ import annotations

import numpy as np
import pytest
from games import fixed_game, play, preset_scenario

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.vector import Step
from fgamcd_opt.problem.decision import Decision


def decision_of(scenario: Scenario, steps: list[Step], copy: int) -> Decision:
    """The decision that one copy's executed bits stand for, written from the interface by loops."""
    data = scenario.problem.data
    nodes = data.n_nodes
    caching = np.zeros((nodes, data.n_blocks), bool)
    migration = np.zeros((nodes, nodes, data.n_blocks), bool)
    beams = np.zeros((data.requested_blocks.size, nodes, data.channel.shape[2]), complex)
    for step, block in zip(steps, scenario.step_block.tolist(), strict=True):
        for n in range(nodes):
            caching[n, block] = step.bits[copy, n, 0]
            others = [m for m in range(nodes) if m != n]
            for j, m in enumerate(others):
                migration[n, m, block] = step.bits[copy, n, 1 + j]
        if block in data.requested_blocks:
            holds = caching[:, block] | migration[:, :, block].any(axis=0)
            row = int(np.flatnonzero(data.requested_blocks == block)[0])
            beams[row] = scenario.oracle.beam(row, sum(1 << n for n in range(nodes) if holds[n]))
    return Decision(caching, migration, beams)


@pytest.mark.parametrize("steps", ["requested", "all"])
@pytest.mark.parametrize("repair", ["none", "caching", "delivery"])
@pytest.mark.parametrize("density", [0.1, 0.8])
def test_delays_are_those_of_the_evaluated_decision(steps: str, repair: str, density: float) -> None:
    scenario = preset_scenario("small", steps, cooperation_radius_m="600")
    game = fixed_game(scenario, repair=repair)
    taken = play(game, 1, density)
    delay_s = np.stack([step.delay_s for step in taken])
    order = np.searchsorted(scenario.step_block, scenario.problem.data.requested_blocks)
    for copy in range(game.copies):
        judged = scenario.problem.evaluate(decision_of(scenario, taken, copy))
        met = np.isfinite(delay_s[order, copy])
        np.testing.assert_allclose(judged.block_delay_s[met], delay_s[order, copy][met], rtol=1e-9)
        assert (judged.violations["qos"] < 1e-6) == met.all()
        assert {name for name, value in judged.violations.items() if value > 1e-6} <= {"qos", "coverage"}
        if met.all():
            assert judged.feasible
            assert judged.delay_s == pytest.approx(delay_s[:, copy].sum(), rel=1e-9)


def test_dense_play_with_room_serves_every_block() -> None:
    """The comparison above has its feasible side too: all nodes take everything, all blocks are delivered."""
    scenario = preset_scenario("small", storage_gb="1.0")
    taken = play(fixed_game(scenario, copies=1), 0, 1.0)
    judged = scenario.problem.evaluate(decision_of(scenario, taken, 0))
    assert judged.feasible
    assert judged.delay_s == pytest.approx(sum(step.delay_s[0] for step in taken), rel=1e-9)


def test_another_shape_is_refused() -> None:
    game = fixed_game(preset_scenario("tiny"), copies=2)
    with pytest.raises(InputError, match=r"bits: shape is \(1, 2, 2\); expected \(2, 2, 2\)"):
        game.step(np.zeros((1, 2, 2)))
