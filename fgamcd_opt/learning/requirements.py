"""What training and learned policies need beside the core."""

from __future__ import annotations

from importlib.util import find_spec

from fgamcd_opt.errors import BackendError
from fgamcd_opt.extras import how_to_install


def require_learning() -> None:
    """Refuse, before any work, if nothing can be trained here and no policy can act.

    Raises
    ------
    BackendError
        If a package of the extra ``learn`` is not installed.
    """
    needed = ("torch", "safetensors", "pettingzoo", "gymnasium", "tensorboard")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise BackendError(f"learned methods need {', '.join(missing)}: {how_to_install('learn')}")
