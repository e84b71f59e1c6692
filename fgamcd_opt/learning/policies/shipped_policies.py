"""The policies that are part of the package, and which policy fits an instance."""

from __future__ import annotations

from pathlib import Path

from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.learning.policies.policy_file import load_policy

SHIPPED = Path(__file__).parent
"""Their folder."""

TRAIN = "train one on such instances by `fgamcd train maasn-da INSTANCE_OR_RECIPE -o FOLDER`"
"""What to do if no policy fits."""


def require_nodes(policy: str, most: int, n_nodes: int) -> None:
    """Raise `UsageError` if an instance of ``n_nodes`` is too large for a policy that is made for ``most``."""
    if n_nodes > most:
        raise UsageError(f"{policy} is for at most {most} nodes, the instance has {n_nodes}; {TRAIN}")


def shipped_policy(n_nodes: int, slots: int) -> Path:
    """File of the policy of this package that fits best: the fewest nodes that suffice, then the slots.

    Parameters
    ----------
    n_nodes
        Nodes of the instance.
    slots
        Users associated with one of its nodes, at most.

    Raises
    ------
    UsageError
        All are for fewer nodes; says for how many.
    """
    known = []
    for path in sorted(SHIPPED.glob("*.safetensors")):
        _, meta = load_policy(path)
        known.append((meta["n_nodes"], abs(meta["slots"] - slots), path))
    fitting = [entry for entry in known if entry[0] >= n_nodes]
    if not fitting:
        have = ", ".join(f"{path.stem} (at most {nodes} nodes)" for nodes, _, path in known) or "none"
        raise UsageError(f"no policy of this package is for {n_nodes} nodes; it has: {have}; {TRAIN}")
    return min(fitting)[2]
