"""What the core's functions of the game, of networks and of training refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from refusals import Call

from fgamcd_opt import core

# two copies of a game with three nodes and four steps
LINKS = np.full((4, 3, 2), 0.5)
STEPS = {"row": np.array([0, 2])}
EXECUTE = Call(
    core.execute,
    {
        "chosen": np.ones((2, 3, 3), np.bool_),
        "repaired": True,
        "room": np.full((2, 3), 10),
        **STEPS,
        "end": np.array([4, 4]),
        "block_bytes": np.array([6, 10, 10, 3]),
        "requested": np.ones(4, np.bool_),
        "link_s": LINKS,
    },
    outputs=["chosen", "room"],
)
DELIVER = Call(
    core.deliver,
    {
        "bits": np.ones((2, 3, 3), np.uint8),
        "redeliver": True,
        **STEPS,
        "requested": np.ones(4, np.bool_),
        "block_bits": np.ones(4),
        "link_s": LINKS,
        "rates_bps": np.ones((4, 8)),
        "best_sets": np.full((4, 8), 7, np.int32),
        "delay_s": np.zeros(2),
    },
    outputs=["bits", "delay_s"],
)
SHOWN = Call(
    core.shown,
    {
        "states": np.ones((4, 5), np.float32),
        **STEPS,
        "room": np.full((2, 3), 10),
        "bytes_to_come": np.ones(4),
        "first": 2,
        "state": np.zeros((2, 5), np.float32),
    },
    outputs=["state"],
)
BITS = np.ones((2, 3, 3), np.uint8)
MASKS = [
    Call(function, {"bits": BITS, "masks": np.zeros(2, np.int64)}, outputs=["masks"])
    for function in (core.caching_mask, core.participants)
]
MIGRATION = Call(
    core.migration_s,
    {"bits": BITS, "link_s": LINKS[:2].copy(), "slowest_s": np.zeros(2)},
    outputs=["slowest_s"],
)
CHEAPEST = Call(
    core.cheapest_migration,
    {"caching": 1, "mask": 7, "link_s": LINKS[0].copy(), "bits": np.zeros((3, 2), np.uint8)},
    outputs=["bits"],
)
BEST = Call(
    core.best_set,
    {
        "caching": 1,
        "size_bits": 1.0,
        "link_s": LINKS[0].copy(),
        "most_bps": np.ones(8),
        "rate_bps": np.ones(8),
    },
)
LOGITS: dict[str, Any] = {"logits": np.ones((2, 3, 3), np.float32), "admissible": np.ones((2, 3), np.bool_)}
LIKELIER = Call(core.likelier_bits, {**LOGITS, "bits": np.zeros((2, 3, 3), np.uint8)}, outputs=["bits"])
DRAWN = Call(
    core.drawn_bits,
    {
        **LOGITS,
        "chances": np.full((2, 3, 4), 0.5, np.float32),
        "epsilon": 0.1,
        "fresh": np.ones(3, np.float32),
        "bits": np.zeros((2, 3, 3), np.uint8),
    },
    outputs=["bits"],
)
DRAW = Call(
    core.draw_transitions,
    {
        "chances": np.array([0.1, 0.9]),
        "count": 4,
        "weight": np.ones(5, np.float32),
        "rows": np.ones((5, 2), np.float32),
        "divisor": 2.0,
        "drawn": np.zeros((3, 2), np.float32),
        "found": 0,
    },
    outputs=["drawn"],
    any_length=[("chances", 0), ("drawn", 0)],
)
ASCEND = Call(
    core.ascend_all,
    {
        "gram": np.tile(np.eye(2, dtype=complex), (2, 3, 1, 1)),
        "phase": np.ones((2, 2, 2), complex),
        "loss": np.zeros((2, 2)),
        "iterations": 3,
        "step": 1.0,
        "tiny": 1e-300,
        "best": np.zeros((2, 2)),
    },
    outputs=["best"],
    any_length=[("gram", 1)],
)
CALLS = [EXECUTE, DELIVER, SHOWN, *MASKS, MIGRATION, CHEAPEST, BEST, LIKELIER, DRAWN, DRAW, ASCEND]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.function.__name__)
def test_spoilt_arrays_are_refused(call: Call) -> None:
    call.check()


@pytest.mark.parametrize(
    ("call", "name", "value", "message"),
    [
        (EXECUTE, "row", np.array([0, 4]), "row: entry 1 is 4, expected a number from 0 to 3"),
        (EXECUTE, "row", np.array([-1, 0]), "row: entry 0 is -1"),
        (EXECUTE, "end", np.array([5, 0]), "end: entry 0 is 5, expected a number from 0 to 4"),
        (EXECUTE, "block_bytes", np.array([6, -1, 10, 3]), "block_bytes: expected sizes that are not neg"),
        (DELIVER, "row", np.array([0, 4]), "row: entry 1 is 4"),
        (SHOWN, "row", np.array([0, 4]), "row: entry 1 is 4"),
        (SHOWN, "first", 3, "first: expected room for all nodes after it"),
        (SHOWN, "first", -1, "first: expected room for all nodes after it"),
        (CHEAPEST, "caching", 8, "caching: expected a set of the nodes"),
        (CHEAPEST, "mask", -1, "mask: expected a set of the nodes"),
        (BEST, "caching", 8, "caching: expected a set of the nodes"),
        (DRAW, "count", 6, "count: expected transitions that are there"),
        (DRAW, "count", 0, "count: expected transitions that are there"),
        (DRAW, "found", 4, "found: expected a number of rows of the batch"),
        (DRAW, "chances", np.array([0.1, 1.0]), r"chances: expected numbers in \[0, 1\)"),
        (DRAW, "chances", np.array([np.nan, 0.5]), r"chances: expected numbers in \[0, 1\)"),
    ],
)
def test_entries_that_point_nowhere_are_refused(call: Call, name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call.run(**{name: value})


def test_a_best_set_of_unknown_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="best_sets: expected sets of the nodes"):
        DELIVER.run(rates_bps=np.zeros((4, 8)), best_sets=np.full((4, 8), 8, np.int32))


def test_any_byte_but_zero_is_true() -> None:
    odd = np.full((2, 3, 3), 2, np.uint8).view(np.bool_)
    same = EXECUTE.copies(), EXECUTE.copies() | {"chosen": odd}
    for arguments in same:
        core.execute(**arguments)
    np.testing.assert_array_equal(same[0]["chosen"].view(np.uint8), odd.view(np.uint8))
    np.testing.assert_array_equal(same[0]["room"], same[1]["room"])


def test_nobody_sends_where_nobody_caches() -> None:
    bits = np.ones((3, 2), np.uint8)
    core.cheapest_migration(0, 7, LINKS[0].copy(), bits)
    assert not bits.any()
