"""``fgamcd generate``: an instance file, or the recipe that regenerates it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fgamcd_opt.cli.arguments import (
    add_force,
    add_instance,
    add_json,
    add_log_level,
    add_output,
    require_new_file,
)
from fgamcd_opt.cli.output import print_json, print_rows
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError

EXAMPLES = (
    "fgamcd generate tiny --set seed=7 -o seven.npz",
    "fgamcd generate tiny --set users=4 --set storage_gb=0.05 -o mine.json",
    "fgamcd info mine.json",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    add_output(
        parser,
        "FILE",
        ".npz for the instance with all its arrays, .json for the recipe alone",
        required=True,
    )
    add_force(parser)
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Make the instance and write it."""
    path: Path = args.output
    if path.suffix not in (".npz", ".json"):
        raise UsageError(f"{path}: the name must end in .npz (instance) or .json (recipe)")
    require_new_file(args, path)

    from fgamcd_opt.instances.format import save_instance
    from fgamcd_opt.instances.generation.recipe_check import verified_recipe
    from fgamcd_opt.instances.recipes.own_values import paths_for
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.io.files import write_bytes_atomically

    instance = load(args.instance, args.set)
    if path.suffix == ".npz":
        save_instance(path, instance)
    elif instance.recipe is None:
        raise InputError(f"{args.instance}: carries no recipe; only an .npz file can hold it")
    else:
        recipe = paths_for(verified_recipe(instance, args.instance).to_json(), path.parent)
        write_bytes_atomically(path, f"{json.dumps(recipe, indent=1)}\n".encode())
    written = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "instance": instance.name,
        "digest": instance.digest,
    }
    if args.json:
        print_json(written)
    else:
        print_rows({name: str(value) for name, value in written.items()})
    return ExitCode.DONE
