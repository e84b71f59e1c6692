"""Put zig-cc and zig-c++ into a bin folder whose Python has the package ziglang: builds want compilers of one word."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Write the two commands."""
    python = folder.absolute() / "python"
    for command in ("cc", "c++"):
        file = folder / f"zig-{command}"
        file.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -m ziglang {command} "$@"\n')
        file.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
