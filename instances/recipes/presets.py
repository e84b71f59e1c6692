"""Presets: the recipes that have their own name. The library's digests depend on them."""

from __future__ import annotations

from fgamcd_opt.instances.recipes.recipe import Recipe

PRESETS: dict[str, Recipe] = {
    "tiny": Recipe(
        name="tiny",
        seed=6,
        nodes=2,
        users=2,
        antennas=2,
        repository="synthetic",
        models_per_family=2,
        roots_per_family=1,
        blocks_per_model=2,
        block_mb_min=10.0,
        block_mb_max=40.0,
        storage_gb=0.05,
    ),
    "small": Recipe(
        name="small",
        nodes=4,
        users=8,
        antennas=4,
        families=("resnet18", "mobilenet_v2"),
        models_per_family=4,
        roots_per_family=2,
        storage_gb=0.08,
    ),
    "paper": Recipe(name="paper", seed=12),
    "large": Recipe(name="large", nodes=8, users=48),
    "llm": Recipe(
        name="llm", users=12, repository="llm", models_per_family=10, roots_per_family=1, storage_gb=24.0
    ),
}
"""Name to recipe; `Recipe`'s own defaults are the paper's parameters.

Paper's seed is the one among 0 to 13 whose requested PBs (0.976 GB) come nearest to 1 GB, so that 0.18 GB
per node is tight; tiny's gives two different requests.
"""
