"""Running the command line inside the test process: what a shell would see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from fgamcd_opt.cli.main import main


class Ran(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as the one JSON object that it must be."""
        value = json.loads(self.out)
        if not isinstance(value, dict):
            raise TypeError(f"stdout holds no JSON object: {self.out!r}")
        return value


Run = Callable[..., Ran]
"""``fgamcd("solve", "tiny")``."""


def exit_code(*words: object) -> int:
    """Exit code of ``fgamcd words...``; argparse leaves by SystemExit after help, version and usage errors."""
    try:
        return main([str(word) for word in words])
    except SystemExit as done:
        return int(str(done.code))
