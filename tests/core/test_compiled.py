"""Compiled kernels: what their kept code belongs to, folders that keep nothing, and the same bits in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from fgamcd_opt.compiled import dependencies, kernel

TOY = {
    "__init__": "",
    "sizes": "STEPS = 3\n",
    "rules": """
        from fgamcd_opt.compiled import kernel
        from toy.sizes import STEPS

        @kernel
        def steps(start):
            total = start
            for _ in range(STEPS):
                total += 1.0
            return total
        """,
    "kernels": """
        from fgamcd_opt.compiled import kernel
        from toy.rules import steps

        @kernel
        def doubled(start):
            return 2.0 * steps(start)
        """,
}
CALL = """
    import json, sys
    from numba.core import event
    compiled = 0
    class Count(event.Listener):
        def on_start(self, event):
            global compiled
            compiled += 1
        def on_end(self, event):
            pass
    from toy.kernels import doubled
    with event.install_listener("numba:compile", Count()):
        value = doubled(1.0)
    print(json.dumps([value, compiled]))
    """


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package of three modules, in which a kernel calls another and that one uses a constant of a third file."""
    folder = tmp_path / "site" / "toy"
    folder.mkdir(parents=True)
    for name, text in TOY.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


def environment(**changes: str | None) -> dict[str, str]:
    """The variables of this process with some set, and those removed that are None."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


def called(toy: Path, before: str = "", **changes: str | None) -> tuple[float, int, str]:
    """Value of the toy's kernel in a process of its own, how many functions were compiled for it, and stderr."""
    code = textwrap.dedent(before) + textwrap.dedent(CALL)
    path = os.pathsep.join([str(toy.parent), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1", **changes),
        capture_output=True,
        text=True,
        check=True,
    )
    value, compiled = json.loads(run.stdout)
    return value, compiled, run.stderr


def test_a_changed_constant_of_another_file_is_noticed(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")
    (toy / "sizes.py").write_text("STEPS = 4\n")
    assert called(toy, XDG_CACHE_HOME=cache) == (10.0, 2, "")


def test_a_changed_kernel_of_another_file_is_noticed_and_a_comment_is_not(toy: Path, tmp_path: Path) -> None:
    cache, rules = str(tmp_path / "cache"), toy / "rules.py"
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    rules.write_text("# more of them\n" + rules.read_text())
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")
    rules.write_text(rules.read_text().replace("+= 1.0", "+= 2.0"))
    assert called(toy, XDG_CACHE_HOME=cache) == (14.0, 2, "")


def test_a_damaged_file_is_written_anew(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    for file in (tmp_path / "cache").rglob("*.nb?"):
        file.write_bytes(file.read_bytes()[:20])
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")


def test_nothing_is_kept_beside_the_sources(toy: Path, tmp_path: Path) -> None:
    before = sorted(toy.rglob("*"))
    called(toy, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert sorted(toy.rglob("*")) == before
    assert list((tmp_path / "cache").rglob("toy.kernels.doubled-*.nbi"))


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
"""Files cannot grow beyond 200 bytes: a disk that fills up while a file is written."""

NOBODY = """
    import os, pwd
    def unknown(number):
        raise KeyError(number)
    pwd.getpwuid = unknown
    """


@pytest.mark.parametrize(
    ("before", "home", "cache", "said"),
    [
        ("", "{file}/home", None, "Not a directory"),
        ("", "{file}", "{file}/cache", "Not a directory"),
        ("", "/proc/no-home", None, "No such file or directory"),
        ("", "/", "/proc/self/cache", ""),
        (FULL, "{folder}", None, "File too large"),
        (NOBODY, None, None, "without a home folder"),
    ],
    ids=["home", "cache", "no home", "read-only", "full", "no user"],
)
def test_folder_that_keeps_nothing(
    toy: Path, tmp_path: Path, before: str, home: str | None, cache: str | None, said: str
) -> None:
    places = {"file": str(tmp_path / "file"), "folder": str(tmp_path / "folder")}
    (tmp_path / "file").write_text("")
    changes = {
        name: None if value is None else value.format(**places)
        for name, value in (("HOME", home), ("XDG_CACHE_HOME", cache))
    }
    value, compiled, stderr = called(toy, before, **changes)
    assert (value, compiled) == (8.0, 2)
    assert stderr.count("\n") == 1, stderr
    assert "compiled kernels cannot be kept" in stderr
    assert said in stderr
    assert [
        path.name for path in tmp_path.rglob("*.nb*") if path.stat().st_size > 200 or ".tmp." in path.name
    ] == []


def test_kernels_use_what_can_be_compared_between_processes() -> None:
    class Box:
        pass

    box = Box()

    @kernel
    def odd(number: float) -> float:
        return number if box else 0.0

    with pytest.raises(TypeError, match=r"uses .*Box object"):
        list(dependencies(odd))


def test_arrays_among_the_dependencies_count_by_value() -> None:
    def weighted_by(weights: np.ndarray) -> str:
        @kernel
        def weighted(index: int) -> float:
            return weights[index]

        return "".join(dependencies(weighted))

    assert weighted_by(np.arange(3.0)) == weighted_by(np.arange(3.0))
    assert weighted_by(np.arange(3.0)) != weighted_by(np.array([0.0, 1.0, 3.0]))


def test_kernels_are_compiled_in_one_place() -> None:
    root = Path(__file__).parents[2]
    sources = [
        path
        for folder in ("fgamcd_opt", "formulations", "instances", "solvers")
        for path in (root / folder).rglob("*.py")
    ]
    assert len(sources) > 200
    assert [p.name for p in sources if "njit" in p.read_text()] == ["compiled.py"]


BOUNDS = """
    import json, sys
    import numpy as np
    from numba.core import event
    from fgamcd_opt.beamforming.dual_bound import minimise_bound
    rng = np.random.default_rng(5)
    nodes, users = 4, 8
    channels = rng.standard_normal((2, nodes, 6, users))
    channels = 10.0 * (channels[0] + 1j * channels[1])
    gram = np.ascontiguousarray(np.einsum("nau,nav->nuv", channels.conj(), channels))
    numbers = []
    with event.install_recorder("numba:compile") as recorder:
        for _ in range(5):
            y, mu, factor = rng.random(users), rng.random(nodes) + 0.5, np.zeros((users, users), complex)
            numbers += [minimise_bound(gram, np.full(nodes, 6.0), y, mu, factor, 1e-6, 0.0), *y, *mu]
    print(json.dumps([len(recorder.buffer), [float(number).hex() for number in numbers]]))
    """


def test_a_compiling_and_a_loading_process_agree_to_the_last_bit(tmp_path: Path) -> None:
    # with reordered sums (fastmath "reassoc") the two differ in the tenth digit of the bound
    code, env = textwrap.dedent(BOUNDS), environment(XDG_CACHE_HOME=str(tmp_path))
    runs = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
        for _ in range(2)
    ]
    (compiled, numbers), (loaded, again) = (json.loads(run.stdout) for run in runs)
    assert compiled > 0 == loaded
    assert numbers == again
