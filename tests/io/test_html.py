"""HTML and pictures from any texts and numbers: well-formed, to scale, and nothing that runs."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.html import html_card, html_facts, html_table, svg_bars, svg_map

TEXT = st.text(st.characters(), max_size=300)


@given(TEXT, TEXT, st.lists(st.tuples(TEXT, st.lists(st.floats(), max_size=3)), max_size=40))
def test_any_text_and_any_numbers_make_a_well_formed_page(title, value, bars):
    page = html_card(
        html_facts(title, {value: value}),
        html_table(title, [value], [[value]], [value]),
        svg_bars(title, bars),
    )
    ET.fromstring(page)
    assert "nan" not in page.split("<svg")[1].split(">", 1)[0]


@given(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=5))
def test_every_position_lies_in_the_picture(points):
    picture = ET.fromstring(svg_map(points, points))
    numbers = [
        float(shape.get(axis))
        for shape in picture.iter()
        for axis in ("x", "y", "cx", "cy")
        if shape.get(axis)
    ]
    assert len(numbers) == 4 * len(points)
    assert all(math.isfinite(number) and 0 <= number <= 220 for number in numbers)


def test_north_is_up_and_both_axes_have_one_scale():
    picture = ET.fromstring(svg_map([(0.0, 0.0), (100.0, 50.0)], [(0.0, 50.0)]))
    low, high = [
        (float(s.get("x")) + 5, float(s.get("y")) + 5) for s in picture.iter() if s.tag.endswith("rect")
    ]
    assert high[0] - low[0] == pytest.approx(2 * (low[1] - high[1]))
    assert high[1] < low[1]


def test_bars_are_as_long_as_their_values_and_what_is_not_drawn_is_said():
    picture = ET.fromstring(svg_bars("T", [(f"bar {i}", (1.0 + i, 1.0)) for i in range(30)]))
    widths = [float(s.get("width")) for s in picture.iter() if s.tag.endswith("rect")]
    assert len(widths) == 48
    assert widths[2] / widths[0] == pytest.approx(2.0, rel=0.05)
    assert "6 more are not drawn" in "".join(picture.itertext())
