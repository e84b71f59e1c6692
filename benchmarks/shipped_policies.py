"""The policies of the package: ``python benchmarks/shipped_policies.py [--page PAGE]``.

Prints what the policy files say of themselves: the command that makes each of them, and how the training ended.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pages import put

from fgamcd_opt.learning.policies.policy_file import load_policy
from fgamcd_opt.learning.policies.shipped_policies import SHIPPED
from fgamcd_opt.studies.table import DELAY, GAP, Column, Table

COLUMNS = (
    Column("policy"),
    Column("nodes", "d"),
    Column("KiB", ".0f"),
    Column("command"),
    Column("seed", "d"),
    Column("training s", ".0f"),
    Column("delay s", DELAY),
    Column("gap %", GAP),
    Column("on held-out instances", "d"),
)
NOTE = (
    "Delay and gap to the certified bound are means over the held-out instances that the training judges on."
)


def shipped_table() -> Table:
    """One row per policy."""
    rows = []
    for path in sorted(SHIPPED.glob("*.safetensors")):
        _, meta = load_policy(path)
        made = meta["provenance"]
        scores = (made["seconds"], made["delay_s"], 100.0 * made["gap"], made["judged"])
        size_kib = path.stat().st_size / 1024
        rows.append(
            (path.stem, meta["n_nodes"], size_kib, f"`{made['command']}`", meta["config"]["seed"], *scores)
        )
    return Table("shipped", "Policies of the package", COLUMNS, tuple(rows), (NOTE,))


def main() -> None:
    """Print, put."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--page", type=Path, help="put the table into this page")
    args = parser.parse_args()
    text = shipped_table().markdown()
    print(text)
    if args.page:
        put(args.page, "<!-- benchmarks/shipped_policies.py -->", text)


if __name__ == "__main__":
    main()
