"""A network of one's own: values inline, in CSV and in NumPy files are the same; faults are named with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgamcd_opt.cli.main import main
from fgamcd_opt.instances.format import load_instance, save_instance
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.generation.recipe_check import recipe_fault, verified_recipe
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.resolve import load, load_recipe
from fgamcd_opt.io.errors import ExitCode, InputError

BASE: dict[str, Any] = {
    "schema_version": 1,
    "name": "own",
    "antennas": 2,
    "repository": "synthetic",
    "models_per_family": 3,
    "roots_per_family": 2,
    "blocks_per_model": 3,
}
MODELS = ("synthetic-00", "synthetic-01", "synthetic-02")
OWN: dict[str, Any] = {
    "requests": ["synthetic-01", "synthetic-00", "synthetic-01", "synthetic-02"],
    "qos_gbps": [0.5, 1.0, 0.25, 2.0],
    "user_xy_m": [[10, 20], [900, 800], [500.5, 400], [100, 700]],
    "node_xy_m": [[100, 100], [800, 500]],
    "backhaul_gbps": [[0, 10], [8, 0]],
    "storage_gb": [0.02, 0.03],
    "power_dbm": [43, 40],
}


def made(folder: Path, **fields: Any) -> Instance:
    """The instance of a recipe file in ``folder``."""
    path = folder / "own.json"
    path.write_text(json.dumps({**BASE, **fields}))
    return load(path)


def refusal(folder: Path, **fields: Any) -> str:
    with pytest.raises(InputError) as caught:
        made(folder, **fields)
    return str(caught.value)


def test_all_values_of_ones_own(tmp_path: Path) -> None:
    instance = made(tmp_path, **OWN)
    assert [instance.model_names[i] for i in instance.requests] == OWN["requests"]
    np.testing.assert_array_equal(instance.qos_bps, [5e8, 1e9, 2.5e8, 2e9])
    np.testing.assert_array_equal(instance.user_xy_m, OWN["user_xy_m"])
    np.testing.assert_array_equal(instance.node_xy_m, OWN["node_xy_m"])
    np.testing.assert_array_equal(instance.backhaul_bps, [[[0, 1e10], [8e9, 0]]])
    np.testing.assert_array_equal(instance.storage_bytes, [20_000_000, 30_000_000])
    np.testing.assert_allclose(instance.power_w, [19.9526, 10.0], rtol=1e-5)
    assert recipe_fault(instance) is None


def test_what_is_left_out_is_drawn_as_before(tmp_path: Path) -> None:
    """Own values of one kind change nothing else: the streams of the others are their own."""
    drawn = made(tmp_path, nodes=2, users=4)
    same = {
        "requests": drawn.requests.tolist(),
        "node_xy_m": drawn.node_xy_m.tolist(),
        "user_xy_m": drawn.user_xy_m.tolist(),
        "qos_gbps": (drawn.qos_bps / 1e9).tolist(),
    }
    for name, value in same.items():
        again = made(tmp_path, **{"nodes": 2, "users": 4, name: value})
        if name == "qos_gbps":
            np.testing.assert_allclose(again.qos_bps, drawn.qos_bps, rtol=1e-15)
            again = again.replace(qos_bps=drawn.qos_bps)
        assert again.digest == drawn.digest, name


def _csv(name: str, header: bool, numbered: bool, order: list[int], end: str, mark: str) -> bytes:
    values = OWN[name]
    columns = {"user_xy_m": "x_m,y_m", "node_xy_m": "x,y", "requests": "model"}.get(name, name)
    number = "node" if name in ("node_xy_m", "storage_gb", "power_dbm") else "user"
    lines = [f"{number},{columns}" if numbered else columns] if header else []
    for i in order if numbered else range(len(values)):
        cells = values[i] if isinstance(values[i], list) else [values[i]]
        lines.append(",".join(map(str, [i, *cells] if numbered else cells)))
    return (mark + end.join(lines) + end).encode()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name in OWN if name != "backhaul_gbps"]),
    st.booleans(),
    st.booleans(),
    st.permutations(range(4)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_a_csv_file_is_its_values(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    header: bool,
    numbered: bool,
    order: list[int],
    end: str,
    mark: str,
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    rows = [i for i in order if i < len(OWN[name])]
    (folder / "table.csv").write_bytes(_csv(name, header, numbered, rows, end, mark))
    assert made(folder, **{**OWN, name: "table.csv"}).digest == made(folder, **OWN).digest


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize("name", OWN)
def test_a_numpy_file_is_its_values(name: str, ending: str, tmp_path: Path) -> None:
    values = [MODELS.index(model) for model in OWN[name]] if name == "requests" else OWN[name]
    save = np.save if ending == ".npy" else np.savez
    save(tmp_path / f"table{ending}", np.array(values))
    assert made(tmp_path, **{**OWN, name: f"table{ending}"}).digest == made(tmp_path, **OWN).digest


@pytest.mark.parametrize(
    "text",
    ["0,10\n8,0\n", ",10\n8,\n", "0;10\r\n8;0\r\n", "from,to,gbps\n1,0,8\n0,1,10\n", "inf,10\n8,nan\n"],
)
def test_links_as_a_square_or_one_by_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(text)
    assert made(tmp_path, **{**OWN, "backhaul_gbps": "links.csv"}).digest == made(tmp_path, **OWN).digest


def test_counts_by_model(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("synthetic-01,2\nsynthetic-02,1\n")
    (tmp_path / "named.csv").write_text("count,model\n2,synthetic-01\n0,synthetic-00\n1,2\n")
    by_hand = made(tmp_path, nodes=2, requests=[1, 1, 2])
    assert by_hand.n_users == 3
    for requests in ({"synthetic-01": 2, "synthetic-02": 1}, "counts.csv", "named.csv"):
        assert made(tmp_path, nodes=2, requests=requests).digest == by_hand.digest


def test_one_table_for_all_users_and_one_for_all_nodes(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(
        "comment,y_m,user,model,x_m,qos_gbps\n"
        + "".join(
            f"x,{OWN['user_xy_m'][u][1]},{u},{OWN['requests'][u]},{OWN['user_xy_m'][u][0]},{OWN['qos_gbps'][u]}\n"
            for u in (2, 0, 3, 1)
        )
    )
    (tmp_path / "nodes.csv").write_text(
        "node,x_m,y_m,storage,power_dbm\n1,800,500,30MB,40\n0,100,100,20 MB,43\n"
    )
    tables = dict.fromkeys(("requests", "qos_gbps", "user_xy_m"), "users.csv")
    tables |= dict.fromkeys(("node_xy_m", "power_dbm", "storage"), "nodes.csv")
    found = made(tmp_path, **tables, backhaul_gbps=OWN["backhaul_gbps"])
    assert found.digest == made(tmp_path, **OWN).digest


def test_toml_and_json_recipes_are_equal(tmp_path: Path) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in {**BASE, **OWN}.items()]
    (tmp_path / "own.toml").write_text("\n".join(lines))
    assert load(tmp_path / "own.toml").digest == made(tmp_path, **OWN).digest


def test_relative_paths_start_at_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.csv").write_text("model\n0\n1\n")
    (tmp_path / "data" / "models.json").write_text(
        json.dumps(
            {
                "kind": "repository",
                "schema_version": 1,
                "blocks": [{"name": "a", "bytes": 5}, {"name": "b", "bytes": 6}],
                "models": [{"name": "x", "blocks": [0]}, {"name": "y", "blocks": [0, 1]}],
            }
        )
    )
    fields = {
        "schema_version": 1,
        "nodes": 2,
        "antennas": 1,
        "repository": "models.json",
        "requests": "users.csv",
    }
    (tmp_path / "data" / "own.json").write_text(json.dumps(fields))
    monkeypatch.chdir(tmp_path)
    first = load("data/own.json")
    assert main(["generate", "data/own.json", "-o", "own.npz"]) == ExitCode.DONE
    assert main(["generate", "own.npz", "-o", "data/again.json"]) == ExitCode.DONE
    monkeypatch.chdir("/")
    assert load(tmp_path / "data" / "again.json").digest == first.digest
    assert verified_recipe(load_instance(tmp_path / "own.npz"), "own.npz").users == 2
    assert json.loads((tmp_path / "data" / "again.json").read_text())["repository"] == "models.json"


def test_an_instance_file_needs_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(_csv("requests", True, False, [], "\n", ""))
    instance = made(tmp_path, **{**OWN, "requests": "t.csv"})
    save_instance(tmp_path / "own.npz", instance)
    (tmp_path / "t.csv").unlink()
    assert verified_recipe(load_instance(tmp_path / "own.npz"), "own").requests == tuple(OWN["requests"])


@pytest.mark.parametrize("field", ["requests", "qos_bps", "user_xy_m", "node_xy_m", "backhaul_bps"])
def test_a_recipe_with_other_values_is_found_out(field: str, tmp_path: Path) -> None:
    instance = made(tmp_path, **OWN)
    changed = np.roll(getattr(instance, field), 1, axis=-1 if field == "backhaul_bps" else 0)
    if field == "backhaul_bps":
        changed = 2 * instance.backhaul_bps
    fields = {field: changed, "recipe": instance.recipe}
    if field == "requests":
        fields["pair_channel"] = np.zeros(instance.model_blocks[changed].sum(), np.int64)
    assert field in str(recipe_fault(instance.replace(**fields)))


CSV_FAULTS = [
    ("requests", "user,model\n0,0\n0,1\n", "line 3: user 0 occurs twice, first in line 2"),
    ("requests", "user,model\n1,0\n3,1\n", "user 0 is missing; the 2 users are numbered 0 to 1"),
    ("requests", "user,model\nann,0\n", "line 2: user: 'ann' is not a whole number"),
    ("requests", "model,model\n0,0\n", "line 1: the column 'model' occurs twice"),
    ("requests", "0,1\n1,0\n", "may be user,model or model,count; say which in a first line"),
    ("requests", "model,count\n0,-1\n", "line 2: count: '-1' is not a whole number"),
    ("requests", "model,count\n0,1\n0,2\n", "line 3: the model '0' occurs twice"),
    ("requests", "model\n", "has a line of names, but no values"),
    ("requests", "", "is empty"),
    (
        "requests",
        "model\nsynthetc-01\n",
        "requests[0]: 'synthetc-01' is no model of the repository; did you mean",
    ),
    (
        "requests",
        "model\n3\n",
        "requests[0]: '3' is no model of the repository; it has synthetic-00, synthetic-01",
    ),
    ("qos_gbps", "user,qos_gbps\n0,1\n1,nan\n", "line 3: 'nan' is not a finite number"),
    ("qos_gbps", "1\n-1\n", "qos_gbps[1]: -1.0 must lie between 0 and 1e+06"),
    ("qos_gbps", "1\n1e300\n", "qos_gbps[1]: 1e+300 must lie between"),
    ("qos_gbps", "1\n1e999\n", "line 2: '1e999' is not a finite number"),
    ("qos_gbps", "1,2,3\n", "has 3 columns without a known name"),
    ("qos_gbps", "qos\n1\n", "line 1: has no column qos_gbps; it has 'qos'"),
    ("qos_gbps", "user,speed\n0,1\n", "has no column qos_gbps; it has 'user', 'speed'"),
    ("qos_gbps", "1\n1;5\n", "line 2: '1;5' is not a finite number"),
    ("qos_gbps", "user;qos_gbps\n0;1,5\n", "write a decimal point"),
    ("qos_gbps", "user,qos_gbps\n0,1\n1\n", "line 3: has 1 columns; the first line has 2"),
    ("user_xy_m", "x,x_m,y\n1,2,3\n", "the columns 'x_m' and 'x' are one"),
    ("node_xy_m", "x,y\n1,2\n3,\n", "line 3: '' is not a finite number"),
    ("storage", "storage\n5\n6MB\n", "line 2: '5' has no unit"),
    ("backhaul_gbps", "0,1\n", "backhaul_gbps[0]: has 2 values; expected 1, one per row"),
    ("backhaul_gbps", "from,to,gbps\n0,1,1\n0,1,2\n", "line 3: the link from 0 to 1 occurs twice"),
    ("backhaul_gbps", "from,to,gbps\n0,99,1\n", "names node 99; nodes are numbered 0 to 63 at most"),
    ("backhaul_gbps", "0,-1\n1,0\n", "backhaul_gbps[0][1]: -1.0 must lie between"),
]


@pytest.mark.parametrize(("name", "text", "told"), CSV_FAULTS)
def test_a_fault_of_a_table_is_named_with_its_place(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    message = refusal(tmp_path, **{name: "t.csv"})
    assert told in message
    assert name in message
    if "line" in told:
        assert "t.csv" in message


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({**OWN, "users": 5}, "requests: has 4 values; expected one for each of 5 users"),
        ({**OWN, "qos_gbps": [1, 2]}, "qos_gbps: has 2 values; expected one, or one for each of 4 users"),
        (
            {**OWN, "storage_gb": [1, 2, 3]},
            "storage_gb: has 3 values; expected one, or one for each of 2 nodes",
        ),
        (
            {**OWN, "backhaul_gbps": [[0]]},
            "backhaul_gbps: has 1 values; expected one, or one for each of 2 nodes",
        ),
        ({**OWN, "user_xy_m": [[1, 2, 3]] * 4}, "user_xy_m[0]: has 3 values; expected 2, x and y in m"),
        ({**OWN, "user_xy_m": [1, 2, 3, 4]}, "user_xy_m[0]: is 1; expected 2"),
        ({**OWN, "requests": [0, 1, True, 2]}, "requests[2]: True is not valid; expected the name or number"),
        ({**OWN, "requests": [0, 1, 2.0, 2]}, "requests[2]: 2.0 is not valid"),
        ({**OWN, "requests": {"synthetic-00": -1}}, "requests: 'synthetic-00' has the count -1"),
        ({**OWN, "requests": {"synthetic-00": 0}}, "requests: the counts are all 0"),
        ({**OWN, "requests": 3}, "requests: 3 is not valid; expected list of models"),
        ({**OWN, "zipf": 1.0}, "zipf: has no effect with requests of your own"),
        ({**OWN, "qos_cap": 0.5}, "qos_cap: has no effect with qos_gbps of your own"),
        ({**OWN, "backhaul": "once"}, "backhaul: has no effect with backhaul_gbps of your own"),
        ({**OWN, "storage": "5MB"}, "storage: is given beside storage_gb"),
        ({**OWN, "node_xy_m": [[100, 100], [10, 21]]}, "user_xy_m[0]: lies 1 m from node 1, nearer than"),
        ({"nodes": 2, "user_xy_m": [[1, 2], [-5, 3]]}, "user_xy_m[1]: (-5, 3) lies outside the square"),
        ({"requests": "no.csv"}, "no.csv: there is no such file"),
        ({"qos_gbps": "no.txt"}, "qos_gbps: 'no.txt' is not valid"),
    ],
)
def test_a_fault_of_a_value_is_named(fields: dict[str, Any], told: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, **fields)
    assert message.startswith(f"{tmp_path / 'own.json'}: ")
    assert told in message


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array([1.0, np.nan]), "entry (1,) is nan, which is not finite"),
        (np.array([1j, 2]), "dtype is complex128; expected real numbers"),
        (np.ones((2, 2)), "shape is (2, 2); expected 1 axis"),
        (np.array([]), "shape is (0,)"),
    ],
)
def test_a_fault_of_an_array_is_named(array: Any, told: str, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", array)
    assert told in refusal(tmp_path, qos_gbps="t.npy")


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["requests", "qos_gbps", "node_xy_m", "backhaul_gbps", "storage", "power_dbm"]),
    st.one_of(
        st.binary(max_size=60),
        st.text(alphabet='0123456789,;.\n\r"-einfuserodxy_mgbps ', max_size=80).map(str.encode),
    ),
)
def test_any_file_is_taken_or_refused_with_the_field(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "t.csv").write_bytes(content)
    (folder / "own.json").write_text(json.dumps({**BASE, name: "t.csv"}))
    try:
        recipe = load_recipe(folder / "own.json")
    except InputError as error:
        told = str(error)
    else:
        told = name
        assert Recipe.from_json(recipe.to_json()) == recipe
    assert name in told


def test_lists_arrays_and_objects_from_python() -> None:
    rows = np.array([[100.0, 200.0], [300.0, 400.0], [500.0, 600.0], [700.0, 800.0]])
    first = load("small", {"requests": {"resnet18-01": 2, "resnet18-00": 1}, "node_xy_m": rows})
    assert first.requests.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(first.node_xy_m, rows)
    as_text = {"requests": '["resnet18-01", 1, 0]', "node_xy_m": str(rows.tolist())}
    assert load("small", as_text).digest == first.digest
    for bad, told in (
        ({"node_xy_m": "[[1, 2"}, "node_xy_m: '[[1, 2' is no JSON list"),
        ({"node_xy_m": [[1, np.nan]] * 4}, "node_xy_m[0][1]: nan must lie"),
        ({"backhaul_gbps": [[0, object()], [1, 0]]}, "backhaul_gbps: [[0,"),
        ({"requests": {"resnet18-00": 1.5}}, "has the count 1.5"),
    ):
        with pytest.raises(InputError) as caught:
            load("small", bad)
        assert told in str(caught.value)


def test_an_empty_text_brings_the_drawn_values_back(tmp_path: Path) -> None:
    own = load_recipe_of(tmp_path)
    drawn = own.with_overrides(
        dict.fromkeys(("requests", "qos_gbps", "node_xy_m", "user_xy_m", "backhaul_gbps"), "")
    )
    assert (drawn.requests, drawn.qos_gbps, drawn.node_xy_m, drawn.backhaul_gbps) == ((), (), (), ())
    assert generate(drawn).n_users == 4


def load_recipe_of(folder: Path) -> Recipe:
    (folder / "own.json").write_text(json.dumps({**BASE, **OWN}))
    return load_recipe(folder / "own.json")


def test_own_values_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("model\n1\n0\n2\n")
    small = PRESETS["small"]
    for text in ("t.csv", "1,0,2"):
        recipe = small.with_overrides({"requests": text, "storage": "80MB", "qos_gbps": "1.5"})
        assert generate(recipe).requests.tolist() == [1, 0, 2]
        assert recipe.storage_gb == 0.08
    assert small.with_overrides({"storage_gb": "5MB,1,2GB,3GiB"}).storage_gb == (0.005, 1.0, 2.0, 3.221225472)


@pytest.mark.parametrize("repository", ["synthetic", "llm", "cnn"])
@pytest.mark.parametrize("preset", list(PRESETS))
def test_another_repository_resets_what_no_longer_applies(preset: str, repository: str) -> None:
    recipe = PRESETS[preset].with_overrides({"repository": repository})
    assert recipe.repository == repository
    assert (recipe.users, recipe.storage_gb) == (PRESETS[preset].users, PRESETS[preset].storage_gb)
    assert recipe.families == (PRESETS[preset].families if PRESETS[preset].repository == repository else ())
