"""Packages beyond the core: which extra brings them, whether they are installed, and how to install them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.io.short_repr import short_repr

EXTRAS = {
    "plots": ("matplotlib",),
    "show": ("matplotlib", "networkx"),
    "compare": ("joblib", "psutil", "pandas", "pyarrow", "matplotlib", "jinja2"),
    "cluster": ("distributed",),
    "learn": ("torch", "safetensors", "pettingzoo", "gymnasium", "tensorboard"),
    "completion": ("shtab",),
    "matlab": ("scipy", "h5py"),
}
"""The modules that the code behind an extra imports without asking again."""


_FOR_DEVELOPERS = ("dev", "docs")
"""Extras that no user needs."""


class Availability(StrEnum):
    """How far a backend can be used."""

    FULL = "full"
    LIMITED = "limited"
    """Installed, but its licence limits the size of a model."""
    UNLICENSED = "unlicensed"
    """Installed, but no valid licence was found."""
    MISSING = "missing"


@dataclass(frozen=True)
class Backend:
    """One distribution that a solver needs: what is installed, and the remedy if that is not enough."""

    name: str
    version: str | None
    availability: Availability
    remedy: str | None

    __repr__ = short_repr

    def to_json(self) -> dict[str, str | None]:
        """All fields as plain JSON values."""
        return asdict(self)


def require_extra(extra: str, what: str, *modules: str) -> None:
    """Refuse, before long work starts, what cannot be done here.

    Parameters
    ----------
    extra
        Key of :data:`EXTRAS`.
    what
        Who needs it, for the message.
    modules
        The modules needed, if not all of the extra.

    Raises
    ------
    BackendError
        Naming what is missing and how to install it.
    """
    missing = [name for name in modules or EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise BackendError(f"{what} needs {', '.join(missing)}: {how_to_install(extra)}")


def probe(distribution: str, beside: Collection[str] = ()) -> Backend:
    """State of one backend by the name of its distribution; needs no import, hence no licence either.

    Parameters
    ----------
    distribution
        Its name.
    beside
        Others that are needed with it: of the extras that bring it, the remedy names the one with most of them.
    """
    try:
        return Backend(distribution, version(distribution), Availability.FULL, None)
    except PackageNotFoundError:
        return Backend(distribution, None, Availability.MISSING, _remedy(distribution, beside))


def _remedy(distribution: str, beside: Collection[str]) -> str:
    """How to install it: the extra of this package that brings the distribution, or the distribution itself."""
    brings: dict[str, set[str]] = {}
    for line in requires("fgamcd-opt") or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and extra[1] not in _FOR_DEVELOPERS:
            brings.setdefault(extra[1], set()).add(name[0].lower())
    fitting = {extra: names for extra, names in brings.items() if distribution.lower() in names}
    if not fitting:
        return f"pip install {distribution}"
    wanted = {name.lower() for name in beside}
    return how_to_install(max(fitting, key=lambda extra: len(fitting[extra] & wanted)))


def how_to_install(extra: str) -> str:
    """The command, as the README has it: versions are those of the constraints file."""
    return f'pip install -c constraints.txt -e ".[{extra}]" at the root of the sources'
