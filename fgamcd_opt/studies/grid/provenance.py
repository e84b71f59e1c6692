"""Where, when and with what a row was made: versions, machine, processor."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path
from typing import Any

from fgamcd_opt.io.version import package_version
from fgamcd_opt.solving.registry import ENTRY_POINT_GROUP

_FOR_DEVELOPERS = re.compile(r"extra == ['\"](dev|docs|all)['\"]")


def provenance(solver: str) -> dict[str, Any]:
    """Fields of a row, by name, that say where and when it is made; imports no solver."""
    return {
        "fgamcd_version": package_version(),
        "python": platform.python_version(),
        "packages": dict(_packages(solver)),
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@cache
def _packages(solver: str) -> dict[str, str]:
    """Installed versions of all that this package can use, and of the package that a plug-in comes from."""
    needed = [line for line in requires("fgamcd-opt") or [] if not _FOR_DEVELOPERS.search(line)]
    names = {match[0] for line in needed if (match := re.match(r"[\w.-]+", line))}
    found = {name: installed for name in sorted(names) if (installed := _version(name)) is not None}
    for point in entry_points(group=ENTRY_POINT_GROUP, name=solver):
        if point.dist is not None:
            found[point.dist.name] = point.dist.version
    return found


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@cache
def _processor() -> str:
    """Model of the processor: Linux keeps it in a file, other systems where Python looks."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
