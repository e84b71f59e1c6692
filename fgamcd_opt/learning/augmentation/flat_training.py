"""Adam on the flat weights of a network, with a state made of tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fgamcd_opt.learning.augmentation.tensors import require_same_form
from fgamcd_opt.learning.learners.optimiser_state import pack, unpack
from fgamcd_opt.learning.networks.flat import flatten_parameters

_OPTIMISER = "optimiser."


class FlatTraining:
    """One network and its optimiser.

    Parameters
    ----------
    learning_rate, gradient_norm
        Of Adam; largest norm of the gradient.
    network
        On its device already.
    betas
        Decay of the moments of Adam.
    """

    def __init__(
        self,
        learning_rate: float,
        gradient_norm: float,
        network: nn.Module,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self._norm = gradient_norm
        self._weights = flatten_parameters(network)
        self._optimiser = torch.optim.Adam([self._weights], lr=learning_rate, betas=betas)

    def step(self, loss: Tensor) -> None:
        """One step of Adam down the gradient of a loss."""
        self._optimiser.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([self._weights], self._norm)
        self._optimiser.step()

    def state(self) -> dict[str, Tensor]:
        """Weights and moments, copies."""
        moments = {f"{_OPTIMISER}{name}": tensor for name, tensor in pack(self._optimiser).items()}
        return {"weights": self._weights.detach().clone(), **moments}

    def load_state(self, tensors: Mapping[str, Tensor], owner: str) -> None:
        """Takes over what ``state`` returned.

        Raises
        ------
        InputError
            Names, shapes or types that do not fit; ``owner`` is named.
        """
        moments = {n.removeprefix(_OPTIMISER): t for n, t in tensors.items() if n.startswith(_OPTIMISER)}
        weights = {n: t for n, t in tensors.items() if not n.startswith(_OPTIMISER)}
        require_same_form(weights, {"weights": self._weights}, owner)
        unpack(self._optimiser, moments)
        with torch.no_grad():
            self._weights.copy_(tensors["weights"])
