"""What is kept of an exception that nobody raised on purpose: one file with all that is needed to report it."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

from fgamcd_opt.io.version import package_version

_MOST_NAMES = 100
"""Crash files of one second in one folder; more than that is a loop, not a series of crashes."""

_LONGEST_BYTES = 1 << 28
"""Largest input file whose digest is taken."""


def report_crash(error: Exception, words: Sequence[str], args: argparse.Namespace) -> str:
    """Write the crash file and return the message for the user, one short text.

    The file goes to the working folder, or to the folder of temporary files where that cannot be written. It never
    replaces another file. Where neither can be written, the traceback goes to standard error.

    Parameters
    ----------
    error
        What was raised.
    words
        Arguments of the command line.
    args
        What they were parsed to, as far as that came.
    """
    text = crash_text(error, words, args)
    told = f"this is a bug ({_one_line(error)})"
    path = _written(text)
    if path is None:
        print(text, file=sys.stderr)
        return f"{told}; please report it with the text above, no crash file could be written"
    return (
        f"{told}; please report it to the authors with the file {path}, "
        "and the instance if it is a file of your own"
    )


def crash_text(error: Exception, words: Sequence[str], args: argparse.Namespace) -> str:
    """All that the crash file holds: command, its input files, versions, machine, traceback."""
    return "\n".join(
        [
            "crash report of fgamcd",
            "",
            "To report it, send this file to the authors of the package (CITATION.cff, or whoever gave it to you),",
            "with the input files named below that are your own. It holds the command line, paths, and versions.",
            "",
            f"time      {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}",
            f"command   {shlex.join(['fgamcd', *words])}",
            f"folder    {_folder()}",
            f"version   fgamcd_opt {package_version()}",
            f"python    {platform.python_version()} ({platform.python_implementation()})",
            f"machine   {platform.platform()}",
            "",
            "input",
            *_inputs(words),
            *_instance(args),
            "",
            "packages",
            *sorted(f"  {name} {version}" for name, version in _packages()),
            "",
            "".join(traceback.format_exception(error)),
        ]
    )


def _one_line(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    notes = ", ".join(getattr(error, "__notes__", ()))
    return (text if len(text) <= 200 else f"{text[:200]}...") + (f", {notes}" if notes else "")


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError as error:
        return f"unknown ({error.strerror})"


def _inputs(words: Sequence[str]) -> Iterator[str]:
    """Files that the command line names, with size and SHA-256."""
    for word in words:
        path = Path(word.partition("=")[2] or word)
        try:
            if path.is_file():
                size = path.stat().st_size
                digest = (
                    hashlib.sha256(path.read_bytes()).hexdigest() if size <= _LONGEST_BYTES else "too large"
                )
                yield f"  file {path}, {size} bytes, SHA-256 {digest}"
        except (OSError, ValueError) as error:
            yield f"  file {path}: {error}"


def _instance(args: argparse.Namespace) -> Iterator[str]:
    """The instance of the command line made once more: its digest and, if it has one, its recipe."""
    from fgamcd_opt.instances.resolve import load

    name = getattr(args, "instance", None)
    if not isinstance(name, str):
        return
    try:
        instance = load(name, getattr(args, "set", None) or {})
    except Exception as error:  # a second fault must not hide the first one
        yield f"  instance {name}: cannot be made again ({_one_line(error)})"
        return
    yield f"  instance {instance.name}, digest {instance.digest}"
    if instance.recipe is not None:
        yield f"  recipe {json.dumps(instance.recipe, sort_keys=True)}"


def _packages() -> Iterator[tuple[str, str]]:
    """Every installed distribution."""
    for one in distributions():
        name = one.metadata["Name"]
        if name:
            yield str(name), one.version


def _written(text: str) -> Path | None:
    """The file that took the text, under a name that was free; None if no folder could be written."""
    stem = f"fgamcd-crash-{time.strftime('%Y%m%d-%H%M%S')}"
    for folder_of in (os.getcwd, tempfile.gettempdir):
        for number in range(_MOST_NAMES):
            try:
                path = Path(folder_of()) / (f"{stem}.txt" if number == 0 else f"{stem}-{number}.txt")
                with path.open("x", encoding="utf-8", errors="backslashreplace") as stream:
                    stream.write(text)
            except FileExistsError:
                continue
            except OSError:
                break
            return path
    return None
