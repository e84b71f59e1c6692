"""The library regenerates to its released digests; names and files resolve; best values only improve."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from library_instances import library_instance

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.library.best_known import BestKnown, read_best_known, record_best
from fgamcd_opt.instances.library.catalog import library, read_versioned
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.resolve import load
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.studies.library.library_certificates import stored_certificate
from fgamcd_opt.studies.library.library_table import library_rows, markdown_table

NAME = "tiny-s6-0050MB"


def fits(instance: Instance) -> bool:
    """Whether first-fit decreasing stores every requested PB once."""
    free = instance.storage_bytes.tolist()
    for size in sorted(instance.block_bytes[instance.requested_blocks].tolist(), reverse=True):
        node = next((n for n, room in enumerate(free) if room >= size), None)
        if node is None:
            return False
        free[node] -= size
    return True


@pytest.mark.parametrize("name", list(library()))
def test_every_instance_has_its_released_digest_and_room_for_its_blocks(name: str) -> None:
    instance = library_instance(name)
    assert instance.digest == library()[name].digest
    assert instance.name == name
    assert fits(instance)
    assert (instance.qos_bps > 0).all()


def test_library_spans_sizes_and_storage() -> None:
    assert len(library()) >= 20
    assert len({entry.digest for entry in library().values()}) == len(library())
    for preset in ("tiny", "small", "paper", "large", "llm"):
        assert sum(name.startswith(preset) for name in library()) >= 2
    paper = {e.recipe.storage_gb for name, e in library().items() if name.startswith("paper-s12")}
    assert {0.18, 0.25, 0.4, 0.6, 1.25} <= paper


def test_tiny_instances_suit_the_monolithic_model() -> None:
    for name, entry in library().items():
        if name.startswith("tiny"):
            instance = generate(entry.recipe)
            assert 2 <= instance.n_nodes <= 3
            assert 2 <= instance.n_users <= 3
            assert 2 <= len(instance.requested_blocks) <= 4
            assert instance.channel.shape[2] == 2


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_generate_and_fit(name: str) -> None:
    instance = load(name)
    assert instance.name == name
    assert instance.recipe == PRESETS[name].to_json()
    assert fits(instance)


def test_library_name_equals_preset_with_overrides() -> None:
    overrides = {"seed": "12", "storage_gb": "0.25"}
    assert load("paper", overrides).digest == library()["paper-s12-0250MB"].digest
    assert load("paper-s12-1250MB", {"storage_gb": "0.25"}).digest == library()["paper-s12-0250MB"].digest


def test_recipe_and_instance_files(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.json"
    recipe.write_text(json.dumps(PRESETS["tiny"].to_json()))
    instance = load(recipe)
    assert instance.digest == load("tiny").digest
    archive = tmp_path / "mine.npz"
    save_instance(archive, instance)
    assert load(str(archive)).digest == instance.digest
    changed = load(archive, {"seed": "8"})
    assert changed.digest == load(recipe, {"seed": "8"}).digest == load("tiny", {"seed": "8"}).digest
    assert changed.digest != instance.digest


def test_instance_file_without_fitting_recipe_takes_no_overrides(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    instance = load("tiny")
    save_instance(path, instance.replace(qos_bps=np.zeros(2)))
    with pytest.raises(InputError, match=r"mine\.npz: carries no recipe, so that seed cannot be changed"):
        load(path, {"seed": "1"})
    save_instance(path, instance.replace(qos_bps=np.zeros(2), recipe=instance.recipe))
    with pytest.raises(InputError, match=r"mine\.npz: its recipe does not regenerate it"):
        load(path, {"seed": "1"})
    save_instance(path, instance.replace(recipe={"schema_version": 9}))
    with pytest.raises(InputError, match=r"mine\.npz: recipe: schema_version: 9"):
        load(path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("papre", "papre: is neither a preset .*; did you mean 'paper'"),
        ("paper-s12-0250", "did you mean 'paper-s12-0250MB'"),
        ("absent.npz", r"absent\.npz: is neither"),
        ("", ": is neither a preset"),
    ],
)
def test_unknown_source_names_what_is_known(source: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(source)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"bad\.json: not valid JSON"),
        ("[]", r"bad\.json: the top level is a list"),
        ('{"schema_version": 1, "user": 3}', r"bad\.json: user: unknown field .* 'users'"),
        ('{"schema_version": 3}', r"bad\.json: schema_version: 3"),
        ('{"schema_version": 1, "users": -3}', r"bad\.json: users: -3"),
        ('{"schema_version": 1, "zipf": NaN}', r"bad\.json: .*NaN is not a finite number"),
        (" " * (9 << 20), r"bad\.json: has more than 8388608 bytes"),
    ],
)
def test_bad_recipe_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load(path)


def test_library_instance_with_another_digest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {NAME: dataclasses.replace(library()[NAME], digest="0" * 64)}
    monkeypatch.setattr("fgamcd_opt.instances.resolve.library", lambda: broken)
    with pytest.raises(InputError, match=f"{NAME}: this installation generates digest"):
        load(NAME)
    assert load(NAME, {"seed": "3"}).n_users == 2


def test_best_values_only_improve(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    digest = library()[NAME].digest

    def record(delay_s: float | None, lower_bound_s: float | None, solver: str) -> bool:
        return record_best(
            NAME, digest, delay_s=delay_s, lower_bound_s=lower_bound_s, solver=solver, path=path
        )

    assert read_best_known(path) == {}
    assert record(2.0, None, "a 1")
    assert record(2.5, 1.0, "b 1")
    assert not record(2.0, 1.0, "c 1")
    assert not record(3.0, 0.5, "d 1")
    assert record(1.5, 1.0, "e 1")
    assert read_best_known(path) == {NAME: BestKnown(digest, 1.5, "e 1", 1.0, "b 1")}
    before = path.read_bytes()
    for delay_s, lower_bound_s, words in [
        (0.9, None, "one of them is wrong"),
        (None, 1.6, "one of them is wrong"),
        (float("nan"), None, "delay_s = nan must be positive"),
        (None, -1.0, "lower_bound_s = -1.0"),
    ]:
        with pytest.raises(InputError, match=words):
            record(delay_s, lower_bound_s, "f 1")
    with pytest.raises(InputError, match="digest is 123"):
        record_best(NAME, "123", delay_s=1.0, lower_bound_s=None, solver="g 1", path=path)
    with pytest.raises(InputError, match="mine: is not a library instance"):
        record_best("mine", digest, delay_s=1.0, lower_bound_s=None, solver="g 1", path=path)
    assert path.read_bytes() == before


def test_values_of_an_older_digest_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    digest = library()[NAME].digest
    record_best(NAME, digest, delay_s=2.0, lower_bound_s=1.0, solver="a 1", path=path)
    path.write_text(path.read_text().replace(digest, "0" * 64))
    assert record_best(NAME, digest, delay_s=5.0, lower_bound_s=None, solver="b 1", path=path)
    assert read_best_known(path)[NAME] == BestKnown(digest, 5.0, "b 1")


def test_damaged_best_known_file(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    for text in ('{"schema_version": 1}', '{"schema_version": 1, "best_known": {"x": {"y": 1}}}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"best\.json: is not a table of best known values"):
            read_best_known(path)
    path.write_text('{"schema_version": 2}')
    with pytest.raises(InputError, match="schema_version is 2; this release reads 1"):
        read_best_known(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_versioned(tmp_path / "absent.json")


def test_table_has_sizes_values_and_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = library()[NAME].digest
    stale = "small-s1-0080MB"
    shown = {name: library()[name] for name in ("paper-s12-mixed", NAME, stale)}
    monkeypatch.setattr("fgamcd_opt.studies.library.library_table.library", lambda: shown)
    certified = {stale: stored_certificate(stale)}
    monkeypatch.setattr("fgamcd_opt.studies.library.library_table.stored_certificate", certified.get)
    best = {NAME: BestKnown(digest, 2.0, "a 1", 1.5, "a 1"), stale: BestKnown("old", 1.0, "a 1", 0.5, "a 1")}
    table = markdown_table(library_rows(best))
    rows = {line.split(" | ")[0].lstrip("| "): line for line in table.splitlines()[2:]}
    assert list(rows) == list(shown)
    instance = load(NAME)
    requested = instance.block_bytes[instance.requested_blocks].sum() / 1e6
    expected = f"| {NAME} | 2 | 2 | 2 | 3 | {requested:.1f} | 50 | 2 | 1.5 | 25.000 | - | {digest[:12]} |"
    assert rows[NAME] == expected
    assert certified[stale] is not None
    assert f" | - | - | - | {certified[stale].bound_s:.6g} | " in rows[stale]
    assert "| 100/200/400 |" in rows["paper-s12-mixed"]


@pytest.mark.parametrize("preset", ["tiny", "small", "paper", "large", "llm"])
def test_rows_are_the_sizes_of_the_generated_instances(preset: str) -> None:
    """A row comes from the recipe alone; the instance itself is what it must agree with."""
    row = next(row for row in library_rows({}) if row.instance.startswith(preset))
    instance = load(row.instance)
    requested = instance.block_bytes[instance.requested_blocks]
    assert (row.nodes, row.users) == (instance.n_nodes, instance.n_users)
    assert row.antennas == instance.antennas.max()
    assert (row.requested_blocks, row.requested_bytes) == (requested.size, requested.sum())
    assert row.storage_bytes == tuple(instance.storage_bytes.tolist())
