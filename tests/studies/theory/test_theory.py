"""The error bound: what the theorem claims of its parts, closed forms, brute force; and ``fgamcd theory``."""

from __future__ import annotations

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from fgamcd_opt.cli.main import main
from fgamcd_opt.io.errors import ExitCode, InputError, UsageError
from fgamcd_opt.studies.theory.sample_bound import Constants, ErrorBound, read_distances

POSITIVE = st.floats(0.05, 20.0)
CONSTANTS = st.builds(
    Constants, gamma=st.floats(0.0, 0.99), episodes=st.integers(1, 90), steps=st.integers(1, 60), chi=st.floats(0, 1),
    augment_interval=st.integers(1, 20), reward_max=POSITIVE, concentrability=st.floats(1.0, 9.0), complexity=POSITIVE,
    lipschitz=POSITIVE, approximation=st.floats(0.0, 9.0), distance_rms=POSITIVE,
)  # fmt: skip
DISTANCES = st.none() | st.lists(POSITIVE, min_size=1, max_size=9).map(
    lambda values: np.sort(np.array(values))
)
BOUNDS = st.builds(ErrorBound, CONSTANTS, DISTANCES)
ZETA, XI = np.linspace(0.0, 1.0, 9), np.linspace(0.0, 4.0, 11)
FEW = settings(max_examples=40)


