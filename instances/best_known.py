"""Best delay and best certified lower bound known for every library instance, and the table of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.errors import InputError
from fgamcd_opt.files import write_bytes_atomically
from fgamcd_opt.instances.generate import generate
from fgamcd_opt.instances.library import LIBRARY_PATH, SCHEMA_VERSION, json_lines, library, read_versioned
from fgamcd_opt.status import relative_gap

BEST_KNOWN_PATH = LIBRARY_PATH.with_name("best_known.json")
"""Best known values, kept beside the library."""

_SLACK = 1e-9


@dataclass(frozen=True)
class BestKnown:
    """Best values of one instance, each with the solver (and its version) that found it."""

    digest: str
    delay_s: float | None = None
    delay_solver: str | None = None
    lower_bound_s: float | None = None
    bound_solver: str | None = None

    @property
    def contradictory(self) -> bool:
        """Whether the bound lies above the delay by more than rounding."""
        if self.delay_s is None or self.lower_bound_s is None:
            return False
        return self.lower_bound_s > self.delay_s * (1 + _SLACK)


def read_best_known(path: Path = BEST_KNOWN_PATH) -> dict[str, BestKnown]:
    """Read the values by instance name; a file that does not exist holds none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not path.exists():
        return {}
    content = read_versioned(path)
    try:
        return {name: BestKnown(**entry) for name, entry in content["best_known"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is not a table of best known values ({error})") from error


def record_best(
    name: str,
    digest: str,
    *,
    delay_s: float | None,
    lower_bound_s: float | None,
    solver: str,
    path: Path = BEST_KNOWN_PATH,
) -> bool:
    """Keep a verified delay or a certified bound of a library instance if it improves on what is known.

    Parameters
    ----------
    name, digest
        Of the instance that was solved.
    delay_s
        Delay T of a solution that passed the checker, in s, or None.
    lower_bound_s
        Certified lower bound of T, in s, or None.
    solver
        Name and version of the solver.
    path
        File to update.

    Returns
    -------
    bool
        Whether something improved (and the file was written).

    Raises
    ------
    InputError
        If the instance is not in the library, its digest is another, a value is not positive and finite, or
        a bound would exceed a delay: then one of the two is wrong.
    """
    entry = library().get(name)
    if entry is None:
        raise InputError(f"{name}: is not a library instance")
    if entry.digest != digest:
        raise InputError(f"{name}: digest is {digest}, but the library's is {entry.digest}; nothing recorded")
    for field, value in (("delay_s", delay_s), ("lower_bound_s", lower_bound_s)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}: {field} = {value} must be positive and finite")
    known = read_best_known(path)
    old = known.get(name, BestKnown(digest))
    new = old if old.digest == digest else BestKnown(digest)
    if delay_s is not None and (new.delay_s is None or delay_s < new.delay_s):
        new = dataclasses.replace(new, delay_s=delay_s, delay_solver=solver)
    if lower_bound_s is not None and (new.lower_bound_s is None or lower_bound_s > new.lower_bound_s):
        new = dataclasses.replace(new, lower_bound_s=lower_bound_s, bound_solver=solver)
    if new.contradictory:
        raise InputError(
            f"{name}: lower bound {new.lower_bound_s} s ({new.bound_solver}) exceeds "
            f"delay {new.delay_s} s ({new.delay_solver}); one of them is wrong, nothing recorded"
        )
    if new == old:
        return False
    known[name] = new
    ordered = {key: dataclasses.asdict(known[key]) for key in library() if key in known}
    write_bytes_atomically(path, json_lines({"schema_version": SCHEMA_VERSION}, "best_known", ordered))
    return True


def library_table(best: Mapping[str, BestKnown] | None = None) -> str:
    """Markdown table of the library: sizes, storage, digest, best known delay and bound.

    Parameters
    ----------
    best
        Best known values; by default those of the package. Values of another digest are left out.
    """
    best = read_best_known() if best is None else best
    rows = [
        "| instance | N | U | N_t | requested PBs | requested MB | storage MB per node "
        "| delay s | lower bound s | gap % | digest |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    rows += [_table_row(name, best.get(name)) for name in library()]
    return "\n".join(rows) + "\n"


def _table_row(name: str, best: BestKnown | None) -> str:
    instance = generate(library()[name].recipe)
    storage = sorted({f"{size / 1e6:g}" for size in instance.storage_bytes.tolist()}, key=float)
    requested = instance.block_bytes[instance.requested_blocks]
    delay = bound = gap = "-"
    if best is not None and best.digest == instance.digest:
        delay = "-" if best.delay_s is None else f"{best.delay_s:.6g}"
        bound = "-" if best.lower_bound_s is None else f"{best.lower_bound_s:.6g}"
        if best.delay_s is not None and best.lower_bound_s is not None:
            gap = f"{100 * relative_gap(best.delay_s, best.lower_bound_s):.3f}"
    cells = [
        name,
        str(instance.n_nodes),
        str(instance.n_users),
        str(instance.channel.shape[2]),
        str(len(requested)),
        f"{requested.sum() / 1e6:.1f}",
        "/".join(storage),
        delay,
        bound,
        gap,
        instance.digest[:12],
    ]
    return f"| {' | '.join(cells)} |"
