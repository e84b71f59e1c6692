"""`compare` from Python: the same rows as the command, instances as objects, and wrong arguments refused."""

from __future__ import annotations

import pytest

from fgamcd_opt import Variant, compare, load_instance, solve
from fgamcd_opt.cli.main import main
from fgamcd_opt.io.errors import InputError, UsageError
from fgamcd_opt.studies.comparison import compare as module

TINY = load_instance("tiny")
TIGHT = TINY.replace(name="tight <b>", storage_bytes=TINY.storage_bytes - 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison") / "out"


@pytest.fixture(scope="module")
def scores(folder):
    options = {"exact": {"rounds": 1}}
    return compare(["tiny", TIGHT], ["exact", "greedy"], folder, time_limit=60, gap=1e-4, options=options)


def test_every_method_on_every_instance(scores):
    assert scores.instances == ("tiny", "tight <b>")
    assert scores.methods == ("exact", "greedy")
    assert {score.classes for score in scores.by_cell.values()} <= {"proved", "feasible", "better_than_known"}


def test_delays_are_those_of_solve(scores):
    for name, instance in (("tiny", TINY), ("tight <b>", TIGHT)):
        direct = solve(instance, "greedy")
        assert scores.by_cell[name, "greedy"].mean("delay_s") == direct.delay_s


def test_it_shows_itself_in_a_notebook(scores):
    page = scores._repr_html_()
    assert "greedy" in page
    assert page.count("<svg") == 1


def test_the_command_takes_the_rows_as_its_own(scores, folder):
    before = {path: path.stat().st_mtime_ns for path in (folder / "cells").rglob("*.json")}
    assert len(before) == 4
    words = ["compare", "tiny", str(next((folder / "instances").glob("*.npz"))), "--solver", "exact,greedy"]
    assert (
        main([*words, "--time-limit", "60", "--gap", "1e-4", "--option", "exact.rounds=1", "-o", str(folder)])
        == 0
    )
    assert {path: path.stat().st_mtime_ns for path in (folder / "cells").rglob("*.json")} == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ("tiny", ["greedy"]),
            UsageError,
            r"instances: got 'tiny'; expected several in a list, such as \['tiny'\]",
        ),
        ((TINY, ["greedy"]), UsageError, "instances: got <Instance 'tiny'"),
        ((["tiny"], "greedy"), UsageError, "solvers: got 'greedy'"),
        ((["tiny"], ["greedi"]), UsageError, "did you mean 'greedy'"),
        ((["tinny"], ["greedy"]), InputError, "did you mean 'tiny'"),
        ((["tiny", "tiny"], ["greedy"]), UsageError, "twice"),
    ],
    ids=["a name", "an instance", "a solver", "unknown solver", "unknown instance", "twice"],
)
def test_wrong_arguments_are_refused_before_any_work(arguments, error, message, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "run_cells", lambda *_, **__: pytest.fail("must not run"))
    with pytest.raises(error, match=message):
        compare(*arguments, tmp_path / "out")
    with pytest.raises(UsageError, match="time limit: got '60' of type str"):
        compare(["tiny"], ["greedy"], tmp_path / "out", time_limit="60")


def test_a_variant_is_asked_of_all(tmp_path):
    scores = compare(["tiny"], ["greedy"], tmp_path, variant=Variant.parse({"csi": "nominal"}))
    assert scores.by_cell["tiny", "greedy"].asked_variant == "csi=nominal"
