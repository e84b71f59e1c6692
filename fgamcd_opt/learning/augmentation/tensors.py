"""Checks of tensors that a model takes over from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import quote


def require_same_form(
    tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], owner: str
) -> None:
    """Compares names, shapes and types.

    Raises
    ------
    InputError
        The first name that is missing, unknown, or of another shape or type.
    """
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors or name not in expected:
            problem = "is missing" if name in expected else "is unknown"
            raise InputError(
                f"state of the {owner}: {quote(name)} {problem}; resume with the configuration that wrote it"
            )
        found, wanted = tensors[name], expected[name]
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise InputError(
                f"state of the {owner}: {quote(name)} has {tuple(found.shape)} {found.dtype}, "
                f"expected {tuple(wanted.shape)} {wanted.dtype}; resume with the configuration that wrote it"
            )
