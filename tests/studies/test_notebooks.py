"""What notebooks show of public objects: figures of the object, a picture, and names as text and nothing else."""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from synthetic_rows import BOUND_S, GAPS, cell, frame
from toy_problems import solved_toy

from fgamcd_opt import P1, Variant, load_instance, solve
from fgamcd_opt.io.errors import BackendError
from fgamcd_opt.solving.result_report import to_json
from fgamcd_opt.studies.scores import scores_of

TINY = load_instance("tiny")
RESULT = solve(TINY)
HOSTILE = '<script>alert("x")</script>\u202e& \'onload="y"'


class Page(HTMLParser):
    """Tags, attributes and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def shown(thing: object) -> Page:
    """The page of an object; it is well-formed, too."""
    text = thing._repr_html_()  # type: ignore[attr-defined]
    ET.fromstring(f"<div>{text}</div>")
    return Page(text)


def named(name: str) -> P1:
    data = dataclasses.replace(
        TINY, name=name, recipe=None, model_names=[f"{name}{i}" for i in range(TINY.n_models)]
    )
    return P1(data)


OBJECTS = {
    "Instance": TINY,
    "P1": P1(TINY, Variant.parse({"csi": "nominal"})),
    "Result": RESULT,
    "Evaluation": RESULT.verification.evaluation,
    "Scores": scores_of(frame([cell(i, s) for i in BOUND_S for s in GAPS])),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_table_and_a_picture(name):
    page = shown(OBJECTS[name])
    assert page.tags.count("svg") == 1
    assert page.tags.count("table") >= 1
    assert not {"script", "img", "link", "iframe", "foreignobject"} & set(page.tags)


def test_the_figures_are_those_of_the_object():
    words = shown(RESULT).words
    assert f"{RESULT.delay_s:.6f} s" in words
    assert any(text.startswith(f"{RESULT.lower_bound_s:.6f} s") for text in words)
    assert TINY.digest[:12] in shown(TINY).words
    assert "csi=nominal" in shown(OBJECTS["P1"]).words
    assert f"{100 * GAPS['greedy']:.3f}" in shown(OBJECTS["Scores"]).words


def test_a_result_without_a_point_is_a_table_alone():
    page = shown(solve(TINY, "lp"))
    assert (page.tags.count("table"), page.tags.count("svg")) == (1, 0)


def test_names_are_text():
    problem = named(HOSTILE)
    scores = scores_of(frame([{**cell("beta", "exact"), "instance": HOSTILE, "solver": HOSTILE}]))
    for thing in (problem.instance, problem, solve(problem, "greedy"), scores):
        page = shown(thing)
        assert "script" not in page.tags
        assert not {name for name in page.attributes if name.startswith("on")}
        assert "\u202e" not in thing._repr_html_()
    assert any('<script>alert("x")</script>' in text for text in shown(problem).words)


def test_a_result_is_a_row_of_a_table():
    table = RESULT.to_frame()
    told = to_json(RESULT)
    assert len(table) == 1
    for name in ("instance", "solver", "status", "delay_s", "lower_bound_s", "gap", "seed"):
        assert table[name].item() == told[name]
    assert table["total_s"].item() == RESULT.times.total_s
    assert table["option_rounds"].item() == RESULT.options["rounds"]
    assert np.isscalar(table["variant"].item())
    assert not [
        name for name in table.columns if table[name].map(lambda cell: isinstance(cell, dict | list)).any()
    ]


def test_rows_of_any_results_make_one_table_of_numbers():
    problems = [
        (TINY, "exact"),
        (TINY, "greedy"),
        (TINY, "lp"),
        (TINY.replace(storage_bytes=[0, 0]), "exact"),
    ]
    results = [solve(problem, name) for problem, name in problems]
    table = pd.concat([result.to_frame() for result in results], ignore_index=True)
    for name, values in (
        ("delay_s", [result.delay_s for result in results]),
        ("lower_bound_s", [result.lower_bound_s for result in results]),
        ("gap", [result.gap for result in results]),
    ):
        assert table[name].dtype == float
        assert table[name].tolist() == pytest.approx(
            [math.nan if v is None else v for v in values], nan_ok=True
        )
    assert table["infeasibility"].tolist()[:3] == ["", "", ""]
    assert results[3].infeasibility == table["infeasibility"].iloc[-1]


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("fgamcd_opt.io.optional.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"Result\.to_frame needs pandas.*\[compare\]"):
        RESULT.to_frame()


def test_the_solved_toy_shows_its_blocks():
    instance, solution = solved_toy()
    page = shown(P1(instance, solution.variant).evaluate(solution.decision))
    assert page.tags.count("rect") == 2 * instance.requested_blocks.size
