"""Sizes with units: every unit, rounding, and everything that is no size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.sizes import UNITS, format_size, has_unit, parse_size

SIZES = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("1.25 GB", 1_250_000_000),
        ("5GiB", 5 * 1024**3),
        (".5kB", 500),
        (" 7B ", 7),
        ("0TB", 0),
        ("1.5B", 2),
        ("2.5B", 2),
    ],
)
def test_known_sizes(text: str, size: int) -> None:
    assert parse_size("storage", text) == size


@given(st.integers(0, 10**5), st.integers(0, 999), st.sampled_from(sorted(UNITS)))
def test_a_size_is_its_number_times_its_unit(whole: int, thousandths: int, unit: str) -> None:
    text = f"{whole}.{thousandths:03d}{unit}"
    exact = (Decimal(whole) + Decimal(thousandths) / 1000) * UNITS[unit]
    assert abs(parse_size("storage", text) - exact) <= Decimal("0.5")
    assert has_unit(text)


@given(SIZES, SIZES, st.sampled_from(sorted(UNITS)))
def test_larger_numbers_are_larger_sizes(first: int, second: int, unit: str) -> None:
    sizes = [parse_size("s", f"{number}{unit}") for number in sorted((first, second))]
    assert sizes == sorted(sizes)


@given(st.text(max_size=12))
def test_any_other_text_is_refused_with_the_field(text: str) -> None:
    try:
        size = parse_size("storage", text)
    except InputError as error:
        told = str(error)
    else:
        told, known = "storage: ", has_unit(text)
        assert known
        assert 0 <= size < 2**63
    assert told.startswith("storage: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("500", "no unit; write 500MB or 500GB"),
        ("500mb", "unknown unit 'mb'; did you mean MB"),
        ("500Mb", "did you mean MB"),
        ("5 parsec", "unknown unit 'parsec'; known are B, kB"),
        ("-5MB", "is no size"),
        ("nanMB", "is no size"),
        ("", "is no size"),
        ("1e3MB", "is no size"),
        ("9999999999TB", "is more than"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_size("storage", text)


@given(st.integers(1, 10**15))
def test_formatted_sizes_read_back_within_their_digits(size: int) -> None:
    if "e+" not in (text := format_size(size)):
        assert abs(parse_size("s", text) - size) <= 5e-4 * size
