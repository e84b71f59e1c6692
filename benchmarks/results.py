"""What the campaigns of the learned methods report: one JSON file, and tables and a figure made of it in a page."""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pages import put

from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.studies.figure_files import save_figure
from fgamcd_opt.studies.statistics import Estimate
from fgamcd_opt.studies.table import Table

PICTURES = "figures"
"""Folder beside the page."""

COMMANDS = (
    "What was run in FOLDER, for seed 0; the trainings of the other seeds differ in nothing else, and their policies "
    "are named in the same evaluations:"
)

Content = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Arguments that the campaigns share."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of trainings and evaluations, kept")
    parser.add_argument("--jobs", type=int, default=2, help="trainings side by side (default: %(default)s)")
    parser.add_argument("--page", type=Path, help="put tables and figure into this page")
    parser.add_argument(
        "--report-only", action="store_true", help=f"run nothing: report what FOLDER/{name}.json holds"
    )


def publish(
    args: argparse.Namespace,
    name: str,
    run: Callable[[], Content],
    tables: Callable[[Content], Sequence[Table]],
    figure: Callable[[Content], Any],
) -> None:
    """Run, keep the figures as ``NAME.json``, print the tables, and put them with the picture into the page."""
    kept = args.folder / f"{name}.json"
    if not args.report_only:
        write_bytes_atomically(kept, (compact(run()) + "\n").encode())
    content = json.loads(kept.read_text(encoding="utf-8"))
    text = "\n\n".join(f"### {table.title}\n\n{table.markdown()}" for table in tables(content))
    print(text)
    written = save_figure(figure(content), args.folder / name)
    if args.page is None:
        return
    pictures = args.page.parent / PICTURES
    pictures.mkdir(exist_ok=True)
    for path in (kept, *written):
        if path.parent.resolve() != pictures.resolve():
            shutil.copyfile(path, pictures / path.name)
    files = ", ".join(f"[{path.name}]({PICTURES}/{path.name})" for path in (kept, *written))
    ending = f"`{content['script']}`, {content['machine']}. Files: {files}"
    parts = [f"![{name}]({PICTURES}/{name}.png)", text, COMMANDS, code_block(content["commands"]), ending]
    put(args.page, f"<!-- benchmarks/{name}.py -->", "\n\n".join(parts))


def compact(content: Content) -> str:
    """JSON with one line per record."""
    parts = []
    for name, value in content.items():
        records = isinstance(value, list) and value and isinstance(value[0], dict)
        lines = ",\n".join(json.dumps(each, allow_nan=False) for each in value) if records else ""
        parts.append(f'"{name}": ' + (f"[\n{lines}\n]" if records else json.dumps(value, allow_nan=False)))
    return "{\n" + ",\n".join(parts) + "\n}"


def code_block(commands: Sequence[str]) -> str:
    """Commands in a page."""
    return "\n".join(f"    {command}" for command in commands)


def percents(estimate: Estimate) -> tuple[float | None, ...]:
    """Value and ends in percent; None where there is no interval."""
    return tuple(None if math.isnan(part) else 100.0 * part for part in estimate)


def verdict(advantage: Estimate, words: tuple[str, str, str]) -> str:
    """The first word if the whole interval is above 0, the second if all of it is below, else the third."""
    if math.isnan(advantage.low):
        return "no interval"
    return words[0] if advantage.low > 0 else words[1] if advantage.high < 0 else words[2]
