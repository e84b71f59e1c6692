"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fgamcd_opt.cli.logs import LEVELS


class Pairs(argparse.Action):
    """Collects repeated ``--option name=value`` into a dict of texts; refuses a name that is given twice."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add one pair."""
        name, equals, text = str(values).partition("=")
        if not (name and equals):
            parser.error(f"argument {option_string}: {values!r} does not read {self.metavar}")
        pairs: dict[str, str] = getattr(namespace, self.dest)
        if name in pairs:
            parser.error(f"argument {option_string}: {name} is given twice")
        setattr(namespace, self.dest, {**pairs, name: text})


def add_pairs(parser: argparse.ArgumentParser, flag: str, metavar: str, text: str) -> None:
    """An option that collects ``name=value`` pairs; may be repeated."""
    parser.add_argument(flag, action=Pairs, default={}, metavar=metavar, help=text)


def add_instance(parser: argparse.ArgumentParser) -> None:
    """``INSTANCE`` with ``--set``."""
    parser.add_argument(
        "instance", metavar="INSTANCE", help="preset, library name, recipe (.json) or instance file (.npz)"
    )
    add_pairs(
        parser,
        "--set",
        "FIELD=VALUE",
        "change a field of the recipe, such as seed=7, users=48 or storage_gb=0.25 (1e9 bytes); repeatable",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")


def add_log_level(parser: argparse.ArgumentParser, default: str = "warning") -> None:
    """``--log-level``."""
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default=default,
        help="least serious messages that go to stderr (default: %(default)s)",
    )


def named_path(text: str) -> Path:
    """A path, as an argparse type; an empty text, such as an unset variable of a shell, is none."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; expected the name of a file or folder")
    return Path(text)


def whole_number(text: str) -> int:
    """A whole number >= 0, as an argparse type."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
