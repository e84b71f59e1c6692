"""A trainer without a game: numbers drawn from a generator, in the shape of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.training.curve import CurveRow

PLAYED_TOGETHER = 2
"""Episodes between two questions whether to stop."""

DESCRIPTION = {
    "method": "maasn-da",
    "config": method_config("maasn-da").to_json(),
    "n_nodes": 1,
    "slots": 1,
    "provenance": {"instance": "toy"},
}


class ToyTrainer:
    """Weights that walk at random; a row every 4 episodes, a checkpoint every 6."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.weights = torch.zeros(4, dtype=torch.float64)
        self.episode = 0

    def load(self, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
        self.generator.set_state(tensors["generator"])
        self.weights = tensors["weights"]
        self.episode = meta["episode"]

    def snapshot(self) -> tuple[Mapping[str, torch.Tensor], Mapping[str, Any]]:
        return {"generator": self.generator.get_state(), "weights": self.weights}, {"episode": self.episode}

    def policy_tensors(self) -> Mapping[str, torch.Tensor]:
        return {"weights": self.weights}

    def run(
        self,
        until_episode: int,
        on_row: Callable[[CurveRow], None],
        on_checkpoint: Callable[[], None],
        must_stop: Callable[[], bool],
    ) -> None:
        while self.episode < until_episode and not must_stop():
            self.weights = self.weights + torch.randn(4, generator=self.generator, dtype=torch.float64)
            self.episode += PLAYED_TOGETHER
            if self.episode % 4 == 0:
                on_row(self.row())
            if self.episode % 6 == 0:
                on_checkpoint()

    def row(self) -> CurveRow:
        values = self.weights.tolist()
        return CurveRow(
            seed=0,
            episode=self.episode,
            steps=3 * self.episode,
            seconds=float(self.episode),
            return_=values[0],
            delay_s=abs(values[1]),
            gap=values[2],
            unserved=int(values[3] > 0),
            updates=self.episode,
            synthetic=0,
            steps_per_s=3.0,
        )
