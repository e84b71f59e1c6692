"""``fgamcd evaluate`` with a stand-in policy: gaps against direct solves, resuming, failures, refusals."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from scipy import stats
from stand_in import StandIn, make_policy

from fgamcd_opt import P1, load_instance, solve
from fgamcd_opt.cli.main import INTERRUPTED, main
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError
from fgamcd_opt.learning.config import method_config
from fgamcd_opt.learning.environment.layout import StateLayout
from fgamcd_opt.learning.policies.policy import Policy, make_network
from fgamcd_opt.learning.training.curve import CurveFile, CurveRow
from fgamcd_opt.solving import registry
from fgamcd_opt.studies.grid.cell_outcome import CellOutcome
from fgamcd_opt.studies.grid.cells import Source
from fgamcd_opt.studies.policies.contender import read_contender
from fgamcd_opt.studies.policies.evaluation_report import EvaluatedPolicies
from fgamcd_opt.studies.policies.held_out import held_out
from fgamcd_opt.studies.policies.policy_evaluation import EvaluationPlan, run_trials


@pytest.fixture(autouse=True)
def stand_in(request, monkeypatch):
    if "real_solver" in request.fixturenames:
        return
    monkeypatch.setitem(registry._BUILT_IN, "maasn-da", "stand_in:StandIn")
    StandIn.calls.clear()


@pytest.fixture
def drawings(monkeypatch):
    """Names of the figures, which are not drawn: that takes longer than everything else here."""
    names: list[str] = []
    monkeypatch.setattr(
        "fgamcd_opt.studies.policies.evaluation_report.save_figure",
        lambda figure, path: names.append(path.name) or [],
    )
    return names


def plan_of(*contenders: Path | str, instances=("tiny",), **more) -> EvaluationPlan:
    return EvaluationPlan(
        contenders=[read_contender(str(path)) for path in contenders],
        sources=[Source.of(name) for name in instances],
        **more,
    )


def row(episode: int, gap: float | None, seed: int = 0) -> CurveRow:
    return CurveRow(
        seed=seed, episode=episode, steps=7 * episode, seconds=0.5 * episode, return_=-1.0, delay_s=1.0, gap=gap,
        unserved=0, updates=episode, synthetic=0, steps_per_s=14.0,
    )  # fmt: skip


def test_gaps_are_those_of_direct_solves(tmp_path, drawings, capsys):
    """Two seeds of one method and one of another on three instances, beside a rival."""
    make_policy(tmp_path / "a" / "policy.safetensors", "greedy", 0, episode=1, steps=7, seconds=0.5)
    with CurveFile(tmp_path / "a" / "curve.csv") as curve:
        for episode, gap in ((1, 0.5), (8, 0.25)):
            curve.append(row(episode, gap))
    make_policy(tmp_path / "b.safetensors", "trimcaching", 1)
    make_policy(tmp_path / "c.safetensors", "local-search", 5, "qmix-da")
    words = [
        "evaluate",
        str(tmp_path / "a"),
        str(tmp_path / "b.safetensors"),
        str(tmp_path / "c.safetensors"),
        "tiny",
    ]
    words += [
        "--family",
        "tiny",
        "--held-out",
        "2",
        "--solver",
        "trimcaching",
        "-o",
        str(tmp_path / "out"),
        "--json",
    ]
    assert main(words) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)

    sources = [Source.of("tiny"), *held_out("tiny", 2)]
    problems = [P1(load_instance(source.instance, source.changes)) for source in sources]
    proved = [(problem, solve(problem, "exact").lower_bound_s) for problem in problems]
    assert proved[-1][1] is None  # the last one is proved infeasible, but not at once: it is left out
    assert report["methods"][0]["n"] == len(proved) - 1

    def gaps(solver: str) -> list[float]:
        found = [(solve(problem, solver).delay_s, bound) for problem, bound in proved[:-1]]
        return [(delay - bound) / delay for delay, bound in found]

    of = {entry["method"]: entry for entry in report["methods"]}
    assert list(of) == ["exact", "trimcaching", "maasn-da", "qmix-da"]
    both = gaps("greedy") + gaps("trimcaching")
    assert of["maasn-da"]["IQM gap %"] == pytest.approx(100 * stats.trim_mean(both, 0.25), abs=1e-3)
    assert of["maasn-da"]["largest %"] == pytest.approx(100 * max(both), abs=1e-3)
    assert (of["maasn-da"]["runs"], of["maasn-da"]["n"], of["maasn-da"]["solved %"]) == (2, 2, 100.0)
    assert of["qmix-da"]["IQM gap %"] == pytest.approx(
        100 * stats.trim_mean(gaps("local-search"), 0.25), abs=1e-3
    )
    assert of["qmix-da"]["from %"] is None  # one run
    assert of["maasn-da"]["from %"] <= of["maasn-da"]["IQM gap %"] <= of["maasn-da"]["to %"]
    assert of["exact"]["IQM gap %"] <= 0.1
    policies = {(entry["method"], entry["seed"]): entry for entry in report["policies"]}
    assert set(policies) == {("maasn-da", 0), ("maasn-da", 1), ("qmix-da", 5)}
    of_file = policies["maasn-da", 0]  # what led to this policy, not the whole curve
    assert (of_file["episodes"], of_file["steps"]) == (1, 7)
    assert policies["maasn-da", 1]["IQM gap %"] == pytest.approx(of["trimcaching"]["IQM gap %"])
    assert policies["maasn-da", 1]["episodes"] is None  # its file does not say
    assert {"gap_distribution", "gap_profile", "learning_curves_gap_steps"} <= set(drawings)
    tables = (tmp_path / "out" / "tables.md").read_text()
    assert "Left out, without a certified bound or infeasible: tiny[seed=" in tables
    assert "solves read rates of earlier ones" in tables
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"rows.csv", "rows.parquet", "evaluation.json", "tables.md", "cells", "solutions"}
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["methods"] == report["methods"]


def test_only_what_is_missing_is_run_again(tmp_path, drawings):
    first, second = (
        make_policy(tmp_path / "0.safetensors", "greedy"),
        make_policy(tmp_path / "1.safetensors", "greedy", 1),
    )
    out = tmp_path / "out"
    before = run_trials(plan_of(first).trials(), out)
    kept = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    assert len(StandIn.calls) == 1
    again = run_trials(plan_of(first, second).trials(), out)
    assert [call[0] for call in StandIn.calls] == [str(first), str(second)]
    assert again[:2] == before
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    moved = tmp_path / "elsewhere.safetensors"
    first.rename(moved)  # the same content under another name is the same policy
    run_trials(plan_of(moved, second).trials(), out)
    assert len(StandIn.calls) == 2
    make_policy(moved, "trimcaching")  # another content under the same name is not
    run_trials(plan_of(moved, second).trials(), out)
    assert len(StandIn.calls) == 3
    run_trials(plan_of(moved, options={"samples": "4"}).trials(), out)
    assert StandIn.calls[-1][2] == 4


def test_no_accepted_point_counts_as_infinite_delay(tmp_path):
    paths = [
        make_policy(tmp_path / f"{i}.safetensors", acting, i) for i, acting in enumerate(("nothing", "loud"))
    ]
    plan = plan_of(*paths)
    evaluation = EvaluatedPolicies.of(plan.contenders, run_trials(plan.trials(), tmp_path / "out"))
    exact, learned = evaluation.methods
    assert learned.gaps.tolist() == [[1.0], [1.0]]
    assert learned.solved == 0
    assert exact.gaps.max() <= 1e-3
    assert not evaluation.wrong
    shown = ElementTree.fromstring(
        evaluation._repr_html_()
    )  # three tables and a bar per method, in a notebook
    assert [len(shown.findall(f".//{tag}")) for tag in ("table", "{http://www.w3.org/2000/svg}rect")] == [
        3,
        2,
    ]


def test_policies_with_names_of_their_own(tmp_path):
    paths = [make_policy(tmp_path / f"{i}.safetensors", "greedy", 3) for i in range(2)]
    with pytest.raises(UsageError, match="2 policies are called 'maasn-da' with training seed 3"):
        plan_of(*paths).trials()
    plan = plan_of(paths[0], f"other={paths[1]}")
    rows = run_trials(plan.trials(), tmp_path / "out")
    assert [row.solver for row in rows] == ["exact", "maasn-da", "other"]
    assert [row.seed for row in rows] == [0, 3, 3]
    with pytest.raises(UsageError, match="'exact' is another method"):
        plan_of(f"exact={paths[0]}").trials()


def test_policy_that_refuses_to_act_is_told_at_once(tmp_path):
    path = make_policy(tmp_path / "p.safetensors", "refuses")
    with pytest.raises(InputError, match=r"p\.safetensors on tiny: does not act here"):
        run_trials(plan_of(path).trials(), tmp_path / "out")
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 1  # the bound is kept


def test_solve_that_a_stop_cut_short_is_not_kept(tmp_path):
    """Even if it came to its end before it noticed; what came before is kept, and the rest runs the next time."""
    plan, stop = plan_of(make_policy(tmp_path / "p.safetensors", "greedy")), threading.Event()

    def after_the_first(row, done, total):
        stop.set()

    with pytest.raises(KeyboardInterrupt):
        run_trials(plan.trials(), tmp_path / "out", progress=after_the_first, stop=stop)
    assert [path.name for path in (tmp_path / "out" / "cells").iterdir()] == [f"{plan.trials()[0].id}.json"]
    assert [row.outcome for row in run_trials(plan.trials(), tmp_path / "out")] == [CellOutcome.SOLVED] * 2


def test_ctrl_c_ends_the_command_and_keeps_rows(tmp_path, monkeypatch, capsys):
    path, killed = make_policy(tmp_path / "p.safetensors", "greedy"), []

    def kill(self, row, done, total):
        killed.append(done)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("fgamcd_opt.studies.grid.progress.ProgressBar.__call__", kill)
    assert main(["evaluate", str(path), "tiny", "-o", str(tmp_path / "out")]) == INTERRUPTED
    assert killed == [1]
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 1
    assert "1 of 2 solves are kept" in capsys.readouterr().err


def test_interrupted_solve_is_not_kept(tmp_path):
    path = make_policy(tmp_path / "p.safetensors", "stopped")
    with pytest.raises(KeyboardInterrupt):
        run_trials(plan_of(path).trials(), tmp_path / "out")
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 1


def test_bug_of_a_solver_is_a_failed_row(tmp_path):
    path = make_policy(tmp_path / "p.safetensors", "greedy")
    plan = plan_of(path)
    StandIn.calls = None  # what the stand-in stumbles over
    try:
        rows = run_trials(plan.trials(), tmp_path / "out")
    finally:
        StandIn.calls = []
    assert [row.outcome for row in rows] == [CellOutcome.SOLVED, CellOutcome.ERROR]
    assert EvaluatedPolicies.of(plan.contenders, rows).methods[1].gaps.tolist() == [[1.0]]
    again = run_trials(plan.trials(), tmp_path / "out", retry_failed=True)
    assert [row.outcome for row in again] == [CellOutcome.SOLVED] * 2


@pytest.fixture
def real_solver():
    """Leaves `maasn-da` as it is."""


@pytest.mark.usefixtures("real_solver")
def test_fresh_policies_through_their_own_solver(tmp_path):
    paths = []
    for method in ("maasn-da", "qmix-da"):
        config, layout = method_config(method), StateLayout(2, 2)
        network = make_network(config, layout, torch.Generator().manual_seed(3))
        paths.append(tmp_path / f"{method}.safetensors")
        Policy(method, config, layout, network).save(paths[-1])
    plan = plan_of(*paths, options={"samples": "4"})
    evaluation = EvaluatedPolicies.of(plan.contenders, run_trials(plan.trials(), tmp_path / "out"))
    problem = P1(load_instance("tiny"))
    bound = solve(problem).lower_bound_s
    for path, method in zip(paths, evaluation.methods[1:], strict=True):
        options = {"policy": str(path), "samples": 4}
        delay = solve(problem, "maasn-da", options=options).delay_s
        assert method.gaps.item() == pytest.approx((delay - bound) / delay)
        assert method.method == path.stem


def test_held_out_instances_are_always_the_same(monkeypatch):
    few, more = held_out("tiny", 3), held_out("tiny", 5)
    assert more[:3] == few
    assert len({source.digest for source in more}) == 5
    for source in more:
        assert P1(load_instance(source.instance, source.changes)).infeasibility_reason() is None
    tight = held_out("tiny", 2, {"storage_gb": "0.03"})
    assert all(source.changes["storage_gb"] == "0.03" for source in tight)
    monkeypatch.setattr("fgamcd_opt.studies.policies.held_out._TRIES", 5)
    with pytest.raises(InputError, match="0 of 5 instances are feasible"):
        held_out("tiny", 1, {"storage_gb": "0.001"})
    with pytest.raises(InputError, match="seed"):
        held_out("tiny", 1, {"seed": "1"})


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tiny"], ExitCode.USAGE, "no policy"),
        (["POLICY"], ExitCode.USAGE, "no instance"),
        (["POLICY", "tiny", "tiny"], ExitCode.USAGE, "tiny: is named twice"),
        (["POLICY", "--family", "tiny"], ExitCode.USAGE, "go together"),
        (["POLICY", "tiny", "--option", "policy=x"], ExitCode.USAGE, "before the instances"),
        (["POLICY", "tiny", "--option", "sample=x"], ExitCode.USAGE, "no option 'sample'"),
        (["POLICY", "tiny", "--solver", "gredy"], ExitCode.USAGE, "did you mean 'greedy'"),
        (["POLICY", "tiny", "--option", "samples=-1"], ExitCode.USAGE, "samples: -1 is negative"),
        (["POLICY", "tiny", "--option", "rounds=-1"], ExitCode.USAGE, "rounds: -1 is negative"),
        (["POLICY", "tiny", "--gap", "2"], ExitCode.USAGE, "gap 2"),
        (
            ["POLICY", "tiny", "--set", "nodes=5"],
            ExitCode.USAGE,
            "p.safetensors on tiny[nodes=5] is for at most 4",
        ),
        (["POLICY", "tinny"], ExitCode.INPUT_REJECTED, "nor a policy that exists; did you mean 'tiny'?"),
        (["a=missing.safetensors", "tiny"], ExitCode.INPUT_REJECTED, "nor a policy that exists\n"),
        (["missing.safetensors", "tiny"], ExitCode.INPUT_REJECTED, "missing.safetensors"),
    ],
)
def test_refused_before_any_solve(words, code, said, tmp_path, capsys):
    policy = str(make_policy(tmp_path / "p.safetensors", "greedy"))
    out = tmp_path / "out"
    given = [policy if word == "POLICY" else word for word in words]
    assert main(["evaluate", *given, "-o", str(out)]) == code
    assert said in capsys.readouterr().err
    assert not out.exists()
