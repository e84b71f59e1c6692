"""`short_repr`: short, printable and on one line, whatever the object holds."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field, make_dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.short_repr import MOST_CHARACTERS, short_repr
from fgamcd_opt.problem.variants import Csi


@dataclass
class Part:
    """An object with a repr of any length."""

    text: str


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.builds(Part, st.text())
    | st.binary()
)
VALUES = st.recursive(
    PLAIN | st.builds(np.zeros, st.tuples(st.integers(0, 3), st.integers(0, 3))),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6) | st.tuples(inner)
    ),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=60), st.integers(1, 100))
def test_it_is_short_and_printable_whatever_it_holds(values, width):
    names = [f"field_{'x' * width}{i}" for i in range(len(values))]
    made = make_dataclass("Made" * width, names, namespace={"__repr__": short_repr})(*values)
    text = repr(made)
    assert len(text) <= MOST_CHARACTERS
    assert text.isprintable()


@dataclass(repr=False)
class Settings:
    """Fields of all kinds, most with a default."""

    name: str
    rounds: int = 4
    csi: Csi = Csi.ROBUST
    share: float = 0.5
    rates: Any = None
    options: dict[str, int] = field(default_factory=dict)
    parts: tuple[Any, ...] = ()
    __repr__ = short_repr


def test_defaults_are_left_out_and_the_rest_is_shown():
    assert repr(Settings("a")) == "Settings(name='a')"
    full = Settings("a", 5, Csi.NOMINAL, 1 / 3, np.zeros((2, 3)), {"depth": 2}, (1, 2))
    assert repr(full) == (
        "Settings(name='a', rounds=5, csi=nominal, share=0.333333, rates=float64[2, 3], "
        "options={'depth': 2}, parts=(1, 2))"
    )
    nested = Settings(
        "a", parts=tuple(range(450)), rates=Settings("inner"), options={str(i): i for i in range(9)}
    )
    assert (
        repr(nested) == "Settings(name='a', rates=Settings('inner'), options=dict of 9, parts=tuple of 450)"
    )


def test_a_value_equal_to_the_default_but_of_another_type_is_shown():
    assert repr(Settings("a", True)) == "Settings(name='a', rounds=True)"
    assert repr(Settings("a", 4.0)) == "Settings(name='a', rounds=4)"


def test_named_tuples_and_plain_objects_show_their_public_attributes():
    pair = type("Pair", (namedtuple("Pair", "low high"),), {"__repr__": short_repr})
    assert repr(pair(1, 2.5)) == "Pair(low=1, high=2.5)"

    class Plain:
        __repr__ = short_repr

        def __init__(self) -> None:
            self.seen, self._hidden = 3, 4

    assert repr(Plain()) == "Plain(seen=3)"


def test_nothing_of_a_text_reaches_a_terminal_as_a_command():
    assert repr(Settings("\x1b[31mred\n\u202e")) == r"Settings(name='\x1b[31mred\n\u202e')"
