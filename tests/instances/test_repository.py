"""Repositories against published parameter counts and the totals of the specification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.instances.repositories import repository_cnn, repository_llm
from fgamcd_opt.instances.repositories.model_repository import Family, Repository, choose_families, combine
from fgamcd_opt.io.errors import InputError


def cnn(freeze: tuple[int, ...] = ()) -> Repository:
    families = choose_families(
        repository_cnn.cnn_layers(), repository_cnn.DEFAULT_FREEZE, (), models=20, roots=6, freeze=freeze
    )
    return combine(families)


def test_cnn_totals_of_the_specification() -> None:
    repository = cnn()
    assert repository.model_blocks.shape == (60, 450)
    assert int(repository.block_bytes.sum()) == 2_221_442_480
    layers = repository_cnn.cnn_layers()
    assert [len(layers[name]) for name in ("inception_v3", "resnet18", "mobilenet_v2")] == [17, 10, 20]
    assert layers["inception_v3"][0] == ("Conv2d_1a_3x3", 3_712)
    assert dict(layers["inception_v3"])["Mixed_7c"] == 24_307_200


@pytest.mark.parametrize(
    ("name", "backbone", "features"),
    [("inception_v3", 21_785_568, 2048), ("resnet18", 11_176_512, 512), ("mobilenet_v2", 2_223_872, 1280)],
)
def test_cnn_parameters_equal_the_published_counts_without_head(
    name: str, backbone: int, features: int
) -> None:
    head = 5 * features + 5
    assert sum(size for _, size in repository_cnn.cnn_layers()[name]) == 4 * (backbone + head)


@pytest.mark.parametrize(
    ("name", "per_layer", "total"),
    [("llama2_7b", 202_383_360, 6_738_415_616), ("llama2_13b", 317_204_480, 13_015_864_320)],
)
def test_llm_parameters_equal_the_published_counts(name: str, per_layer: int, total: int) -> None:
    layers = repository_llm.llm_layers()[name]
    assert {size for layer, size in layers if layer.startswith("layers.")} == {2 * per_layer}
    assert sum(size for _, size in layers) == 2 * total


def test_llm_tasks_share_embedding_and_first_layers() -> None:
    families = choose_families(repository_llm.llm_layers(), repository_llm.DEFAULT_FREEZE, (), 10, 1, ())
    repository = combine(families)
    users_of_block = repository.model_blocks.sum(axis=0)
    assert sorted(set(users_of_block.tolist())) == [1, 10]
    assert int((users_of_block == 10).sum()) == (1 + 28) + (1 + 35)


@given(st.data())
def test_number_of_blocks_follows_from_roots_and_freeze_depth(data: st.DataObject) -> None:
    layers = tuple(
        (f"l{i}", size) for i, size in enumerate(data.draw(st.lists(st.integers(1, 99), min_size=1)))
    )
    models = data.draw(st.integers(1, 12))
    roots = data.draw(st.integers(1, models))
    freeze = data.draw(st.integers(0, len(layers)))
    repository = combine([Family("f", layers, models, roots, freeze)])
    own = len(layers) - freeze
    assert len(repository.block_bytes) == roots * len(layers) + (models - roots) * own
    per_model = repository.model_blocks @ repository.block_bytes
    assert np.array_equal(per_model, np.full(models, sum(size for _, size in layers)))
    shared_with_root = repository.model_blocks[:roots].any(axis=0) & repository.model_blocks[roots:].any(
        axis=0
    )
    assert int(shared_with_root.sum()) == freeze * min(roots, models - roots)


def test_more_freezing_means_fewer_bytes() -> None:
    totals = [int(cnn(freeze).block_bytes.sum()) for freeze in ((0, 0, 0), (12, 7, 16), (17, 10, 20))]
    assert totals[0] > totals[1] > totals[2]
    assert totals[0] == 20 * 4 * (21_795_813 + 11_179_077 + 2_230_277)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"families": ("vgg",)}, "'vgg'"),
        ({"families": ("resnet18", "resnet18")}, "twice"),
        ({"freeze": (1, 2)}, "2 depths for 3"),
        ({"freeze": (18, 1, 1)}, "18"),
        ({"roots": 0}, "roots_per_family: 0"),
        ({"models": 3}, "roots_per_family: 6"),
    ],
)
def test_bad_choice_names_the_value(arguments: dict[str, object], words: str) -> None:
    defaults: dict[str, object] = {"families": (), "models": 20, "roots": 6, "freeze": ()}
    with pytest.raises(InputError, match=words):
        choose_families(
            repository_cnn.cnn_layers(),
            repository_cnn.DEFAULT_FREEZE,
            **{**defaults, **arguments},  # type: ignore[arg-type]
        )
