"""The augmenter that a training configuration asks for."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.learning.augmentation.augmenter import Augmenter, DynamicsModel
from fgamcd_opt.learning.augmentation.conditional_gan import ConditionalGan
from fgamcd_opt.learning.augmentation.echo_state import EchoState
from fgamcd_opt.learning.augmentation.recurrent_model import RecurrentModel
from fgamcd_opt.learning.augmentation.synthesis import Synthesiser
from fgamcd_opt.learning.config import TrainConfig
from fgamcd_opt.learning.environment.layout import StateLayout


def make_augmenter(
    config: TrainConfig, layout: StateLayout, seed: np.random.SeedSequence, *, relabel: bool = True
) -> Augmenter | None:
    """The augmenter named by ``config.augmentation``, or None for ``none``.

    Parameters
    ----------
    config
        The training.
    layout
        Of the states of the game.
    seed
        Of the model and of the choice of samples; its own sequence, of which nothing else is spawned.
    relabel
        Whether samples carry the true reward, which is known because they repeat (s, a), or the predicted one.
    """
    if config.augmentation == "none":
        return None
    model_seed, choice_seed = seed.spawn(2)
    n_inputs, n_outputs = layout.size + layout.n_nodes**2, 1 + layout.size
    model = _model(n_inputs, n_outputs, config, model_seed)
    return Synthesiser(model, config, layout, choice_seed, relabel=relabel)


def _model(n_inputs: int, n_outputs: int, config: TrainConfig, seed: np.random.SeedSequence) -> DynamicsModel:
    """The model of the dynamics."""
    if config.augmentation == "cgan":
        return ConditionalGan(n_inputs, n_outputs, config, int(seed.generate_state(1, np.uint64)[0]))
    random = np.random.default_rng(seed)
    if config.augmentation == "rnn":
        return RecurrentModel(n_inputs, n_outputs, config, random)
    return EchoState(n_inputs, n_outputs, config, random)
