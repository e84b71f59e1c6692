"""What the pictures show, before it is drawn: against loops over the instance and the decision."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.decision import Decision
from fgamcd_opt.problem.p1 import P1
from fgamcd_opt.problem.variants import Variant
from fgamcd_opt.studies.pictures.cache_map import family_bytes, model_shares
from fgamcd_opt.studies.pictures.delay_bars import delay_figure, slowest_user
from fgamcd_opt.studies.pictures.delivery_map import delivery_figure, delivery_of
from fgamcd_opt.studies.pictures.families import block_owners, family_name, requested_by_family
from fgamcd_opt.studies.pictures.network_map import cooperation_graph
from fgamcd_opt.studies.pictures.sharing_graph import group_places, sharing_graph
from fgamcd_opt.testing.random_problems import random_problem


def random_decision(instance: Instance, seed: int) -> Decision:
    rng = np.random.default_rng(seed)
    nodes = instance.n_nodes
    beams = rng.normal(size=(instance.requested_blocks.size, nodes, instance.channel.shape[2]))
    return Decision(
        rng.random((nodes, instance.n_blocks)) < 0.5,
        rng.random((nodes, nodes, instance.n_blocks)) < 0.2,
        beams.astype(complex),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_links_and_their_mean_rates(seed: int) -> None:
    instance = random_problem(seed, nodes=4, missing_links=0.7).instance
    graph = cooperation_graph(instance)
    assert set(graph) == set(range(4))
    for first, second in itertools.combinations(range(4), 2):
        rates = [
            float(instance.backhaul_bps[k, a, b])
            for k in range(instance.n_blocks)
            for a, b in ((first, second), (second, first))
            if instance.backhaul_bps[k, a, b] > 0
        ]
        assert graph.has_edge(first, second) == bool(rates)
        if rates:
            assert graph.edges[first, second]["rate_bps"] == pytest.approx(sum(rates) / len(rates))


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_shares_of_models_that_nodes_store_and_get(seed: int) -> None:
    instance = random_problem(seed, blocks=6).instance
    decision = random_decision(instance, seed)
    stored, received = model_shares(instance, decision)
    for node, model in itertools.product(range(instance.n_nodes), range(instance.n_models)):
        blocks = np.flatnonzero(instance.model_blocks[model]).tolist()
        total = sum(int(instance.block_bytes[k]) for k in blocks)
        own = sum(int(instance.block_bytes[k]) for k in blocks if decision.caching[node, k])
        got = sum(
            int(instance.block_bytes[k])
            for k in blocks
            if not decision.caching[node, k] and decision.migration[:, node, k].any()
        )
        assert stored[node, model] == pytest.approx(own / total)
        assert received[node, model] == pytest.approx(got / total)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_bytes_by_family_are_all_that_nodes_store(seed: int) -> None:
    instance = random_problem(seed, blocks=6).instance
    held = random_decision(instance, seed).caching
    parts = [*family_bytes(instance, held).values(), *family_bytes(instance, held, requested=False).values()]
    assert sum(parts).tolist() == (held @ instance.block_bytes).tolist()


VARIANTS: list[dict[str, str]] = [
    {},
    {"max_senders": "2"},
    {"delivery": "local_broadcast"},
    {"delivery": "unicast_tdma"},
    {"delivery": "hybrid(1)"},
]


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_who_sends_migrates_and_receives(variant: dict[str, str], seed: int) -> None:
    """Against loops over the decision; every node is in one of the figure's roles."""
    instance = random_problem(seed, nodes=4, users=4).instance
    problem = P1(instance, Variant.parse(variant))
    rng, block = np.random.default_rng(seed), int(instance.requested_blocks[0])
    first = random_decision(instance, seed)
    shape = (problem.transmissions.count, instance.n_nodes, instance.channel.shape[2])
    beams = rng.normal(size=shape) * (rng.random(shape[:2]) < 0.5)[..., None]
    decision = Decision(first.caching, first.migration, beams.astype(complex))
    evaluation = problem.evaluate(decision)
    found = delivery_of(problem, decision, evaluation, block)
    wanted = [p for p in range(instance.pair_block.size) if instance.pair_block[p] == block]
    assert set(found.rates_bps) == {int(instance.pair_user[p]) for p in wanted}
    assert set(found.paths) == {
        (n, int(instance.pair_user[p]))
        for p in wanted
        for n in range(4)
        if np.linalg.norm(beams[problem.transmissions.of_pair[p], n]) > 0
    }
    assert set(found.sending) == {n for n, _ in found.paths}
    row = int(np.flatnonzero(instance.requested_blocks == block)[0])
    assert max(found.links.values(), default=0.0) == pytest.approx(evaluation.migration_s[row])
    assert set(found.links) == {(n, m) for n in range(4) for m in range(4) if decision.migration[n, m, block]}
    figure = delivery_figure(problem, decision, evaluation, block, "title")
    squares = [line for line in figure.axes[0].get_lines() if line.get_marker() == "s"]
    assert sum(len(line.get_xdata()) for line in squares) == 4


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_shared_bytes_on_the_edges(seed: int) -> None:
    instance = random_problem(seed, blocks=6).instance
    graph = sharing_graph(instance)
    sets = [set(np.flatnonzero(row).tolist()) for row in instance.model_blocks]
    for first, second in itertools.combinations(range(instance.n_models), 2):
        common = sum(int(instance.block_bytes[k]) for k in sets[first] & sets[second])
        assert graph.has_edge(first, second) == (common > 0)
        if common:
            assert graph.edges[first, second]["shared_bytes"] == common


