"""The policies that are part of the package: they say how they were made, and solve what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.learning.policies import shipped_policies
from fgamcd_opt.learning.policies.policy import Policy
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.policies.shipped_policies import shipped_policy
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.solving.front_door import solve

FOLDER = Path(shipped_policies.__file__).parent


@pytest.fixture(autouse=True)
def those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests put in their place."""
    monkeypatch.setattr(shipped_policies, "SHIPPED", FOLDER)


@pytest.mark.parametrize("name", ["small", "paper"])
def test_the_policy_of_a_preset_is_small_fits_it_and_says_how_it_was_made(name: str) -> None:
    path = FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 2 * 2**20
    assert Policy.from_file(path).layout.n_nodes == PRESETS[name].nodes
    _, meta = load_policy(path)
    made = meta["provenance"]
    assert made["mode"] == "family"
    assert made["command"].startswith(f"fgamcd train maasn-da {name} --family")
    assert f"--seed {made['seed']}" in made["command"]
    assert made["seconds"] > 0.0
    assert len(made["judged_on"]) == made["judged"] > 0
    assert 0.0 <= made["gap"] < 1.0
    assert shipped_policy(PRESETS[name].nodes, meta["slots"]) == path


@pytest.mark.parametrize("seed", [11, 12])
def test_without_a_policy_file_maasn_da_plays_that_of_the_package(seed: int) -> None:
    """On instances that no training has drawn (those seeds are 63 bits long), nearer to the bound than TrimCaching."""
    problem = P1(generate(PRESETS["small"].with_overrides({"seed": str(seed)})))
    played, rival, exact = (solve(problem, name) for name in ("maasn-da", "trimcaching", "exact"))
    assert played.solution is not None
    assert rival.solution is not None
    assert exact.lower_bound_s is not None
    assert exact.lower_bound_s <= played.delay_s < rival.delay_s
