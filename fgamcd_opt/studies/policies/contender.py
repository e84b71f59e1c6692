"""`Contender`: a trained policy that is judged, with the curve of its training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import check_name
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.policies.shipped_policies import require_nodes
from fgamcd_opt.learning.training.curve import CurveRow, read_curve
from fgamcd_opt.studies.grid.cells import Source

Number = TypeVar("Number", int, float)

POLICY_FILE, CURVE_FILE = "policy.safetensors", "curve.csv"
"""What a training leaves in its folder."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A trained policy.

    Parameters
    ----------
    label
        Name of the method in tables and figures; policies of one label differ in the seed of their training.
    path, sha256
        Its file, and the digest of the content.
    seed
        Of the training.
    n_nodes
        Nodes of an instance that it can act on, at most.
    episodes, steps, seconds
        What it had been trained for when it was kept; None if the file does not say.
    curve
        Of the training, empty if it is not known.
    """

    label: str
    path: Path
    sha256: str
    seed: int
    n_nodes: int
    episodes: int | None = None
    steps: int | None = None
    seconds: float | None = None
    curve: tuple[CurveRow, ...] = ()

    __repr__ = short_repr


def read_contender(text: str) -> Contender:
    """The policy that ``[LABEL=]PATH`` names: a policy file, or the folder of a training.

    The label defaults to the learned method. A file ``curve.csv`` beside the policy is taken for its curve.

    Raises
    ------
    InputError
        There is no such policy, or the policy or its curve is damaged.
    """
    label, equals, rest = text.partition("=")
    named = bool(equals and label and rest) and not Path(text).exists()
    path = Path(rest if named else text)
    file = path / POLICY_FILE if path.is_dir() else path
    _, meta = load_policy(file)
    curve, spent = file.parent / CURVE_FILE, meta["provenance"]
    return Contender(
        label=check_name("label", label) if named else str(meta["method"]),
        path=file,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        seed=int(meta["config"]["seed"]),
        n_nodes=int(meta["n_nodes"]),
        episodes=_number(spent.get("episode"), int),
        steps=_number(spent.get("steps"), int),
        seconds=_number(spent.get("seconds"), float),
        curve=tuple(read_curve(curve)) if curve.is_file() else (),
    )


def _number(value: object, kind: type[Number]) -> Number | None:
    """A figure of a file, if it is one."""
    return kind(value) if isinstance(value, int | float) else None


def require_apart(contenders: Sequence[Contender], taken: Sequence[str]) -> None:
    """Refuse policies that tables could not tell apart.

    Parameters
    ----------
    contenders
        The policies.
    taken
        Names that other methods have already.

    Raises
    ------
    UsageError
        Two policies of one label and seed, or a label that is taken.
    """
    for (label, seed), count in Counter((c.label, c.seed) for c in contenders).items():
        if count > 1:
            raise UsageError(
                f"{count} policies are called {label!r} with training seed {seed}; give each a label, "
                "LABEL=PATH"
            )
    for contender in contenders:
        if contender.label in taken:
            raise UsageError(
                f"{contender.path}: {contender.label!r} is another method here; choose another label, LABEL=PATH"
            )


def require_fit(contenders: Sequence[Contender], sources: Sequence[Source]) -> None:
    """Refuse instances that a policy cannot act on, before the first solve.

    Raises
    ------
    UsageError
        An instance has more nodes than a policy is made for; names both.
    """
    for source in sources:
        n_nodes = load(source.instance, source.changes).n_nodes
        for contender in contenders:
            require_nodes(f"{contender.path} on {source.name}", contender.n_nodes, n_nodes)
