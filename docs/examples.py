"""The examples of the documentation: finds them, runs them, and writes what they print back into the pages.

    python docs/examples.py PAGE...

``make docs`` does so with every page.

An example is a fenced ``sh`` block. A ``text`` block or a table right after it is its output and is replaced.
The blocks of one page run one after the other in one new folder. A command ends with 0 unless a comment at
its end says otherwise (``# exit code 4``). Of standard error only the line of an error is shown, no progress.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^```sh\n(?P<commands>.*?)^```\n(?:\n(?:^```text\n(?P<text>.*?)^```$|(?P<table>(?:^\|[^\n]*\n)+)))?",
    re.MULTILINE | re.DOTALL,
)
_EXIT_CODE = re.compile(r"#\s*exit code (\d+)\s*$")


@dataclass(frozen=True)
class Command:
    """One line of an example and the exit code that it should have."""

    line: str
    exit_code: int


def commands(block: str) -> list[Command]:
    """The commands of a block, one per line."""
    found = []
    for line in block.splitlines():
        if line.strip():
            stated = _EXIT_CODE.search(line)
            found.append(Command(line, int(stated[1]) if stated else 0))
    return found


def examples(page: str) -> Iterator[re.Match[str]]:
    """All examples of a page, with groups ``commands``, ``text`` and ``table``."""
    return _BLOCK.finditer(page)


def run(command: Command, folder: Path) -> str:
    """What a command prints.

    Raises
    ------
    RuntimeError
        If it ends with another exit code than the page says.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.line],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "110"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != command.exit_code:
        raise RuntimeError(f"{command.line}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return "".join(f"{text}\n" for text in [done.stdout.rstrip("\n"), *errors] if text)


def refreshed(page: str, folder: Path) -> str:
    """The page with the outputs of this moment; every example is run, shown output or not."""

    def replace(example: re.Match[str]) -> str:
        output = "".join(run(command, folder) for command in commands(example["commands"]))
        for shown in ("text", "table"):
            if example[shown] is not None and output.strip():
                start, end = (place - example.start() for place in example.span(shown))
                return example[0][:start] + output + example[0][end:]
        return example[0]

    return _BLOCK.sub(replace, page)


def main(paths: list[str]) -> None:
    """Refresh pages in place."""
    for path in map(Path, paths):
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(refreshed(path.read_text(), Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
