"""Bounds of node sets nobody solved: ``python benchmarks/subset_bounds.py [--page PAGE]``.

Blocks of the large preset on 12 nodes without QoS. The rate of random sets S is bounded in four ways; the loss is
relative to the bound from evidence of its own. Inherited bounds come from the evidence for all nodes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine_words
from pages import put

from fgamcd_opt.beamforming.broadcast import BeamformingSettings, Broadcast
from fgamcd_opt.beamforming.rate_evidence import rate_evidence, restrict_evidence
from fgamcd_opt.beamforming.rate_oracle import reduce_block
from fgamcd_opt.beamforming.subset_bounds import whitened
from fgamcd_opt.core import inherited_bound, lone_users_bound
from fgamcd_opt.instances.resolve import load

MARK = "<!-- benchmarks/subset_bounds.py -->"
NODES = 12
WAYS = ("lone users", "inherited", "new multipliers", "own evidence")
SETTINGS = BeamformingSettings(rounds=2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", default="1,2,4,8", help="users per block, comma-separated")
    parser.add_argument("--sizes", default="11,9,6", help="nodes in S, comma-separated")
    parser.add_argument("--sets", type=int, default=10, help="random sets per row (default 10)")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    args = parser.parse_args()
    heads = [f"{way}, {unit}" for way in WAYS for unit in ("loss %", "microseconds")]
    lines = ["| users | nodes in S | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for users in map(int, args.users.split(",")):
        for size in map(int, args.sizes.split(",")):
            lines.append(row(users, size, args.sets))
            print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join([*lines, "", f"`python benchmarks/subset_bounds.py`, {machine_words()}"])
    print(table)
    if args.page:
        put(args.page, MARK, table)


def block_of(users: int) -> Broadcast:
    """A block that all of ``users`` users want."""
    recipe = {"nodes": str(NODES), "users": str(users), "qos_cap": "0", "zipf": "100"}
    instance = load("large", recipe)
    return reduce_block(instance, int(instance.requested_blocks[0]))


def row(users: int, size: int, count: int) -> str:
    """Mean loss in rate and median time of every way, over random sets."""
    block = block_of(users)
    parent = rate_evidence(block, (1 << NODES) - 1, None, None, SETTINGS)
    parts, mu = whitened(block, parent)
    ways: tuple[Callable[[int], float], ...] = (
        lambda mask: lone_users_bound(block.gram, block.radius2, block.error_set.code, block.owed, mask),
        lambda mask: inherited_bound(parts, parent.y, mu, block.owed, mask, np.inf),
        lambda mask: restrict_evidence(block, parent, mask, 1e-2).snr_bound,
        lambda mask: rate_evidence(block, mask, None, None, SETTINGS).snr_bound,
    )
    rng = np.random.default_rng(users)
    rates, seconds = np.empty((count + 1, len(ways))), np.empty((count + 1, len(ways)))
    for number in range(count + 1):  # the first one compiles
        mask = sum(1 << int(n) for n in rng.choice(NODES, size, replace=False))
        for way, bound in enumerate(ways):
            begun = time.perf_counter()
            rates[number, way] = np.log2(1.0 + bound(mask))
            seconds[number, way] = time.perf_counter() - begun
    loss = 100.0 * (rates[1:] / rates[1:, -1:] - 1.0).mean(axis=0)
    cells = [
        cell
        for lost, spent in zip(loss, np.median(seconds[1:], axis=0), strict=True)
        for cell in (f"{lost:.2f}", f"{1e6 * spent:.0f}")
    ]
    return f"| {users} | {size} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
