"""Families of models, by their names: ``resnet18-03`` and ``resnet18-07`` are of one family."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.instances.instance import Instance

_MARKERS = "oDsp^vh<>8"
"""One shape per family, those with most room for a number first; again from the first one where there are more."""


def family_name(model: str) -> str:
    """Name of a model without the number at its end."""
    return model.rstrip("0123456789").rstrip("-_. ") or model


def model_families(instance: Instance) -> dict[str, list[int]]:
    """Models of every family, in the order of the instance."""
    families: dict[str, list[int]] = {}
    for model, name in enumerate(instance.model_names):
        families.setdefault(family_name(name), []).append(model)
    return families


def family_markers(instance: Instance) -> dict[str, str]:
    """Shape of every family, the same in all pictures of an instance."""
    return {name: _MARKERS[i % len(_MARKERS)] for i, name in enumerate(model_families(instance))}


def block_owners(instance: Instance) -> list[int]:
    """First model of each of the K blocks; the number of models for a block that no model has."""
    first = np.argmax(instance.model_blocks, axis=0)
    owners: list[int] = np.where(instance.model_blocks.any(axis=0), first, instance.n_models).tolist()
    return owners


def requested_by_family(instance: Instance) -> dict[str, list[int]]:
    """Requested blocks of every family, in the order of the instance; a block belongs to its first model."""
    owners = block_owners(instance)
    families: dict[str, list[int]] = {}
    for block in instance.requested_blocks.tolist():
        families.setdefault(family_name(instance.model_names[owners[block]]), []).append(block)
    return families
