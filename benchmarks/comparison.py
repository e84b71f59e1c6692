"""Comparison over the library: ``python benchmarks/comparison.py PART -o FOLDER [--page PAGE]``.

Runs ``fgamcd compare`` with the arguments of the part (and any that follow ``--``) and puts its summary and table of
gaps by instance into a page. Started again with the same folder, it runs only the cells that are missing.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

from pages import put

from fgamcd_opt.io.errors import ExitCode

SOLVERS = (
    "exact,column-generation,greedy,greedy-delay,trimcaching,trimcaching-spec,lp-rounding,local-search,compact,"
    "lp,lagrangian,sdr,coarse,coarse-exact,no-cooperation,tdma-unicast,hybrid,minlp"
)
"""All but the learned ones, which have a protocol of their own: ``fgamcd evaluate``."""
LIMITS = ("--time-limit", "20", "--memory-limit", "8", "--jobs", "2")
PARTS = {
    "quick": ("tiny", "small-s1-0080MB", "--solver", "exact,greedy,trimcaching,lagrangian", *LIMITS),
    "library": ("--library", "--solver", SOLVERS, *LIMITS),
}
"""Arguments of ``fgamcd compare`` by part; ``quick`` tries the script."""
LEFT_OUT = "* packages:"


def main() -> int:
    """Compare, and put the tables into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the comparison")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    parser.add_argument("more", nargs="*", help="further arguments of fgamcd compare, after --")
    args = parser.parse_args()
    words = ["compare", *PARTS[args.part], *args.more]
    call = [sys.executable, "-m", "fgamcd_opt", *words, "-o", str(args.output)]
    code = subprocess.run(call, check=False).returncode
    if args.page and code in (ExitCode.DONE, ExitCode.VERIFICATION_FAILED):
        text = over_all_instances((args.output / "tables.md").read_text(encoding="utf-8"))
        command = shlex.join(["fgamcd", *words, "-o", "FOLDER"])
        put(args.page, f"<!-- benchmarks/comparison.py {args.part} -->", f"    {command}\n\n{text}")
    return code


def over_all_instances(markdown: str) -> str:
    """Size, tables over all instances and settings of ``tables.md``, as parts of a page; packages are left out."""
    head, *parts = re.split(r"^## ", markdown, flags=re.MULTILINE)
    size = head.strip().rpartition("\n\n")[2]
    titles = [part.partition("\n")[0] for part in parts]
    last = next(i for i, title in enumerate(titles) if title.startswith("Gap to"))
    kept = [f"### {part.strip()}" for part in [*parts[: last + 1], parts[-1]]]
    lines = "\n\n".join([size, *kept]).splitlines()
    return "\n".join(line for line in lines if not line.startswith(LEFT_OUT))


if __name__ == "__main__":
    sys.exit(main())
