"""Every error the toolkit raises on purpose, each with the exit code that the command line returns."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every ``fgamcd`` command."""

    DONE = 0
    """Done, and the solution (if any) passed the independent checker."""
    USAGE = 2
    """The command line itself is wrong."""
    INPUT_REJECTED = 3
    """A file, field or value of the input is not acceptable."""
    INFEASIBLE = 4
    """The problem is proved to have no feasible point."""
    NO_SOLUTION = 5
    """Stopped (limit, interrupt, heuristic gave up) without a feasible point and without a proof that there is none.

    ``fgamcd solve`` with a method that only proves bounds ends so; ``fgamcd bound`` does if it has no bound.
    """
    VERIFICATION_FAILED = 6
    """The independent checker rejected a solution, a bound exceeds a known delay, or a solver contradicts itself."""
    BACKEND_MISSING = 7
    """A solver backend or its licence is missing or too small."""
    CRASHED = 70
    """An exception that nobody raises on purpose; a crash file says what is needed to report it (EX_SOFTWARE)."""


class FgamcdError(Exception):
    """Base of all deliberate errors; ``exit_code`` is what the command line returns."""

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(FgamcdError):
    """An option, name or combination of arguments that makes no sense."""

    exit_code = ExitCode.USAGE


class InputError(FgamcdError):
    """Input that is rejected: says what is wrong, where, and what would be right."""

    exit_code = ExitCode.INPUT_REJECTED


class InfeasibleError(FgamcdError):
    """A problem that is proved to have no feasible point was given to work that needs one."""

    exit_code = ExitCode.INFEASIBLE


class NoSolutionError(FgamcdError):
    """Work that needs a feasible point has none, and nothing proves that there is none."""

    exit_code = ExitCode.NO_SOLUTION


class UnsupportedVariantError(FgamcdError):
    """A solver was asked for a variant of P1 that it does not support."""

    exit_code = ExitCode.USAGE


class BackendError(FgamcdError):
    """A backend is not installed, not licensed, or its licence is too small for the model."""

    exit_code = ExitCode.BACKEND_MISSING


class SolverError(FgamcdError):
    """A solver returned what cannot be true or is no result, or changed its input; names the solver."""

    exit_code = ExitCode.VERIFICATION_FAILED
