"""``fgamcd repository scan``: the blocks that real checkpoints share, and a repository file for recipes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import (
    add_force,
    add_json,
    add_log_level,
    add_output,
    named_path,
    require_new_file,
)
from fgamcd_opt.cli.output import print_json, print_rows, print_table, say
from fgamcd_opt.io.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fgamcd_opt.instances.repositories.model_repository import Repository

_SHOWN_MODELS = 12
"""Models up to which the sharing matrix is printed; more do not fit on a line."""

_SHOWN_LEFT_OUT = 20
"""Files that are not counted and printed one by one; those that may hold weights come first."""


EXAMPLES = (
    "fgamcd train maasn-da tiny --episodes 4 -o checkpoints",
    "fgamcd repository scan checkpoints",
    'fgamcd repository scan checkpoints --group-by "[a-z]+" -o blocks.json',
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("action", choices=("scan",), metavar="scan", help="what is done with the folder")
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        type=named_path,
        help="every checkpoint and every sub-folder with one is a model; an adapter comes with its base",
    )
    add_output(parser, "FILE", "repository file (.json) for --set repository=FILE")
    add_force(parser)
    parser.add_argument(
        "--group-by",
        metavar="REGEX",
        help="a tensor's block is what this matches at the start of its name (the first group, if there is one); by "
        "default the name up to its first number, else without its last part",
    )
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Scan, write, print."""
    path: Path | None = args.output
    if path is not None:
        if path.suffix != ".json":
            raise UsageError(f"{path}: the name must end in .json")
        require_new_file(args, path)

    from fgamcd_opt.instances.repositories.checkpoint_files import survey
    from fgamcd_opt.instances.repositories.checkpoint_scan import build_repository
    from fgamcd_opt.instances.repositories.repository_file import save_repository

    found = survey(args.folder)
    repository = build_repository(args.folder, found.checkpoints, args.group_by)
    if path is not None:
        save_repository(path, repository)
    report = {
        "folder": str(args.folder),
        "file": None if path is None else str(path),
        **_report(repository),
        "not_counted": [{"path": item.path, "reason": item.reason} for item in found.left_out],
    }
    if args.json:
        print_json(report)
    else:
        _print(report)
    return ExitCode.DONE


def _report(repository: Repository) -> dict[str, Any]:
    """The figures in bytes."""
    from fgamcd_opt.instances.repositories.sharing import bytes_saved, reuse_ratio, shared_bytes

    shared = shared_bytes(repository).tolist()
    alone = repository.model_blocks[:, repository.model_blocks.sum(axis=0) == 1].sum(axis=1).tolist()
    counts = repository.model_blocks.sum(axis=1).tolist()
    holders = repository.model_blocks.sum(axis=0).tolist()
    return {
        "models": [
            {"name": name, "bytes": shared[i][i], "blocks": counts[i], "own_blocks": alone[i]}
            for i, name in enumerate(repository.model_names)
        ],
        "blocks": [
            {"name": name, "bytes": size, "models": held}
            for name, size, held in zip(
                repository.block_names, repository.block_bytes.tolist(), holders, strict=True
            )
        ],
        "shared_bytes": shared,
        "model_bytes_total": sum(row[i] for i, row in enumerate(shared)),
        "block_bytes_total": int(repository.block_bytes.sum()),
        "bytes_saved": bytes_saved(repository),
        "reuse_ratio": reuse_ratio(repository),
    }


def _print(report: dict[str, Any]) -> None:
    """The figures for people."""
    models, total = report["models"], report["model_bytes_total"]
    rows = [
        [str(i), f"{m['bytes'] / 1e6:.3f}", str(m["blocks"]), str(m["own_blocks"]), m["name"]]
        for i, m in enumerate(models)
    ]
    print_table(["no.", "size MB", "blocks in all", "own blocks", "model"], rows)
    if len(models) <= _SHOWN_MODELS:
        say("\nbytes that two models share, in MB")
        print_table(
            ["no.", *map(str, range(len(models))), "model"],
            [
                [str(i), *(f"{value / 1e6:.3f}" for value in row), models[i]["name"]]
                for i, row in enumerate(report["shared_bytes"])
            ],
        )
    say()
    saved = report["bytes_saved"]
    summary = {
        "models": f"{len(models)} of {total / 1e6:.3f} MB in all",
        "blocks": f"{len(report['blocks'])} of {report['block_bytes_total'] / 1e6:.3f} MB in all, each counted once",
        "saved": f"{saved / 1e6:.3f} MB ({100 * saved / total:.2f} %) by storing every block once",
        "reuse ratio": f"{100 * report['reuse_ratio']:.2f} % of the models' bytes are in blocks of two models or more",
    }
    if report["file"] is not None:
        summary["file"] = f"{report['file']}, for --set repository={report['file']}"
    print_rows(summary)
    if left_out := report["not_counted"]:
        print("\nnot counted")
        rows = [[item["path"], item["reason"]] for item in left_out[:_SHOWN_LEFT_OUT]]
        print_table(["file", "reason"], rows)
        if len(left_out) > len(rows):
            print(f"and {len(left_out) - len(rows)} more, which --json lists")
