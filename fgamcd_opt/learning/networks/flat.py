"""All parameters of some modules as one flat tensor: one kernel for clipping, Adam and target averaging."""

from __future__ import annotations

import torch
from torch import nn


def flatten_parameters(*modules: nn.Module) -> nn.Parameter:
    """Move all parameters and gradients of the modules into one flat tensor each, of which they become views.

    An optimiser over the flat parameter alone updates all of them. Its gradient must be cleared in place
    (``zero_grad(set_to_none=False)``), never dropped. A target copy made by ``copy.deepcopy`` and flattened likewise
    follows by ``target.lerp_(online, tau)`` (Polyak averaging).

    Parameters
    ----------
    modules
        Each parameter must occur once, all on one device.

    Returns
    -------
    nn.Parameter
        Flat, in the order of the modules' ``parameters()``, with a gradient of zeros.
    """
    parameters = [parameter for module in modules for parameter in module.parameters()]
    flat = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in parameters]))
    gradient = torch.zeros_like(flat)
    flat.grad = gradient
    start = 0
    for parameter in parameters:
        part = slice(start, start + parameter.numel())
        start = part.stop
        parameter.data = flat.data[part].view_as(parameter)
        parameter.grad = gradient[part].view_as(parameter)
    return flat
