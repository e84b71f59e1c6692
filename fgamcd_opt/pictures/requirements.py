"""What the pictures need beside the core."""

from __future__ import annotations

from importlib.util import find_spec

from fgamcd_opt.errors import BackendError
from fgamcd_opt.extras import how_to_install


def require_pictures() -> None:
    """Refuse, before any work, if pictures cannot be drawn.

    Raises
    ------
    BackendError
        If Matplotlib or NetworkX is not installed.
    """
    if missing := [name for name in ("matplotlib", "networkx") if find_spec(name) is None]:
        raise BackendError(f"pictures need {' and '.join(missing)}: {how_to_install('show')}")
