"""``fgamcd instances``: the library as a table, for people, as Markdown for the documentation, or as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import logging

from fgamcd_opt.cli.arguments import add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_table, say
from fgamcd_opt.io.errors import ExitCode

log = logging.getLogger("fgamcd_opt.cli")


EXAMPLES = (
    "fgamcd instances",
    "fgamcd instances --json",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    what.add_argument(
        "--check",
        action="store_true",
        help="generate all and compare its digest with the released one (exit code 6 if any differs)",
    )
    add_json(parser)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the table, or check the digests."""
    if args.check:
        return _check(args.json)
    from fgamcd_opt.studies.library.library_table import COLUMNS, library_rows, markdown_table

    rows = library_rows()
    if args.json:
        print_json({"instances": [dataclasses.asdict(row) for row in rows]})
    elif args.markdown:
        say(markdown_table(rows))
    else:
        print_table(COLUMNS, [row.cells() for row in rows])
    return ExitCode.DONE


def _check(as_json: bool) -> ExitCode:
    from fgamcd_opt.instances.generation.from_recipe import generate
    from fgamcd_opt.instances.library.catalog import library

    wrong = []
    for name, entry in library().items():
        digest = generate(entry.recipe).digest
        log.info("%s %s", name, digest)
        if digest != entry.digest:
            wrong.append({"instance": name, "released": entry.digest, "generated": digest})
    if as_json:
        print_json({"checked": len(library()), "mismatches": wrong})
    else:
        say(f"{len(library()) - len(wrong)} of {len(library())} instances have their released digest")
        for fault in wrong:
            say(f"{fault['instance']}: released {fault['released']}, generated {fault['generated']}")
    return ExitCode.VERIFICATION_FAILED if wrong else ExitCode.DONE
