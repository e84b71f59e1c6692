"""`Repository`: which parameter blocks (PBs) every model consists of, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.validation import convert, labels, require, require_shape
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.short_repr import short_repr

MAX_MODEL_BLOCKS = 2**26
"""Largest table of models and PBs: 64 MiB."""


@dataclass(frozen=True, eq=False)
class Repository:
    """Models as sets of PBs.

    Parameters
    ----------
    block_names
        K distinct names.
    block_bytes
        (K,) sizes in bytes, positive.
    model_names
        M distinct names.
    model_blocks
        (M, K) bool; row i is the set K_i.

    Raises
    ------
    InputError
        If shapes disagree, a name occurs twice or a size is not positive.
    """

    block_names: tuple[str, ...]
    block_bytes: NDArray[np.int64]
    model_names: tuple[str, ...]
    model_blocks: NDArray[np.bool_]

    def __repr__(self) -> str:
        together = int(self.model_blocks.sum(axis=0).max(initial=0))
        return (
            f"<Repository: {len(self.model_names)} models of {len(self.block_names)} blocks, "
            f"{int(self.block_bytes.sum()) / 1e6:.6g} MB; one block in up to {together} models>"
        )

    def __post_init__(self) -> None:
        object.__setattr__(self, "block_bytes", convert("block_bytes", self.block_bytes, np.int64, 1))
        object.__setattr__(self, "model_blocks", convert("model_blocks", self.model_blocks, np.bool_, 2))
        require("block_bytes", self.block_bytes, self.block_bytes > 0, "must be positive")
        n_models, n_blocks = len(self.model_names), len(self.block_names)
        labels("block_names", self.block_names, len(self.block_bytes))
        require_shape("model_blocks", self.model_blocks, (n_models, n_blocks))
        labels("model_names", self.model_names, n_models)


@dataclass(frozen=True)
class Family:
    """Models of one architecture that are fine-tuned from common roots.

    Parameters
    ----------
    name
        Of the architecture.
    layers
        (name, size in bytes) of its PBs, from input to output.
    models
        Number of models.
    roots
        The first ``roots`` models are fine-tuned completely. Every other model freezes the first ``freeze``
        PBs of a root and thus shares them with it; the roots are taken in turn.
    freeze
        Freeze depth, in PBs.

    Raises
    ------
    InputError
        If there is no root, there are more roots than models, or the depth exceeds the number of layers.
    """

    name: str
    layers: tuple[tuple[str, int], ...]
    models: int
    roots: int
    freeze: int

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if not 1 <= self.roots <= self.models:
            raise InputError(
                f"roots_per_family: {self.roots} must lie between 1 and models_per_family = {self.models}"
            )
        if not 0 <= self.freeze <= len(self.layers):
            raise InputError(
                f"freeze: {self.freeze} must lie between 0 and the {len(self.layers)} PBs of {self.name}"
            )

    def owner(self, model: int, layer: int) -> int:
        """Model whose copy of ``layer`` the model uses: its root's where frozen, else its own."""
        return model % self.roots if model >= self.roots and layer < self.freeze else model


def combine(families: Sequence[Family]) -> Repository:
    """Repository of all models of the families, in order; a PB is named ``model/layer`` after its owner.

    Raises
    ------
    InputError
        If the table of models and PBs would exceed 64 MiB.
    """
    blocks: dict[str, int] = {}
    models: dict[str, list[str]] = {}
    for family in families:
        for model in range(family.models):
            used = []
            for depth, (layer, size) in enumerate(family.layers):
                block = f"{family.name}-{family.owner(model, depth):02d}/{layer}"
                blocks[block] = size
                used.append(block)
            models[f"{family.name}-{model:02d}"] = used
    if len(models) * len(blocks) > MAX_MODEL_BLOCKS:
        raise InputError(
            f"models_per_family: {len(models)} models x {len(blocks)} PBs exceed {MAX_MODEL_BLOCKS} entries"
        )
    index = {block: k for k, block in enumerate(blocks)}
    model_blocks = np.zeros((len(models), len(blocks)), dtype=np.bool_)
    for row, used in zip(model_blocks, models.values(), strict=True):
        row[[index[block] for block in used]] = True
    sizes = np.array(list(blocks.values()), dtype=np.int64)
    return Repository(tuple(blocks), sizes, tuple(models), model_blocks)


def choose_families(
    known: dict[str, tuple[tuple[str, int], ...]],
    default_freeze: dict[str, int],
    families: Sequence[str],
    models: int,
    roots: int,
    freeze: Sequence[int],
) -> list[Family]:
    """Families of a built-in repository.

    Parameters
    ----------
    known
        Layers of every architecture of the repository.
    default_freeze
        Freeze depth of every architecture where ``freeze`` is empty.
    families
        Names to take, in this order; empty means all.
    models, roots
        Per family.
    freeze
        Depth per chosen family, or empty.

    Raises
    ------
    InputError
        For an unknown or repeated family, or a wrong number of depths.
    """
    chosen = tuple(families) or tuple(known)
    for name in chosen:
        if name not in known:
            raise InputError(f"families: {quote(name)} is unknown; expected some of {', '.join(known)}")
    labels("families", chosen, len(chosen))
    depths = tuple(freeze) or tuple(default_freeze[name] for name in chosen)
    if len(depths) != len(chosen):
        raise InputError(f"freeze: has {len(depths)} depths for {len(chosen)} families ({', '.join(chosen)})")
    return [
        Family(name, known[name], models, roots, depth) for name, depth in zip(chosen, depths, strict=True)
    ]
