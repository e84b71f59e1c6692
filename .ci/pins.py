"""Constraints for the suite on other versions than those of constraints.txt: ``pins.py latest`` or ``pins.py oldest``.

latest: whatever pip finds, but for torch, whose unpinned build takes gigabytes. oldest: the lower bounds of
pyproject.toml, with a pyparsing of their time: what Matplotlib 3.10.0 calls, pyparsing 3.3 warns of.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = re.compile(r"(?P<name>[\w-]+)(\[[\w,]+\])?>=(?P<version>[\w.]+)")


def latest() -> list[str]:
    """The pin of torch alone."""
    return [
        line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")
    ]


def oldest() -> list[str]:
    """Every lower bound as a pin, and pyparsing."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = data["project"]["optional-dependencies"].values()
    named = [
        *data["build-system"]["requires"],
        *data["project"]["dependencies"],
        *(r for e in extras for r in e),
    ]
    return sorted(
        {"pyparsing<3.3", *(f"{m['name']}=={m['version']}" for m in map(BOUND.fullmatch, named) if m)}
    )


if __name__ == "__main__":
    print("\n".join({"latest": latest, "oldest": oldest}[sys.argv[1]]()))
