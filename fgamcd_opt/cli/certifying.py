"""The option ``--certificate`` of the commands that prove bounds."""

from __future__ import annotations

import argparse
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.cli.arguments import named_path

if TYPE_CHECKING:
    from fgamcd_opt.problem.p1 import P1
    from fgamcd_opt.solving.result import Result

log = logging.getLogger("fgamcd_opt.cli")


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """The option itself."""
    parser.add_argument(
        "--certificate",
        type=named_path,
        metavar="FILE",
        help="write what proves a lower bound, for `fgamcd verify --certificate`",
    )


class _Stopped(Exception):
    """A stop was requested while the certificate was made."""


def write_certificate(problem: P1, result: Result, path: Path, threads: int, stop: threading.Event) -> None:
    """Make the certificate from the storage multipliers that a solver found, and write it; if it cannot be, say so.

    A stop that is requested meanwhile ends it without a file; one that has ended the solve does not.
    """
    from fgamcd_opt.solvers.bounds.certify import certify

    if result.multipliers is None:
        log.warning("%s: not written, since %s found no storage multipliers", path, result.solver)
        return
    begun = told = time.monotonic()
    asked_before = stop.is_set()

    def progress(done: int, total: int) -> None:
        nonlocal told
        if stop.is_set() and not asked_before:
            raise _Stopped
        if time.monotonic() - told >= 1.0:
            told = time.monotonic()
            log.info("certificate: %d of %d blocks", done, total)

    made_by = f"{result.solver} {result.solver_version}"
    try:
        certificate = certify(problem, result.multipliers, made_by, threads=threads, progress=progress)
    except _Stopped:
        log.warning("%s: not written, since it was stopped", path)
        return
    certificate.save(path)
    seconds = time.monotonic() - begun
    log.info("certificate of T >= %.6f s written to %s, %.1f s", certificate.bound_s, path, seconds)
