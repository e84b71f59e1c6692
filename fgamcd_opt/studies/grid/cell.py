"""One cell in this process: ``python -m fgamcd_opt.studies.grid.cell``, started by `fgamcd_opt.studies.grid.child`.

The task comes as one line of JSON on standard input. The answer is two files in the folder that the task names. What
the solver does to this process (closed files, another folder, threads that go on) does not keep it from the parent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import os
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import FgamcdError, InputError, SolverError
from fgamcd_opt.problem.checker import Verification, verify
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.solving.registry import get_solver
from fgamcd_opt.solving.result import Result
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Cell
from fgamcd_opt.studies.grid.row import Row

SOLUTION_FILE = "solution.npz"


def answer(cell: Cell, folder: Path, rate_cache: Path | None, stop: threading.Event | None = None) -> Row:
    """Solve a cell, leave its solution in ``folder``, and return its row, whatever happens short of a crash.

    Set ``stop`` to end the solve early; without it, Ctrl-C does.
    """
    known: dict[str, Any]
    try:
        outcome, known = CellOutcome.SOLVED, _solved(cell, folder, rate_cache, stop)
    except SolverError as error:
        outcome, known = CellOutcome.REFUTED, {"reason": str(error)}
    except FgamcdError as error:
        outcome, known = CellOutcome.REFUSED, {"reason": str(error)}
    except (Exception, SystemExit) as error:  # a bug of the solver: told in the row
        outcome, known = CellOutcome.ERROR, _told(cell, error)
    known["peak_memory_bytes"] = _peak_memory_bytes()
    row = Row.of_cell(cell, outcome, **known)
    return row if row.fault is None else faulty(cell, row.fault)


def faulty(cell: Cell, fault: str) -> Row:
    """The row of a cell whose own row is none, for example because the solver returned something that is no result."""
    return Row.of_cell(cell, CellOutcome.ERROR, reason=f"what came back is no row: {fault}")


def _told(cell: Cell, error: BaseException) -> dict[str, Any]:
    """Fields of the row of a cell whose solver raised what nobody raises on purpose; inside an except clause."""
    reason = f"solver {cell.solver} raised {type(error).__name__}: {error}"
    return {"reason": reason, "error": traceback.format_exc()}


def _solved(
    cell: Cell, folder: Path, rate_cache: Path | None, stop: threading.Event | None
) -> dict[str, Any]:
    """Fields of the row of a cell whose solver returned."""
    begun = time.monotonic()
    instance = load(cell.source.instance, cell.source.changes)
    if instance.digest != cell.source.digest:
        raise InputError(
            f"{cell.source.name}: has digest {instance.digest} here, {cell.source.digest} when the comparison began"
        )
    problem = P1(instance, Variant.parse(cell.variant))
    result = solve(
        problem,
        cell.solver,
        **cell.limits.of_solver(),
        seed=cell.seed,
        options=cell.options,
        build_s=time.monotonic() - begun,
        stop=stop,
        rate_cache=rate_cache,
    )
    fields = _result_fields(result) | {"finds_solutions": get_solver(cell.solver).finds_solutions}
    if result.solution is not None:
        path = folder / SOLUTION_FILE
        result.solution.save(path)
        solution = Solution.load(path)
        fields |= _verdict_fields(verify(instance, solution))
        fields["solution_digest"] = solution.digest
    elif fields["finds_solutions"]:
        fields["reason"] = (
            result.infeasibility or result.message or f"no point, stopped: {result.stop_reason}"
        )
    return fields


def _result_fields(result: Result) -> dict[str, Any]:
    """What the solver says."""
    return {
        "variant": str(result.variant),
        "options": dict(result.options),
        "stop_reason": str(result.stop_reason),
        "point_status": str(result.point_status),
        "lower_bound_s": result.lower_bound_s,
        "bound_kind": result.bound_kind or None,
        "combinatorial_bound_s": result.combinatorial_bound_s,
        "infeasibility": result.infeasibility or None,
        **dataclasses.asdict(result.times),
        "rate_problems": result.counts.get("rate_problems"),
        "rates_read": result.rates_read,
        "message": result.message,
        "trace": [list(entry) for entry in result.trace],
    }


def _verdict_fields(verdict: Verification) -> dict[str, Any]:
    """What the checker says of the solution as it was saved; a delay only of a point that breaks no constraint."""
    judged = verdict.evaluation
    fields: dict[str, Any] = {"point_status": "feasible" if verdict.valid else "rejected"}
    if verdict.faults:
        fields["reason"] = "; ".join(verdict.faults)
    if judged is not None:
        told = verdict.to_json()
        fields["delay_s"] = told["delay_s"] if judged.feasible else None
        fields["max_violation"] = told["max_violation"]
        fields["metrics"] = {name: told[name] for name in judged.metrics()}
    return fields


def _peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Read the task, answer, and leave at once: no thread and no hook of a solver has a say after that."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    task = json.loads(_first_line())
    cell, folder, rates = Cell.from_json(task["cell"]), Path(task["folder"]), task["rate_cache"]
    try:
        row = answer(cell, folder, Path(rates) if rates else None)
    except KeyboardInterrupt as error:  # nobody can press Ctrl-C here: the solver raised it
        row = Row.of_cell(cell, CellOutcome.ERROR, **_told(cell, error))
    row.save(folder / f"{cell.id}.json")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(
            OSError, ValueError, AttributeError
        ):  # the solver may have closed or removed it
            stream.flush()
    os._exit(0)


def _first_line() -> bytes:
    """The first line of standard input, read without a buffer that would swallow more."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit("no task on standard input")
        line += byte
    return bytes(line)


if __name__ == "__main__":
    main()
