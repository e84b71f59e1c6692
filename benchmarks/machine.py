"""What a measurement ran on: for the record, and in words for a page."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model
        )
    except OSError:
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "fgamcd-opt")},
    }


def machine_words() -> str:
    """The same in one line, such as ``AMD EPYC, 2 cores, load 0.1, Python 3.11.7, numpy 2.4.6``."""
    facts = machine()
    load = "" if facts["load_1min"] is None else f", load {facts['load_1min']:.1f}"
    packages = ", ".join(f"{name} {facts[name]}" for name in ("numpy", "fgamcd-opt"))
    return f"{facts['cpu']}, {facts['cores']} cores{load}, Python {facts['python']}, {packages}"
