"""The scripts in ``benchmarks/`` are no package: their folder goes to the end of the import path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
