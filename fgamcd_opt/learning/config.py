"""`TrainConfig`: every hyperparameter of the learners, named as in the literature; and the methods as its presets."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.io.files import read_text_file, read_toml
from fgamcd_opt.io.safe_text import MAX_QUOTED, one_line, quote
from fgamcd_opt.io.short_repr import short_repr

if TYPE_CHECKING:
    from fgamcd_opt.learning.environment.layout import StateLayout

MAX_SETTINGS_BYTES = 1 << 16
"""Longest file of settings: of some sixty lines, comments apart."""


METHODS: Mapping[str, Mapping[str, Any]] = {
    "maasn-da": {},
    "qmix-da": {"learner": "qmix"},
    "plain-actor": {"actor": "plain"},
    "independent-critics": {"critic": "independent"},
    "no-augmentation": {"augmentation": "none"},
    "rnn": {"augmentation": "rnn"},
    "cgan": {"augmentation": "cgan"},
}
"""The learned methods: the switches in which each differs from MAASN-DA."""


def _choice(*values: str) -> Any:
    return field(default=values[0], metadata={"choices": values})


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training besides the instance; the values of the paper where it gives them.

    Parameters
    ----------
    learner
        ``actor-critic`` or ``qmix`` (recurrent Q-networks over discrete actions).
    actor
        ``semantic`` (one sub-module per node that an action refers to) or ``plain`` (two hidden layers of 256).
    critic
        ``decomposed`` (local Q_n, mixed), ``independent`` (each Q_n fits the team's return alone) or ``joint`` (one Q
        of the state and all actions).
    mixer
        ``vdn``, ``vdn+v`` (sum Q_n + V(s)), ``qmix`` or ``sum+qmix``.
    ascent
        What the actors ascend by straight-through gradients: ``total``, the mixed value of all their actions, or
        ``local``, each its own Q_n.
    caching_gradient
        How the actors ascend over their caching bits: ``straight-through`` Gumbel-Softmax, or ``expected``: each its
        own Q_n, with the expectation taken over its caching bit (a ``joint`` critic has none: straight-through).
    value_scale
        ``size``: the effect of an action on the value is in proportion to the size of the block; or ``none``.
    augmentation
        ``esn`` (echo state network), ``none``, ``rnn`` or ``cgan``.
    reward
        ``delay`` (-T_k, scaled) or ``regret`` (against the proved bound per block, so that a return is a gap).
    steps
        ``requested`` or ``all`` blocks are walked through.
    observation
        A request is shown as 1 (``requests``), or by how far each node's own channel to the user goes towards the QoS
        (``channels``).
    repair
        What the environment puts right before it acts: ``none``; ``caching`` (a requested block that no node takes
        goes to the node with most room, copies that would crowd out blocks to come and migration that brings nothing
        are dropped); ``delivery`` (besides, participants that miss the QoS become F5's best).
    episodes, copies, seed
        Episodes in all, episodes played side by side, seed of everything random.
    gamma, penalty_qos, penalty_undelivered
        Discount; penalties for a QoS that is missed and for a requested block that nobody can deliver.
    hidden, critic_hidden, mixer_hidden, plain_hidden
        Widths.
    actor_lr, critic_lr, lr_end, batch_size, polyak_tau, grad_clip, logit_l2, temperature, migration_logit
        Learning rates of Adam and the share of them that is left in the last episode (linear), transitions per update,
        Polyak averaging of the targets, largest gradient norm, weight of the squared logits, temperature of the
        Gumbel-Softmax, logit of migration in a fresh policy.
    priority
        Transitions are replayed in proportion to the ``size`` of their block, or ``uniform``.
    buffer_size, warmup_steps, update_every, actor_delay, standardise_rewards
        Replay capacity, environment steps before the first update and between updates, updates before the first one of
        the actors, division of rewards by their running standard deviation.
    epsilon_start, epsilon_end, epsilon_episodes
        Probability with which an agent explores at random, linear over episodes.
    zeta, xi, chi, augment_interval
        At most floor(zeta K chi^floor(j / Delta)) synthetic samples in episode j, kept if within the distance xi (22).
    reservoir, spectral_radius, leak, input_scaling, ridge, washout
        Echo state network.
    demonstrations, cloning_steps
        Optimal solutions to imitate before training, and steps of that imitation; 0 leaves it out.
    evaluate_every, checkpoint_every
        Episodes between deterministic evaluations and between checkpoints.
    device
        ``cpu`` or a device of PyTorch such as ``cuda``.
    """

    learner: str = _choice("actor-critic", "qmix")
    actor: str = _choice("semantic", "plain")
    critic: str = _choice("decomposed", "independent", "joint")
    mixer: str = _choice("sum+qmix", "qmix", "vdn", "vdn+v")
    ascent: str = _choice("total", "local")
    caching_gradient: str = _choice("expected", "straight-through")
    value_scale: str = _choice("size", "none")
    augmentation: str = _choice("esn", "none", "rnn", "cgan")
    reward: str = _choice("delay", "regret")
    steps: str = _choice("requested", "all")
    observation: str = _choice("requests", "channels")
    repair: str = _choice("delivery", "caching", "none")
    episodes: int = _number(600, 1, 10**7)
    copies: int = _number(8, 1, 1024)
    seed: int = _number(0, 0, 2**63 - 1)
    gamma: float = _number(0.95, 0.0, 1.0)
    penalty_qos: float = _number(10.0, 0.0, 1e6)
    penalty_undelivered: float = _number(10.0, 0.0, 1e6)
    hidden: int = _number(64, 1, 4096)
    critic_hidden: int = _number(64, 1, 4096)
    mixer_hidden: int = _number(32, 1, 4096)
    plain_hidden: int = _number(256, 1, 4096)
    actor_lr: float = _number(2e-3, 1e-8, 1.0)
    critic_lr: float = _number(2e-3, 1e-8, 1.0)
    lr_end: float = _number(1.0, 0.0, 1.0)
    batch_size: int = _number(128, 1, 65536)
    polyak_tau: float = _number(0.005, 1e-6, 1.0)
    grad_clip: float = _number(10.0, 1e-6, 1e9)
    logit_l2: float = _number(1e-3, 0.0, 1e3)
    temperature: float = _number(1.0, 1e-3, 1e3)
    migration_logit: float = _number(-2.0, -20.0, 20.0)
    priority: str = _choice("size", "uniform")
    buffer_size: int = _number(100_000, 1, 10**8)
    warmup_steps: int = _number(1000, 0, 10**8)
    update_every: int = _number(5, 1, 10**6)
    actor_delay: int = _number(0, 0, 10**8)
    standardise_rewards: bool = True
    epsilon_start: float = _number(1.0, 0.0, 1.0)
    epsilon_end: float = _number(0.05, 0.0, 1.0)
    epsilon_episodes: int = _number(100, 1, 10**7)
    zeta: float = _number(0.8, 0.0, 1.0)
    xi: float = _number(1.12, 0.0, 1e6)
    chi: float = _number(0.8, 0.0, 1.0)
    augment_interval: int = _number(10, 1, 10**6)
    reservoir: int = _number(200, 1, 10_000)
    spectral_radius: float = _number(0.5, 0.0, 0.999)
    leak: float = _number(0.3, 1e-3, 1.0)
    input_scaling: float = _number(0.05, 1e-6, 100.0)
    ridge: float = _number(1e-3, 1e-12, 1e6)
    washout: int = _number(0, 0, 10_000)
    demonstrations: int = _number(0, 0, 10**6)
    cloning_steps: int = _number(2000, 0, 10**7)
    evaluate_every: int = _number(8, 1, 10**6)
    checkpoint_every: int = _number(50, 1, 10**6)
    device: str = "cpu"

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, _checked(spec, getattr(self, spec.name)))

    def layout(self, n_nodes: int, slots: int) -> StateLayout:
        """What agents of this training see."""
        from fgamcd_opt.learning.environment.layout import StateLayout

        return StateLayout(n_nodes, slots, self.observation == "channels")

    def to_json(self) -> dict[str, Any]:
        """All fields as plain values."""
        return dataclasses.asdict(self)

    def replaced(self, values: Mapping[str, Any]) -> TrainConfig:
        """A copy with some fields replaced.

        Raises
        ------
        InputError
            An unknown field (naming the nearest known one) or a value of the wrong type or range.
        """
        known = [spec.name for spec in dataclasses.fields(self)]
        for name in values:
            if name not in known:
                shown = one_line(name[:MAX_QUOTED])
                near = difflib.get_close_matches(shown, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
                raise InputError(f"{shown}: unknown setting of a training{hint}")
        return dataclasses.replace(self, **values)


def _checked(spec: dataclasses.Field[Any], value: Any) -> Any:
    """The value in the field's type, or an error that names the field."""
    kind: type[Any] = type(spec.default)
    if kind is bool or kind is str:
        fits = isinstance(value, kind)
    else:
        fits = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not fits:
        raise InputError(f"{spec.name}: {quote(value)} is not of type {kind.__name__}")
    choices = spec.metadata.get("choices")
    if choices and value not in choices:
        raise InputError(f"{spec.name}: {quote(value)} is unknown; expected one of {', '.join(choices)}")
    if "low" in spec.metadata and not spec.metadata["low"] <= value <= spec.metadata["high"]:
        low, high = spec.metadata["low"], spec.metadata["high"]
        raise InputError(f"{spec.name}: {quote(value)} is out of range; expected {low:g} to {high:g}")
    return kind(value)


def method_config(method: str, values: Mapping[str, Any] | None = None) -> TrainConfig:
    """The configuration of a learned method, with some settings of one's own.

    Raises
    ------
    UsageError
        The method is unknown.
    InputError
        A setting is unknown or its value is not acceptable.
    """
    if method not in METHODS:
        near = difflib.get_close_matches(method[:MAX_QUOTED], METHODS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"method {quote(method)} is unknown{hint}; known are {', '.join(METHODS)}")
    return TrainConfig().replaced({**METHODS[method], **(values or {})})


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a TOML file.

    Raises
    ------
    InputError
        The file is missing, too long, or no TOML.
    """
    return read_toml(path, read_text_file(path, MAX_SETTINGS_BYTES))


def parse_settings(texts: Mapping[str, str]) -> dict[str, Any]:
    """Settings given as text, in the types of their fields; what does not fit stays text, and is refused as such."""
    kinds = {spec.name: type(spec.default) for spec in dataclasses.fields(TrainConfig)}
    return {name: _parsed(text, kinds.get(name, str)) for name, text in texts.items()}


def _parsed(text: str, kind: type[Any]) -> Any:
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text
