"""The state of an optimiser as named tensors, to be saved and restored without pickle."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from fgamcd_opt.io.errors import InputError

_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def pack(optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Step counts and moments of Adam, as ``<index of the parameter>.<name>``; copies. Empty before the first step.

    Learning rates and the like are part of the configuration and not in here.
    """
    state = optimiser.state_dict()["state"]
    return {f"{index}.{name}": entry[name].clone() for index, entry in state.items() for name in _MOMENTS}


def unpack(optimiser: torch.optim.Adam, tensors: Mapping[str, Tensor]) -> None:
    """Put the optimiser into the state that `pack` gave, down to the last bit.

    Parameters
    ----------
    optimiser
        Over parameters of the same shapes in the same order.
    tensors
        What `pack` gave; not kept.

    Raises
    ------
    InputError
        A tensor is missing, unknown or of another shape.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    numbers = {name.split(".")[0] for name in tensors}
    indices = sorted(int(number) for number in numbers if _INDEX.fullmatch(number))
    expected = {f"{index}.{name}" for index in indices for name in _MOMENTS}
    if expected != set(tensors) or any(index >= len(parameters) for index in indices):
        raise InputError(
            "optimiser state: not the tensors of this network; expected the one it was saved for"
        )
    state: dict[int, dict[str, Tensor]] = {index: {} for index in indices}
    for index in indices:
        for name in _MOMENTS:
            tensor = tensors[f"{index}.{name}"]
            shape = torch.Size() if name == "step" else parameters[index].shape
            if tensor.shape != shape:
                raise InputError(
                    f"optimiser state: {index}.{name} has shape {tuple(tensor.shape)}; expected {tuple(shape)}"
                )
            state[index][name] = tensor.clone()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