def by_hand(bound: ErrorBound, zeta: float, xi: float) -> float:
    """The bound in plain scalars, episode by episode."""
    c = bound.constants
    real, synthetic = 0, 0
    for episode in range(int(c.episodes)):
        real += int(c.steps)
        synthetic += math.floor(zeta * c.steps * c.chi ** (episode // int(c.augment_interval)) + 1e-9)
    if bound.distances is None:
        kept = 1.0 - math.exp(-((xi / c.distance_rms) ** 2))
    else:
        kept = sum(distance <= xi for distance in bound.distances) / len(bound.distances)
    horizon = 1.0 / (1.0 - c.gamma)
    variance = c.complexity * (c.reward_max * horizon) ** 2 / (real + kept * synthetic)
    bias = synthetic / (real + synthetic) * c.lipschitz * xi
    one_step = c.approximation + math.sqrt(variance + bias**2)
    first = 4.0 * c.gamma ** (c.episodes + 1) * c.reward_max * horizon**2
    return first + 2.0 * c.concentrability * c.gamma * horizon**2 * one_step


@FEW
@given(BOUNDS, st.sampled_from(ZETA.tolist()), st.sampled_from(XI.tolist()))
def test_bound_is_that_computed_by_hand(bound, zeta, xi):
    assert float(bound.total(zeta, xi)) == pytest.approx(by_hand(bound, zeta, xi), rel=1e-9)


@FEW
@given(BOUNDS)
def test_parts_move_as_the_theorem_says(bound):
    sample, model = (part(ZETA[:, None], XI[None, :]) for part in (bound.sample_term, bound.model_term))
    assert (np.diff(sample, axis=0) <= 1e-12 * sample[1:]).all()  # the sample term shrinks with zeta
    assert (np.diff(model, axis=0) >= 0).all()  # the share of the network grows with zeta
    assert (np.diff(model, axis=1) >= 0).all()  # and with xi
    if bound.synthetic(1.0) > 0:
        assert sample[-1, -1] < sample[0, -1] or bound.kept_share(XI[-1]) == 0
        assert model[-1, -1] > model[0, -1] == 0


@FEW
@given(BOUNDS)
def test_algorithmic_term_is_a_geometric_tail(bound):
    """2 V gamma^(J+1) at either end of a horizon that is summed term by term."""
    c = bound.constants
    tail = sum(c.gamma**t for t in range(5000))
    assert bound.algorithmic == pytest.approx(4 * c.gamma ** (c.episodes + 1) * c.reward_max * tail**2)
    longer = ErrorBound(dataclasses.replace(c, episodes=c.episodes + 1))
    assert longer.algorithmic == pytest.approx(c.gamma * bound.algorithmic)


@FEW
@given(BOUNDS)
def test_minimum_is_that_of_all_grid_points(bound):
    least = bound.minimum(ZETA, XI)
    every = [(float(bound.total(zeta, xi)), zeta, xi) for zeta in ZETA for xi in XI]
    assert least.bound == pytest.approx(min(every)[0], rel=1e-12)
    assert float(bound.total(least.zeta, least.xi)) == least.bound
    assert least.on_edge == (least.zeta in (ZETA[0], ZETA[-1]) or least.xi in (XI[0], XI[-1]))


def test_minimiser_of_many_real_and_few_synthetic_samples():
    """With z = m / n, v the variance and L = 1, e^2 is v - v P(x) z + x^2 z^2 to second order.

    So it is least where P(x) / x is largest, at z = v P(x) / (2 x^2).
    """
    constants = Constants(complexity=100.0, distance_rms=0.7, augment_interval=1000, steps=10**6)
    bound = ErrorBound(constants)
    x = 0.7 * optimize.brentq(lambda t: (1 + 2 * t * t) * math.exp(-t * t) - 1, 0.5, 3.0)
    v = constants.complexity * (constants.reward_max / 0.05) ** 2 / bound.real
    z = v * float(bound.kept_share(x)) / (2 * x * x)
    least = bound.minimum(np.linspace(0.0, 4 * z, 2001), np.linspace(0.2, 2.5, 461))
    assert not least.on_edge
    assert least.xi == pytest.approx(x, rel=0.02)
    assert float(bound.synthetic(least.zeta)) / bound.real == pytest.approx(z, rel=0.04)


def test_defaults_have_a_minimiser_within():
    bound = ErrorBound(Constants())
    least = bound.minimum(np.linspace(0.0, 1.0, 41), np.linspace(0.0, 2.5, 51))
    assert not least.on_edge
    assert least.bound < min(float(bound.total(0.0, 0.0)), float(bound.total(1.0, 2.5)))


def test_measured_distances_of_that_distribution_agree_with_it():
    drawn = np.sort(np.random.default_rng(0).rayleigh(1.3 / math.sqrt(2), 100_000))
    assert float(np.sqrt((drawn**2).mean())) == pytest.approx(1.3, rel=0.01)
    constants = Constants(distance_rms=1.3)
    np.testing.assert_allclose(
        ErrorBound(constants, drawn).kept_share(XI), ErrorBound(constants).kept_share(XI), atol=0.01
    )


@pytest.mark.parametrize("heading", ["", "distance\n"])
def test_distances_from_a_file(tmp_path, heading):
    path = tmp_path / "distances.csv"
    path.write_text(heading + "2.5\n0.5\n1\n")
    assert read_distances(path).tolist() == [0.5, 1.0, 2.5]


@pytest.mark.parametrize(
    "text",
    ["", "distance\n", "seed,distance\n0,1\n", "1,2\n", "1\n-2\n", "1\nnan\n", "1\ninf\n", "a\nb\n1\n"],
)
def test_bad_distances_are_refused(tmp_path, text):
    path = tmp_path / "distances.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"distances\.csv: (line \d|holds no)"):
        read_distances(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("gamma", 1.0), ("episodes", 1.5), ("chi", 1.1), ("lipschitz", math.nan), ("complexity", 0)],
)
def test_constants_out_of_range_are_refused(name, value):
    with pytest.raises(UsageError, match=f"{name}: .*expected"):
        Constants(**{name: value})


def test_command_writes_what_it_prints(tmp_path, capsys):
    words = [
        "theory",
        "--constant",
        "lipschitz=1.5",
        "--zeta-points",
        "11",
        "--xi-points",
        "6",
        "-o",
        str(tmp_path / "t"),
    ]
    assert main([*words, "--json"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    rows = [
        {k: float(v) for k, v in row.items()}
        for row in csv.DictReader((tmp_path / "t" / "theory.csv").read_text().splitlines())
    ]
    assert len(rows) == 11 * 6
    least = min(rows, key=lambda row: row["bound"])
    assert least == {name: report["points"]["least"][name] for name in ("zeta", "xi", "bound")}
    by_scalars = by_hand(ErrorBound(Constants(lipschitz=1.5)), 0.8, 1.12)
    assert report["points"]["source"]["bound"] == pytest.approx(by_scalars, rel=1e-12)
    assert report["constants"]["lipschitz"] == {"value": 1.5, "origin": "chosen by you"}
    assert {row["constant"] for row in report["sensitivity"]} == {
        "concentrability", "complexity", "lipschitz", "distance_rms"
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "t").iterdir()} == {"theory.csv", "theory.png", "theory.svg"}
    assert main([*words, "--force"]) == ExitCode.DONE
    assert "assumption" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--constant", "gama=0.9"], "no such constant"),
        (["--constant", "gamma=x"], "is no number"),
        (["--constant", "gamma=1"], "out of range"),
        (["--xi-max", "0"], "--xi-max"),
    ],
)
def test_command_refuses(words, said, capsys):
    assert main(["theory", *words]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_distribution_is_given_once(tmp_path, capsys):
    path = tmp_path / "distances.csv"
    path.write_text("1\n")
    assert main(["theory", "--distances", str(path), "--constant", "distance_rms=2"]) == ExitCode.USAGE
    assert "distance_rms" in capsys.readouterr().err
    assert main(["theory", "--distances", str(path), "--zeta-points", "5"]) == ExitCode.DONE
    assert "measured" in capsys.readouterr().out
