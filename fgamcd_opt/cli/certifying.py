"""The option ``--certificate`` of the commands that prove bounds."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fgamcd_opt.problem import P1
    from fgamcd_opt.result import Result

log = logging.getLogger("fgamcd_opt.cli")


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """The option itself."""
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="write what proves a lower bound, for `fgamcd verify --certificate`; replaces FILE if it exists",
    )


def write_certificate(problem: P1, result: Result, path: Path, threads: int) -> None:
    """Make the certificate from the storage multipliers that a solver found, and write it; without them, say so."""
    from fgamcd_opt.solvers.certify import certify

    if result.multipliers is None:
        log.warning("%s: not written, since %s found no storage multipliers", path, result.solver)
        return
    begun = time.monotonic()
    made_by = f"{result.solver} {result.solver_version}"
    certificate = certify(problem, result.multipliers, made_by, threads=threads)
    certificate.save(path)
    seconds = time.monotonic() - begun
    log.info("certificate of T >= %.6f s written to %s, %.1f s", certificate.bound_s, path, seconds)
