"""The recipe in an instance file makes that instance: checked in part on reading, in full where it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.generation.recipe_check import recipe_fault, verified_recipe
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.archive import read_archive
from fgamcd_opt.io.errors import InputError

INSTANCE = generate(PRESETS["small"])


def claiming(**changed: Any) -> Instance:
    """The instance with a recipe that says something else."""
    return INSTANCE.replace(recipe={**(INSTANCE.recipe or {}), **changed})


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"seed": 99}, "requests"),
        ({"nodes": 5}, "nodes, users or antennas"),
        ({"users": 9}, "nodes, users or antennas"),
        ({"antennas": 1}, "nodes, users or antennas"),
        ({"storage_gb": 0.3}, "storage_bytes"),
        ({"power_dbm": 40.0}, "power_w"),
        ({"bandwidth_hz": 1e8}, "bandwidth_hz"),
        ({"noise_dbm": -81.0}, "noise_w"),
        ({"csi_set": "balls"}, "csi_set"),
        ({"models_per_family": 7}, "block_names"),
        ({"models_per_family": 1000}, "model_blocks"),
        ({"zipf": 3.0}, "requests"),
        ({"area_m": 2000.0}, "node_xy_m"),
        ({"placement": "uniform"}, "node_xy_m"),
        ({"backhaul_gbps_max": 13.0}, "backhaul_bps"),
        ({"cooperation_radius_m": 1.0}, "backhaul_bps"),
        ({"csi_delta": 0.1}, "csi_radius"),
    ],
)
def test_a_file_whose_recipe_makes_another_instance_is_refused(
    changed: dict[str, Any], differs: str, tmp_path: Path
) -> None:
    path = tmp_path / "tampered.npz"
    save_instance(path, claiming(**changed))
    with pytest.raises(
        InputError, match=rf"tampered\.npz: recipe: it makes another .* differs in {differs}; gen"
    ):
        load_instance(path)


@pytest.mark.parametrize("changed", [{"qos_cap": 0.5}, {"rician_k": 4.0}, {"g0_db": -31.0}])
def test_what_takes_long_to_generate_is_checked_where_the_recipe_is_used(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "tampered.npz"
    save_instance(path, claiming(**changed))
    assert load_instance(path).digest == INSTANCE.digest
    for overrides in ({"storage_gb": "0.3"}, {"seed": "5"}):
        with pytest.raises(InputError, match="does not regenerate it"):
            load(path, overrides)
    with pytest.raises(InputError, match="does not regenerate it"):
        verified_recipe(load_instance(path), "x")


def test_a_file_holds_the_recipe_as_it_was(tmp_path: Path) -> None:
    save_instance(tmp_path / "kept.npz", INSTANCE)
    assert read_archive(tmp_path / "kept.npz", "instance")[0]["recipe"] == PRESETS["small"].to_json()
    assert load_instance(tmp_path / "kept.npz").recipe == INSTANCE.recipe


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize(
    "overrides", [{}, {"seed": "3", "placement": "uniform", "fading": "once", "backhaul": "once"}]
)
def test_every_generated_instance_carries_its_own_recipe(name: str, overrides: dict[str, str]) -> None:
    instance = generate(PRESETS[name].with_overrides(overrides))
    assert recipe_fault(instance) is None
    if name != "paper":
        assert generate(verified_recipe(instance, "x")).digest == instance.digest


def test_a_changed_instance_carries_no_recipe() -> None:
    changed = INSTANCE.replace(qos_bps=np.zeros(INSTANCE.n_users))
    assert changed.recipe is None
    assert recipe_fault(changed) is None
    with pytest.raises(InputError, match="carries no recipe"):
        verified_recipe(changed, "x")


@pytest.mark.parametrize(
    "recipe", [{}, {"schema_version": 1, "users": []}, {"schema_version": 1, "min_distance_m": 1e6}]
)
def test_a_recipe_that_is_none_is_refused(recipe: dict[str, Any], tmp_path: Path) -> None:
    save_instance(tmp_path / "odd.npz", INSTANCE.replace(recipe=recipe))
    with pytest.raises(InputError, match=r"odd\.npz: recipe: "):
        load_instance(tmp_path / "odd.npz")
