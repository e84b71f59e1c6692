"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.logs import LEVELS
from fgamcd_opt.io.errors import UsageError
from fgamcd_opt.io.safe_text import quote
from fgamcd_opt.io.targets import Target, find_target, require_folder, require_writable, same_file

if TYPE_CHECKING:
    from fgamcd_opt.instances.instance import Instance
    from fgamcd_opt.problem.solution_file import Solution


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
        "instance",
        metavar="INSTANCE",
        help="preset, library name, recipe (.json, .toml) or instance file (.npz)",
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


def add_output(
    parser: argparse._ActionsContainer, metavar: str, text: str, *, required: bool = False
) -> None:
    """``-o`` with the word for what is written: FILE, FOLDER or PREFIX."""
    parser.add_argument("-o", "--output", type=named_path, required=required, metavar=metavar, help=text)


def add_force(parser: argparse._ActionsContainer) -> None:
    """``--force``, of the commands that write files which cannot be continued."""
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def require_new_file(args: argparse.Namespace, path: Path, **inputs: Path | str | None) -> Target:
    """Check, before any work, that ``path`` can be written and that no file vanishes by it without ``--force``.

    Parameters
    ----------
    args
        Arguments with ``force``.
    path
        The file to be written.
    inputs
        What the command reads, by its name; no ``--force`` lets it replace that.

    Raises
    ------
    UsageError
        It is one of the inputs, or exists.
    InputError
        It cannot be written.
    """
    target = require_writable(path)
    for what, read in inputs.items():
        if read is not None and same_file(target, Path(read)):
            raise UsageError(f"{path}: is the {what} itself; give the file to be written another name")
    _refuse_replacing(args, target)
    return target


def require_new_files(args: argparse.Namespace, folder: Path, names: Iterable[str]) -> None:
    """The same for files of a folder, which need not be there.

    Raises
    ------
    UsageError
        One of them exists.
    InputError
        One cannot be written.
    """
    names = list(names)
    require_folder(folder, names)
    if folder.is_dir():
        for name in names:
            _refuse_replacing(args, find_target(folder / name))


def _refuse_replacing(args: argparse.Namespace, target: Target) -> None:
    if target.replaced and not args.force:
        raise UsageError(f"{target.path}: exists; add --force to replace it")


def forgotten_changes(args: argparse.Namespace, solution: Solution, instance: Instance) -> str | None:
    """What to say where a solution is for the instance with other fields; None if it is not known to be."""
    if solution.instance_digest == instance.digest:
        return None
    from fgamcd_opt.instances.origin import origin

    found = origin(solution.instance_name, solution.instance_digest, args.instance)
    if found is None:
        return None
    source, changes = found
    fields = ", ".join(f"{name}={value}" for name, value in changes.items())
    words = shlex.join(
        [source, *(word for change in changes.items() for word in ("--set", "=".join(change)))]
    )
    if source != args.instance:
        remedy = f"name it: {words}"
    elif changes:
        remedy = f"add {words.removeprefix(shlex.quote(source)).strip()}"
        remedy += " in place of the --set that is given" if args.set else ""
    else:
        remedy = "leave --set out"
    return f"this solution belongs to {source}{f' with {fields}' if fields else ''}; {remedy}"


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


def positive_number(text: str) -> int:
    """A whole number >= 1, as an argparse type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def add_broadcast(parser: argparse._ActionsContainer, *, required: bool) -> None:
    """``--block`` and ``--nodes``."""
    parser.add_argument("--block", required=required, metavar="K", help="index or name of a requested block")
    parser.add_argument(
        "--nodes", type=_node_list, metavar="N,N,...", help="nodes that send, such as 0,2,5 (default: all)"
    )


def block_index(instance: Instance, text: str) -> int:
    """Block by index or name; it has to be requested."""
    from fgamcd_opt.instances.recipes.recipe_fields import nearest

    names = instance.block_names
    requested = instance.requested_blocks.tolist()
    if text in names:
        block = names.index(text)
    elif text.isdecimal() and int(text) < instance.n_blocks:
        block = int(text)
    else:
        hint = "" if text.isdecimal() else nearest(text, [names[k] for k in requested])
        raise UsageError(
            f"--block {text}: {instance.name} has blocks 0 to {instance.n_blocks - 1} and no such name{hint}"
        )
    if block not in requested:
        near = min(requested, key=lambda k: abs(k - block))
        raise UsageError(
            f"--block {text}: no user requests it; the nearest requested one is {near} ({names[near]})"
        )
    return block


def known_nodes(instance: Instance, nodes: list[int] | None) -> list[int]:
    """Nodes of the command line, all by default."""
    if nodes is None:
        return list(range(instance.n_nodes))
    for node in nodes:
        if node >= instance.n_nodes:
            raise UsageError(f"--nodes {node}: {instance.name} has nodes 0 to {instance.n_nodes - 1}")
    return nodes


def _node_list(text: str) -> list[int]:
    """Different node indices, as an argparse type."""
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{quote(text)} is no list of node indices such as 0,2,5")
    nodes = [int(part) for part in parts]
    if len(set(nodes)) != len(nodes):
        raise argparse.ArgumentTypeError(f"{text} names a node twice")
    return nodes
