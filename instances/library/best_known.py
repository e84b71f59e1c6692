"""Best delay and best certified lower bound known for every library instance."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from fgamcd_opt.instances.library.catalog import (
    LIBRARY_PATH,
    SCHEMA_VERSION,
    json_lines,
    library,
    read_versioned,
)
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.short_repr import short_repr

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

    __repr__ = short_repr

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
