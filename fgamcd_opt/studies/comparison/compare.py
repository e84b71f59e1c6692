"""`compare`: what ``fgamcd compare`` does, from Python: instances by solvers, each solve in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.optional import require_extra
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import make_folder, require_folder
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.context import DEFAULT_GAP
from fgamcd_opt.studies.comparison.classes import contradictions, derive
from fgamcd_opt.studies.comparison.report import REPORT_FILES, write_report
from fgamcd_opt.studies.grid.cells import CellLimits, Source, make_grid
from fgamcd_opt.studies.grid.runner import run_cells
from fgamcd_opt.studies.scores import Scores, scores_of

log = logging.getLogger("fgamcd_opt")


def compare(
    instances: Iterable[str | Path | Instance],
    solvers: Iterable[str],
    output: Path | str,
    *,
    seeds: Iterable[int] = (0,),
    time_limit: float | None = None,
    gap: float = DEFAULT_GAP,
    threads: int = 1,
    jobs: int = 1,
    variant: Variant | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Scores:
    """Solve every instance with every solver, keep the rows, write the report, and score the methods.

    The arguments have the names of the options of ``fgamcd compare``. The same call again runs only what is missing in

    Parameters
    ----------
    instances
        Instances, or what :func:`fgamcd_opt.load_instance` takes: names or paths.
    solvers
        Registered names.
    output
        Folder of rows, solutions, tables and ``report.html``.
    seeds
        Of the solvers.
    time_limit
        Seconds for each solve; None is no limit.
    gap, threads
        As in :func:`fgamcd_opt.solve`.
    jobs
        Solves side by side.
    variant
        Of P1, for all solves.
    options
        By solver, its options.

    Returns
    -------
    Scores
        Of each method on each instance; contradictions between a delay and a bound are logged as errors, and their
        rows are of class ``wrong``.

    Raises
    ------
    UsageError
        An unknown solver or option, a limit that is out of range, something named twice, or a single text where
        several are expected.
    InputError
        An instance that does not exist, or a folder that cannot be written.
    BackendError
        pandas or another package of the extra ``compare`` is missing.
    """
    require_extra("compare", "a comparison")
    for name, given in (("instances", instances), ("solvers", solvers)):
        if isinstance(given, str | Path | Instance):
            raise UsageError(
                f"{name}: got {quote(given)}; expected several in a list, such as [{quote(given)}]"
            )
    limits = CellLimits(time_s=time_limit, gap=gap, threads=threads)
    folder = Path(output)
    require_folder(folder, REPORT_FILES)
    sources = [Source.of(_named(instance, folder)) for instance in instances]
    texts = {
        solver: {name: str(value) for name, value in own.items()} for solver, own in (options or {}).items()
    }
    changed = (variant or Variant()).differences()
    cells = make_grid(sources, list(solvers), seeds, variant=changed, options=texts, limits=limits)
    rows = run_cells(cells, folder, jobs=jobs)
    frame = derive(rows)
    write_report(frame, folder)
    for pair in contradictions(rows):
        log.error("%s", pair)
    return scores_of(frame)


def _named(instance: str | Path | Instance, folder: Path) -> str:
    """The name or path of an instance; one that is an object is written into the folder first, for the processes."""
    if not isinstance(instance, Instance):
        return str(instance)
    path = folder / "instances" / f"{instance.digest[:16]}.npz"
    if not path.exists():
        make_folder(path.parent)
        save_instance(path, instance)
    return str(path)
