"""Instances of a family that no training has seen: always the same ones, for every method and for the bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.studies.grid.cells import Source

_ENTROPY = int.from_bytes(b"held-out instances", "big")
_HIGHEST_SEED = 10**9
"""Trainings draw the seeds of their instances below 2^63, so that they practically never meet one of these."""

_TRIES = 50


def held_out_seeds() -> Iterator[int]:
    """Seeds of recipes, without an end, none of them twice."""
    generator, seen = np.random.default_rng(np.random.SeedSequence(_ENTROPY)), set()
    while True:
        seed = int(generator.integers(_HIGHEST_SEED))
        if seed not in seen:
            seen.add(seed)
            yield seed


def held_out(recipe: str, count: int, changes: Mapping[str, str] | None = None) -> list[Source]:
    """The first ``count`` held-out instances of a family that nothing proves infeasible at once.

    Parameters
    ----------
    recipe
        Preset, library name or recipe file.
    count
        Number of instances; fewer are a part of more.
    changes
        Changed fields of the recipe, as text.

    Raises
    ------
    InputError
        The recipe is not acceptable, its seed is among the changes, or most of its instances are infeasible.
    """
    if "seed" in (changes or {}):
        raise InputError(f"{recipe}: seed: held-out instances choose their seeds; leave it out")
    found: list[Source] = []
    reason = ""
    for seed in itertools.islice(held_out_seeds(), count * _TRIES):
        if len(found) == count:
            break
        changed = {**(changes or {}), "seed": str(seed)}
        instance = load(recipe, changed)
        why = P1(instance).infeasibility_reason()
        if why is None:
            found.append(Source(instance=recipe, changes=changed, name=instance.name, digest=instance.digest))
        else:
            reason = why
    if len(found) < count:
        raise InputError(
            f"{recipe}: {len(found)} of {count * _TRIES} instances are feasible; the last: {reason}"
        )
    return found
