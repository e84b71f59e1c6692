"""Tables of benchmarks in pages of the documentation, between two comments that name the script."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fgamcd_opt.io.files import write_bytes_atomically


def put(page: Path, mark: str, text: str) -> None:
    """Replace what stands between the two lines ``mark`` of a page."""
    marked = re.compile(f"(?<={re.escape(mark)}\\n).*?(?={re.escape(mark)})", re.DOTALL)
    old = page.read_text(encoding="utf-8")
    if not marked.search(old):
        sys.exit(f"{page}: holds no two lines {mark}")
    write_bytes_atomically(page, marked.sub(lambda _: f"\n{text}\n", old, count=1).encode())
