"""Sweeps into the documentation: ``python benchmarks/figures.py storage users --work FOLDER``.

Runs (or continues) every sweep in FOLDER/NAME, copies its CSV and plots to docs/results/figures and puts its tables
into docs/results/NAME_sweep.md.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from machine import machine_words
from pages import put

from fgamcd_opt.cli.main import main as fgamcd

RESULTS = Path(__file__).parents[1] / "docs" / "results"
FOLDER = RESULTS / "figures"


def main() -> None:
    """Run, copy, put."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sweeps", nargs="+", help="such as storage users")
    parser.add_argument("--work", type=Path, required=True, help="folder for the cells, kept between runs")
    parser.add_argument("--options", default="", help="further words for fgamcd sweep, such as '--seeds 0-2'")
    args = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in args.sweeps:
        words = ["sweep", name, *args.options.split()]
        code = fgamcd([*words, "-o", str(args.work / name)])
        if code:
            raise SystemExit(code)
        page = RESULTS / f"{name}_sweep.md"
        put(page, f"<!-- benchmarks/figures.py {name} -->", page_text(name, words, args.work / name))


def page_text(name: str, words: list[str], folder: Path) -> str:
    """Plots, tables and command, with the files copied to where the page finds them."""
    copied = [path for path in sorted(folder.glob(f"{name}*")) if path.suffix in (".csv", ".png", ".svg")]
    for path in copied:
        shutil.copyfile(path, FOLDER / path.name)
    pictures = [f"![{path.stem}](figures/{path.name})" for path in copied if path.suffix == ".png"]
    files = ", ".join(f"[{path.name}](figures/{path.name})" for path in copied if path.suffix != ".png")
    tables = (folder / f"{name}.md").read_text(encoding="utf-8").strip()
    footer = f"`fgamcd {' '.join(words)} -o {name}`, {machine_words()}. Files: {files}"
    return "\n\n".join([*pictures, tables, footer])


if __name__ == "__main__":
    main()
