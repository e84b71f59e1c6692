"""Reading, checking and writing variants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.variants import FIELDS, Csi, Delivery, Granularity, Unserved, Variant


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    delivery, unserved = draw(st.sampled_from(Delivery)), draw(st.sampled_from(Unserved))
    return Variant(
        granularity=draw(st.sampled_from(Granularity)),
        delivery=delivery,
        cooperation=draw(st.booleans()),
        csi=draw(st.sampled_from(Csi)),
        unserved=unserved,
        hybrid_threshold=draw(st.integers(0, 99)) if delivery == "hybrid" else None,
        cloud_rate_bps=draw(st.floats(1e-3, 1e12)) if unserved == "cloud" else None,
    )


@given(variants())
def test_text_round_trip(variant):
    assert Variant.parse(variant.to_dict()) == variant
    assert Variant.parse(variant.differences()) == variant
    assert set(variant.to_dict()) == set(FIELDS)


def test_parse_with_parameters():
    variant = Variant.parse({"delivery": "hybrid(4)", "unserved": " cloud( 1e9 ) ", "cooperation": "False"})
    assert variant == Variant(
        delivery=Delivery.HYBRID,
        hybrid_threshold=4,
        unserved=Unserved.CLOUD,
        cloud_rate_bps=1e9,
        cooperation=False,
    )
    assert str(variant) == "delivery=hybrid(4), cooperation=false, unserved=cloud(1000000000.0)"


def test_the_default_is_p1():
    assert Variant.parse({}) == Variant()
    assert str(Variant()) == "P1"
    assert Variant().differences() == {}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"speed": "high"}, "variant field 'speed' is unknown"),
        ({"granularity": "layer"}, "granularity: 'layer' is unknown; known: block, model"),
        ({"delivery": "hybrid"}, "hybrid and to nothing else"),
        ({"delivery": "unicast_tdma(3)"}, "hybrid and to nothing else"),
        ({"delivery": "hybrid(2.5)"}, "'2.5' is not a number"),
        ({"delivery": "hybrid(-1)"}, "whole number >= 0"),
        ({"delivery": "hybrid(1"}, "cannot read"),
        ({"granularity": "block(2)"}, "takes no parameter"),
        ({"cooperation": "yes"}, "neither true nor false"),
        ({"unserved": "cloud"}, "cloud and to nothing else"),
        ({"unserved": "forbidden(1e9)"}, "cloud and to nothing else"),
        ({"unserved": "cloud(0)"}, "not a finite number > 0"),
        ({"unserved": "cloud(nan)"}, "not a finite number > 0"),
        ({"unserved": "cloud(inf)"}, "not a finite number > 0"),
        ({"csi": 3}, "cannot read 3"),
    ],
)
def test_bad_text_is_refused(fields, fault):
    with pytest.raises(InputError, match=fault.replace("(", r"\(").replace(")", r"\)")):
        Variant.parse(fields)


def test_bad_values_are_refused():
    with pytest.raises(InputError, match="cooperation"):
        Variant(cooperation="no")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="hybrid"):
        Variant(delivery=Delivery.HYBRID, hybrid_threshold=True)