@pytest.mark.parametrize(
    "changes", [{}, {"freeze": "0,0,0"}, {"repository": "llm"}, {"models_per_family": "6"}]
)
def test_models_do_not_cover_each_other(changes: dict[str, str]) -> None:
    instance = generate(PRESETS["paper"].with_overrides({**changes, "antennas": "1", "users": "3"}))
    places = group_places(sharing_graph(instance))
    assert set(places) == set(range(instance.n_models))
    least = min(math.dist(a, b) for a, b in itertools.combinations(places.values(), 2))
    assert least >= 1.0 - 1e-9


def test_families_and_owners() -> None:
    names = ["resnet18-03", "inception_v3-00", "base", "adapter-12", "7", "last1-0", "a_1"]
    assert [family_name(n) for n in names] == [
        "resnet18",
        "inception_v3",
        "base",
        "adapter",
        "7",
        "last1",
        "a",
    ]
    instance = generate(PRESETS["small"])
    families = requested_by_family(instance)
    assert list(families) == ["resnet18", "mobilenet_v2"]
    assert sorted(itertools.chain(*families.values())) == instance.requested_blocks.tolist()
    for block, owner in enumerate(block_owners(instance)):
        assert instance.block_names[block].startswith(instance.model_names[owner] + "/")


def test_slowest_user_in_words() -> None:
    """Where T is infinite, users without a rate count as served from the cloud: such a T is not drawn."""
    problem = random_problem(3, users=3)
    instance = problem.instance
    seen = set()
    for seed in range(20):
        evaluation = problem.evaluate(random_decision(instance, seed))
        for block in instance.requested_blocks.tolist():
            rates = {
                int(user): float(rate)
                for k, user, rate in zip(
                    instance.pair_block, instance.pair_user, evaluation.pair_rate_bps, strict=True
                )
                if k == block
            }
            worst = min(rates, key=lambda user: rates[user])
            lost, text = sum(rate == 0 for rate in rates.values()), slowest_user(instance, evaluation, block)
            if lost == len(rates):
                expected = f"{lost} user{'s' * (lost > 1)}, from the cloud"
            elif lost:
                expected = f"{len(rates)} users, {lost} of them from the cloud"
            elif len(rates) == 1:
                expected = f"user {worst} alone at {rates[worst] / 1e9:.2f} Gbit/s"
            else:
                expected = f"{len(rates)} users, worst {worst} at {rates[worst] / 1e9:.2f} Gbit/s"
            assert text == expected
            seen.add((lost > 0, len(rates) > 1, lost == len(rates)))
    assert seen >= {(False, True, False), (True, True, False)}


def test_infinite_delay_is_refused() -> None:
    problem = random_problem(1)
    decision = random_decision(problem.instance, 1)
    silent = Decision(decision.caching, decision.migration, np.zeros_like(decision.beams))
    name = problem.instance.block_names[problem.instance.requested_blocks[0]]
    with pytest.raises(InputError, match=f"block {name} never arrives"):
        delay_figure(problem.instance, P1(problem.instance).evaluate(silent), "title")
