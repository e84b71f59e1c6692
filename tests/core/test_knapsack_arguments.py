"""What the core's knapsack functions refuse: arrays of other types and shapes, and entries that point nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from refusals import Call

from fgamcd_opt import core

# two nodes; block 0 has the columns {0}, {1}, {0, 1}, block 1 has {0}, {1}
KNAPSACK: dict[str, Any] = {
    "starts": np.array([0, 3, 5]),
    "mask": np.array([3, 1, 2, 1, 2]),
    "delay_s": np.array([1.0, 2.0, 3.0, 1.0, 4.0]),
}
COLUMNS = Call(
    core.LpColumns,
    {**KNAPSACK, "size": np.array([1.0, 0.5]), "capacity": np.array([1.0, 1.0])},
    any_length=[("capacity", 0)],
)
DUAL = Call(
    core.dual_simplex,
    {
        "columns": COLUMNS.run(),
        "need": np.array([0, 0]),
        "forbid": np.array([0, 0]),
        "price": np.zeros(2),
        "rows": np.array([[-1, 0, 0], [-1, 1, 0]]),
        "share": np.zeros(2),
        "key": np.array([0, 3]),
        "cutoff": np.inf,
        "steps": 50,
    },
    outputs=["price", "rows", "share", "key"],
)
BYTES: dict[str, Any] = {"size_bytes": np.array([10, 5]), "storage_bytes": np.array([10, 10])}
PROPAGATE = Call(
    core.propagate,
    {**BYTES, "need": np.array([1, 0]), "forbid": np.array([0, 0])},
    outputs=["forbid"],
    any_length=[("storage_bytes", 0)],
)
CHOICE: dict[str, Any] = {**KNAPSACK, **BYTES, "chosen": np.array([0, 3])}
REPAIR = Call(core.repair, CHOICE, outputs=["chosen"], any_length=[("storage_bytes", 0)])
POLISH = Call(
    core.polish,
    {**CHOICE, "promising_s": np.inf, "worthwhile": 1e-7},
    outputs=["chosen"],
    any_length=[("storage_bytes", 0)],
)
DELAYS = Call(
    core.configuration_delays,
    {
        "starts": np.array([0, 1, 2]),
        "bits": np.array([8.0, 4.0]),
        "backhaul_bps": np.ones((2, 2, 2)),
        "air_s": np.array([[np.inf, 3.0, 2.0, 1.0], [np.inf, 3.0, 2.0, 1.0]]),
        "migrate": True,
        "delay": np.zeros((2, 4)),
        "served_by": np.zeros((2, 4), np.int64),
    },
    outputs=["delay", "served_by"],
)


@pytest.mark.parametrize(
    "call", [COLUMNS, DUAL, PROPAGATE, REPAIR, POLISH, DELAYS], ids=lambda call: call.function.__name__
)
def test_spoilt_arrays_are_refused(call: Call) -> None:
    call.check()


@pytest.mark.parametrize(
    ("call", "name", "value", "message"),
    [
        (COLUMNS, "starts", [1, 3, 5], "starts: expected one part after the other"),
        (COLUMNS, "starts", [0, 6, 5], "starts: expected one part after the other"),
        (COLUMNS, "starts", [0, 3, 4], "starts: expected one part after the other"),
        (COLUMNS, "mask", [3, 1, 2, 1, 4], "mask: entry 4 is 4, expected a number from 0 to 3"),
        (COLUMNS, "mask", [3, 1, 2, 1, -1], "mask: entry 4 is -1"),
        (COLUMNS, "delay_s", [1.0, 2.0, 3.0, 1.0, np.nan], "delay_s: expected finite numbers"),
        (COLUMNS, "delay_s", [1.0, 2.0, 3.0, 1.0, -1.0], "delay_s: expected finite numbers"),
        (COLUMNS, "size", [1.0, 2.0], "size: expected multiples of the largest block"),
        (COLUMNS, "size", [np.nan, 1.0], "size: expected multiples of the largest block"),
        (COLUMNS, "capacity", [np.inf, 1.0], "capacity: expected finite numbers"),
        (DUAL, "rows", [[2, 0, 0], [-1, 1, 0]], "rows: expected blocks of the knapsack"),
        (DUAL, "rows", [[-2, 0, 0], [-1, 1, 0]], "rows: expected blocks of the knapsack"),
        (DUAL, "rows", [[-1, 2, 0], [-1, 1, 0]], "rows: expected columns of the row's block, or a node"),
        (DUAL, "rows", [[0, 3, 0], [-1, 1, 0]], "rows: expected columns of the row's block, or a node"),
        (DUAL, "rows", [[0, 0, -1], [-1, 1, 0]], "rows: expected columns of the row's block, or a node"),
        (DUAL, "key", [0, 5], "key: entry 1 is 5, expected a number from 0 to 4"),
        (PROPAGATE, "size_bytes", [-1, 5], "size_bytes: expected sizes of at most 2\\^62 together"),
        (PROPAGATE, "storage_bytes", [10, -1], "storage_bytes: expected no debts"),
        (REPAIR, "size_bytes", [2**62, 1], "size_bytes: expected sizes of at most 2\\^62 together"),
        (POLISH, "size_bytes", [2**63 - 1, 2**63 - 1], "size_bytes: expected sizes of at most 2\\^62"),
        (REPAIR, "chosen", [0, 2], "chosen: expected a column of every block"),
        (POLISH, "chosen", [-1, 3], "chosen: expected a column of every block"),
        (POLISH, "delay_s", [np.inf, 2.0, 3.0, 1.0, 4.0], "delay_s: expected finite numbers"),
        (DELAYS, "starts", [0, 2, 1], "starts: expected one part after the other"),
    ],
)
def test_entries_that_point_nowhere_are_refused(call: Call, name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call.run(**{name: np.array(value, call.arguments[name].dtype)})


def test_a_search_that_gains_nothing_by_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="worthwhile: expected a positive share"):
        POLISH.run(worthwhile=0.0)


@pytest.mark.parametrize("nodes", [0, 31])
def test_sets_of_no_and_of_too_many_nodes_are_refused(nodes: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 30 nodes"):
        COLUMNS.run(capacity=np.ones(nodes))
    with pytest.raises(ValueError, match="expected 1 to 30 nodes"):
        PROPAGATE.run(storage_bytes=np.ones(nodes, np.int64))


def test_columns_are_copied() -> None:
    arrays = COLUMNS.copies()
    columns = core.LpColumns(**arrays)
    expected = DUAL.run()
    for values in arrays.values():
        values[:] = -7
    assert DUAL.run(columns=columns) == expected


def test_largest_sizes_do_not_overflow() -> None:
    """Two blocks of 2^61 bytes: on a full node neither may lie, and both find room on two."""
    size = np.array([2**61, 2**61])
    chosen = np.array([0, 3])
    assert core.polish(
        **CHOICE | {"size_bytes": size, "storage_bytes": size, "chosen": chosen},
        promising_s=np.inf,
        worthwhile=1e-7,
    )
    assert sorted(KNAPSACK["mask"][chosen].tolist()) == [1, 2]
    need, forbid = np.array([1, 1]), np.array([0, 0])
    assert not core.propagate(size, size, need, forbid)
    assert core.propagate(size, size, np.array([1, 0]), forbid)
    assert forbid.tolist() == [0, 1]
