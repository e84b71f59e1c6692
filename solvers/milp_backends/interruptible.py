"""Waiting for a backend that works in its own thread, so that a stop request and Ctrl-C are served at once."""

from __future__ import annotations

from collections.abc import Callable

from fgamcd_opt.solving.context import SolveContext

_POLL_S = 0.05


def wait_until_ended(
    ended: Callable[[float], bool], interrupt: Callable[[], object], context: SolveContext
) -> None:
    """Wait; ask the backend to end as soon as the context says so.

    Parameters
    ----------
    ended
        Waits for at most the seconds given, and says whether the backend has ended.
    interrupt
        Asks the backend to end soon; it may be called several times.
    context
        Clock and stop flag.

    Raises
    ------
    BaseException
        What interrupts the waiting (a second Ctrl-C); the backend has ended then, too, for its thread must not
        outlive the interpreter.
    """
    try:
        while not ended(_POLL_S):
            if context.must_stop:
                interrupt()
    except BaseException:
        interrupt()
        while not ended(_POLL_S):
            interrupt()
        raise
