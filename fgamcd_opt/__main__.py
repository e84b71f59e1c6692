"""``python -m fgamcd_opt`` is ``fgamcd``."""

from __future__ import annotations

from fgamcd_opt.cli.main import main

raise SystemExit(main())
