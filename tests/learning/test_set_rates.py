"""Rates that are computed as they are met: what they are compared with complete tables, and whatever came before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from games import preset_instance, preset_scenario

from fgamcd_opt.beamforming.rate_oracle import RateOracle
from fgamcd_opt.formulations.knapsack.configuration_delays import configuration_delays
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.environment.rules import cheapest_migration
from fgamcd_opt.learning.environment.scenario import Scenario
from fgamcd_opt.learning.environment.set_rates import SetRates
from fgamcd_opt.problem.p1 import P1


def asked(rates: SetRates, order: np.ndarray) -> np.ndarray:
    """The whole table, asked for one by one."""
    for row, mask in order:
        rates.rate_bps(np.array([row]), np.array([mask]))
    return rates.table_bps


def test_rates_do_not_depend_on_the_order_of_asking() -> None:
    rates = [preset_scenario("small", users="4").rates for _ in range(2)]
    order = np.argwhere(np.isnan(rates[0].table_bps))
    first = asked(rates[0], order)
    second = asked(rates[1], np.random.default_rng(0).permutation(order))
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


def test_they_agree_with_the_complete_table_and_its_bounds() -> None:
    lazy, problem = preset_scenario("small", users="4").rates, P1(preset_instance("small", users="4"))
    met = asked(lazy, np.argwhere(np.isnan(lazy.table_bps)))
    oracle = RateOracle(problem)
    oracle.compute()
    complete = SetRates(oracle).table_bps
    np.testing.assert_array_equal(met > 0.0, complete > 0.0)
    np.testing.assert_allclose(met, complete, rtol=1e-4)
    assert (met <= oracle.upper_bps() * (1 + 1e-12)).all()
    np.testing.assert_array_equal(lazy.oracle.lower_bps(), met)  # the beams are there


def test_a_complete_oracle_is_used_as_it_is_and_rates_are_kept_in_a_folder(tmp_path: Path) -> None:
    warm = preset_scenario("tiny")
    warm.warm(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    again = preset_scenario("tiny")
    again.warm(tmp_path)
    np.testing.assert_array_equal(again.rates.table_bps, warm.oracle.lower_bps())
    assert all(table.solved.all() for table in again.oracle.tables)
    shared = Scenario(warm.problem, slots=1, oracle=warm.oracle)
    np.testing.assert_array_equal(shared.rates.table_bps, warm.oracle.lower_bps())


def test_rates_of_another_problem_are_refused() -> None:
    scenario = preset_scenario("tiny")
    with pytest.raises(UsageError, match="belong to another problem"):
        Scenario(P1(preset_instance("tiny")), slots=1, oracle=scenario.oracle)


@pytest.mark.parametrize(("radius", "warm"), [("0", True), ("600", True), ("600", False)])
def test_best_participants_attain_the_delays_of_f5(radius: str, warm: bool) -> None:
    complete, cold = (preset_scenario("small", users="4", cooperation_radius_m=radius) for _ in range(2))
    complete.warm()
    scenario, tolerance = (complete, 1e-12) if warm else (cold, 1e-4)
    delay_s, _ = configuration_delays(complete.problem, complete.rates.table_bps)
    rng = np.random.default_rng(0)
    seen = set()
    for step in rng.permutation(scenario.n_steps)[:20].tolist():
        for mask in range(1 << scenario.layout.n_nodes):
            best = scenario.best_participants(step, mask)
            seen.add(best == 0)
            if best == 0:
                assert np.isinf(delay_s[step, mask])
                continue
            migration = cheapest_migration(mask, best, scenario.link_s[step])
            caching = (mask >> np.arange(scenario.layout.n_nodes)) & 1
            bits = np.concatenate([caching[:, None], migration], axis=1).astype(np.uint8)
            assert not (bits[:, 1:] > bits[:, :1]).any()
            found = scenario.delay_s(np.array([step]), bits[None])[0]
            assert found == pytest.approx(delay_s[step, mask], rel=tolerance)
    assert seen == {True, False}
