"""``fgamcd completion``: the script by which a shell completes commands, options and files."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from fgamcd_opt.cli.arguments import add_log_level, named_path
from fgamcd_opt.io.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = (
    "fgamcd completion bash > fgamcd.bash",
    "fgamcd completion zsh > _fgamcd",
    "fgamcd completion fish > fgamcd.fish",
)
"""Commands of the help, which run one after the other in one folder."""

_FOLDERS = ("FOLDER",)
"""Words for values that are folders; all other paths are files."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "The script is static: source it where the shell starts (bash), or put it into a folder of $fpath (zsh) or "
        "into ~/.config/fish/completions (fish). Make it again after an update."
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the script."""
    from fgamcd_opt.io.optional import require_extra

    require_extra("completion", "shell completion")
    import shtab

    print(shtab.complete(_all_commands({"file": shtab.FILE, "folder": shtab.DIRECTORY}), shell=args.shell))
    return ExitCode.DONE


def _all_commands(kinds: Mapping[str, Any]) -> argparse.ArgumentParser:
    """One parser with every command; values that are paths are marked for completion."""
    from fgamcd_opt.cli.main import COMMANDS, SUMMARY, command_parser

    whole = argparse.ArgumentParser(prog="fgamcd", description=SUMMARY)
    whole.add_argument("--version", action="store_true", help="print the version")
    commands = whole.add_subparsers(metavar="COMMAND")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, parents=[command_parser(name)], add_help=False)
        for action in command._actions:
            if action.type is named_path or action.metavar == "INSTANCE":
                kind = "folder" if action.metavar in _FOLDERS else "file"
                action.complete = kinds[kind]  # type: ignore[attr-defined]
    return whole
