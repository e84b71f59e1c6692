"""The rules of the contract in their own process: a solver that ends its process breaks a rule, not the check.

As a module, ``python -m fgamcd_opt.testing.apart DESCRIPTOR TASK`` is that process: it checks the rules of the task in
turn and reports each one as a line of JSON to an open file.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator

from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.studies.grid.guard import MARK, end_all, ending
from fgamcd_opt.testing.solver_contract import RULES, ContractError, SolverUnderTest, check_rule


def check_apart(case: SolverUnderTest) -> Iterator[tuple[str, str | None]]:
    """Check all rules, one after the other, in processes that end with what they started.

    Yields
    ------
    tuple
        A rule, and how it is broken or None.

    Raises
    ------
    BackendError
        A backend or its licence does not suffice, which is no fault of the solver.
    """
    left = list(RULES)
    while left:
        mark, task = secrets.token_hex(16), [case.name, case.options, case.variant.differences(), left]
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "fgamcd_opt.testing.apart", str(writing), json.dumps(task)],
            pass_fds=(writing,),
            start_new_session=True,
            env={**os.environ, MARK: mark},
        )
        os.close(writing)
        ending_all = threading.Thread(target=_end_after, args=(process, mark))
        ending_all.start()
        try:
            with open(reading, encoding="utf-8") as reports:
                for line in reports:
                    rule, fault = json.loads(line)
                    if rule is None:
                        raise BackendError(fault)
                    left.remove(rule)
                    yield rule, fault
            ending_all.join()
        finally:
            end_all(process.pid, mark)
            ending_all.join()
        if left:
            yield left.pop(0), f"it ended its process by {ending(process.returncode)}"


def _end_after(process: subprocess.Popen[bytes], mark: str) -> None:
    """What a process has left may hold the file of the reports open: it ends as soon as that process has."""
    process.wait()
    end_all(process.pid, mark)


def main(descriptor: str, task: str) -> None:
    """Check, report."""
    os.set_inheritable(int(descriptor), False)
    name, options, variant, rules = json.loads(task)
    case = SolverUnderTest(name, options, Variant.parse(variant))
    with open(int(descriptor), "w", encoding="utf-8") as reports:
        for rule in rules:
            fault = None
            try:
                check_rule(rule, case)
            except ContractError as error:
                fault = str(error)
            except KeyboardInterrupt:  # nobody can press Ctrl-C here
                fault = "KeyboardInterrupt"
            except BackendError as error:
                rule, fault = None, str(error)
            print(json.dumps([rule, fault]), file=reports, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
