"""Put zig-cc, zig-c++, zig-ar and zig-ranlib into a bin folder whose Python has the package ziglang."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Write the commands: builds want tools of one word."""
    python = folder.absolute() / "python"
    for command in ("cc", "c++", "ar", "ranlib"):
        file = folder / f"zig-{command}"
        file.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -m ziglang {command} "$@"\n')
        file.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
