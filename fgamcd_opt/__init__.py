"""Certified optimisation of fine-grained AI model caching and robust CoMP downloading (problem P1).

The public names are loaded when they are first used, so that importing the package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fgamcd_opt.instances.instance import Instance
    from fgamcd_opt.instances.resolve import load as load_instance
    from fgamcd_opt.problem.checker import Verification, verify
    from fgamcd_opt.problem.decision import Decision
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.problem.solution_file import Solution
    from fgamcd_opt.problem.variants import Variant
    from fgamcd_opt.solving.front_door import solve
    from fgamcd_opt.solving.result import Result
    from fgamcd_opt.studies.comparison.compare import compare

__all__ = [
    "P1",
    "Decision",
    "Instance",
    "Result",
    "Solution",
    "Variant",
    "Verification",
    "compare",
    "load_instance",
    "solve",
    "verify",
]

_HOMES = {
    "P1": ("problem.p1", "P1"),
    "Decision": ("problem.decision", "Decision"),
    "Instance": ("instances.instance", "Instance"),
    "Result": ("solving.result", "Result"),
    "Solution": ("problem.solution_file", "Solution"),
    "Variant": ("problem.variants", "Variant"),
    "Verification": ("problem.checker", "Verification"),
    "compare": ("studies.comparison.compare", "compare"),
    "load_instance": ("instances.resolve", "load"),
    "solve": ("solving.front_door", "solve"),
    "verify": ("problem.checker", "verify"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module(f"{__name__}.io.version").package_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _require_complete() -> None:
    """Refuse a half package: the source folder found ahead of an installed one lacks three subpackages."""
    for part in ("formulations", "instances", "solvers"):
        if find_spec(f"{__name__}.{part}") is None:
            raise ImportError(
                f"fgamcd_opt was imported from its source folder {__path__[0]}, which does not hold the "
                f"subpackage {part!r}. Start Python in another folder, or install the sources in editable "
                f"mode: pip install -e ."
            )


_require_complete()
