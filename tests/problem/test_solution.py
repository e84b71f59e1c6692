"""The solution file: lossless, strict, and nothing left behind when it fails."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_problems import random_decision, random_instance, solved_toy

from fgamcd_opt.io.archive import read_archive, write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.times import Times
from fgamcd_opt.problem.solution_file import Solution, _digest
from fgamcd_opt.problem.variants import Variant


@given(seed=st.integers(0, 2**32 - 1), delay=st.floats(1e-9, 1e9), share=st.floats(0.0, 1.0))
def test_round_trip_is_lossless(tmp_path_factory, seed, delay, share):
    path = tmp_path_factory.mktemp("solution") / "s.npz"
    instance = random_instance(seed)
    solution = Solution(
        decision=random_decision(instance, seed),
        instance_digest=instance.digest,
        instance_name=instance.name,
        solver="toy",
        solver_version="1.2",
        delay_s=delay,
        lower_bound_s=share * delay,
        bound_kind="guess of a test",
        seed=seed,
        variant=Variant.parse({"delivery": "hybrid(3)"}),
        options={"starts": [1, 2.5, None, {"deep": "yes"}]},
        times=Times(0.1, 0.2, share, 2.0),
    )
    solution.save(path)
    again = Solution.load(path)
    for field in dataclasses.fields(Solution):
        if field.name != "decision":
            assert getattr(again, field.name) == getattr(solution, field.name)
    for name in ("caching", "migration", "beams"):
        np.testing.assert_array_equal(getattr(again.decision, name), getattr(solution.decision, name))
    first = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"delay_s": float("nan")}, "delay_s: nan is not a finite number"),
        ({"delay_s": True}, "delay_s: True"),
        ({"delay_s": "1"}, "delay_s: '1'"),
        ({"lower_bound_s": 1.0}, "lower_bound_s 1.0 and bound_kind None: give both"),
        ({"bound_kind": "lp"}, "lower_bound_s None and bound_kind 'lp': give both"),
        ({"lower_bound_s": float("inf"), "bound_kind": "lp"}, "lower_bound_s: inf"),
        ({"lower_bound_s": 1.0, "bound_kind": ""}, "bound_kind: '' is not a non-empty text"),
        ({"seed": 1.5}, "seed: 1.5"),
        ({"solver": ""}, "solver: ''"),
        ({"options": {"gap": float("inf")}}, "options: not plain finite JSON"),
        ({"options": {"gap": object()}}, "options: not plain finite JSON"),
    ],
)
def test_bad_values_are_refused(change, fault):
    with pytest.raises(InputError, match=fault):
        dataclasses.replace(solved_toy()[1], **change)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "1", True])
def test_bad_times_are_refused(value):
    with pytest.raises(InputError, match="times: search_s"):
        Times(search_s=value)


def rewrite(path, change):
    """Apply ``change(header, arrays)`` to a stored solution."""
    header, arrays = read_archive(path, "solution")
    change(header, arrays)
    write_archive(path, "solution", header, arrays)


FILE_CHANGES = {
    "unknown field": (lambda h, a: h.update(note="x"), "field 'note' is unknown"),
    "missing field": (lambda h, a: h.pop("seed"), "field 'seed' is missing"),
    "unknown array": (lambda h, a: a.update(rates=np.zeros(1)), "array 'rates' is unknown"),
    "missing array": (lambda h, a: a.pop("beams"), "array 'beams' is missing"),
    "relaxed caching": (lambda h, a: a.update(caching=a["caching"] * 1.0), "caching: dtype is float64"),
    "no binary byte": (
        lambda h, a: a.update(caching=(a["caching"].view(np.uint8) * 2).view(np.bool_)),
        "caching: holds a byte that is neither 0 nor 1",
    ),
    "NaN beams": (lambda h, a: a.update(beams=a["beams"] * np.nan), "is not finite"),
    "other shape": (lambda h, a: a.update(migration=a["migration"][:2]), "migration: shape is"),
    "unknown variant": (lambda h, a: h["variant"].update(delivery="pigeon"), "'pigeon' is unknown"),
    "variant no object": (lambda h, a: h.update(variant=[]), r"variant: \[\] is not an object"),
    "times incomplete": (lambda h, a: h["times"].pop("solve_s"), "times field 'solve_s' is missing"),
    "options no object": (lambda h, a: h.update(options=3), "options: 3 is not an object"),
    "another spelling": (lambda h, a: h["variant"].update(cooperation="True"), "is not how"),
    "delay": (lambda h, a: h.update(delay_s=h["delay_s"] / 2), "the content has digest"),
    "beam": (lambda h, a: a.update(beams=a["beams"] * 0.99), "the content has digest"),
    "harmless bit": (lambda h, a: a.update(caching=a["caching"] & False), "the content has digest"),
}


@pytest.mark.parametrize("name", FILE_CHANGES)
def test_changed_files_are_refused(tmp_path, name):
    path = tmp_path / "s.npz"
    solved_toy()[1].save(path)
    change, fault = FILE_CHANGES[name]
    rewrite(path, change)
    with pytest.raises(InputError, match=fault) as caught:
        Solution.load(path)
    assert str(path) in str(caught.value)


def test_times_of_an_older_release(tmp_path):
    """They knew a total, and loading as a part of building."""
    path, solution = tmp_path / "s.npz", solved_toy()[1]
    old = {"build_s": 1.5, "rates_s": 0.25, "search_s": 0.5, "total_s": 2.5}
    header = solution._header() | {"times": old}
    solution.save(path)
    rewrite(path, lambda h, a: h.update(times=old, digest=_digest(header, solution.decision)))
    assert Solution.load(path).times == Times(build_s=1.5, solve_s=1.0, rates_s=0.25, search_s=0.5)
    rewrite(path, lambda h, a: h["times"].update(total_s="long"))
    with pytest.raises(InputError, match="times: total_s: 'long' is not a finite number"):
        Solution.load(path)


def test_nothing_is_left_behind_when_writing_fails(tmp_path):
    with pytest.raises(InputError):
        solved_toy()[1].save(tmp_path / "missing" / "s.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_release_before_a_variant_field_is_read(tmp_path):
    """Its digest is over the fields that its release knew; the field takes its default."""
    path, (_, solution) = tmp_path / "s.npz", solved_toy()
    solution.save(path)
    header, arrays = read_archive(path, "solution")
    del header["variant"]["max_senders"], header["digest"]
    state = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in ("caching", "migration", "beams"):
        state.update(f"{name} {arrays[name].shape} ".encode() + arrays[name].tobytes())
    write_archive(path, "solution", header | {"digest": state.hexdigest()}, arrays)
    assert Solution.load(path).variant == solution.variant
    assert Solution.load(path).digest == solution.digest
