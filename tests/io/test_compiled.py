"""Compiled kernels: what their kept code belongs to, folders that keep nothing, and the same bits in every process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fgamcd_opt.io.compiled import dependencies, kernel

TOY = {
    "__init__": "",
    "sizes": "STEPS = 3\n",
    "rules": """
        from fgamcd_opt.io.compiled import kernel
        from toy.sizes import STEPS

        @kernel
        def steps(start):
            total = start
            for _ in range(STEPS):
                total += 1.0
            return total
        """,
    "kernels": """
        from fgamcd_opt.io.compiled import kernel
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


def files_of(cache: str) -> list[Path]:
    """The files that a cache folder holds, of which there are two in the toy's."""
    files = sorted(Path(cache).rglob("*.code"))
    assert len(files) == 2
    return files


BANG = b"cos\nsystem\n(S'echo bang >&2'\ntR."
"""A pickle that runs a command when it is read."""


@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: bytes(len(content)),
        lambda content: BANG,
        lambda content: content[:32] + BANG,
    ],
    ids=["empty", "beginning", "cut off", "one bit", "zeros", "pickle", "pickle sealed"],
)
def test_a_damaged_file_is_written_anew(toy: Path, tmp_path: Path, damaged: Callable[[bytes], bytes]) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    for file in files_of(cache):
        file.write_bytes(damaged(file.read_bytes()))
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")


def test_a_file_that_belongs_to_other_code_is_not_loaded(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    one, other = files_of(cache)
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert (one.read_bytes()[:32], other.read_bytes()[:32]) != (contents[1][:32], contents[0][:32])


def test_files_that_others_can_write_to_are_not_loaded(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    files = files_of(cache)
    for file, mode in zip(files, (0o664, 0o646), strict=True):
        file.chmod(mode)
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert [stat.S_IMODE(file.stat().st_mode) & 0o022 for file in files] == [0, 0]
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_folder_that_others_can_write_to_is_left_alone(toy: Path, tmp_path: Path, mode: int) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    folder = files_of(cache)[0].parent
    folder.chmod(mode)
    before = sorted(path.name for path in folder.iterdir())
    value, compiled, stderr = called(toy, XDG_CACHE_HOME=cache)
    assert (value, compiled, stderr.count("\n")) == (8.0, 2, 1)
    assert "others can write to it" in stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_whatever_the_umask_is_nobody_else_can_write(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert called(toy, "import os; os.umask(0)\n", XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="OWNERS NOT TESTED: only root may give files away")
def test_what_belongs_to_another_user_is_not_loaded(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    called(toy, XDG_CACHE_HOME=cache)
    files = files_of(cache)
    for file in files:
        os.chown(file, 12345, -1)
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 2, "")
    assert {file.stat().st_uid for file in files} == {0}
    os.chown(files[0].parent, 12345, -1)
    value, compiled, stderr = called(toy, XDG_CACHE_HOME=cache)
    assert (value, compiled, stderr.count("\n")) == (8.0, 2, 1)
    assert "belongs to another user" in stderr


def test_processes_that_compile_side_by_side(toy: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: called(toy, XDG_CACHE_HOME=cache), range(4)))
    assert {(value, stderr) for value, _, stderr in runs} == {(8.0, "")}
    assert len(files_of(cache)) == len(list((tmp_path / "cache").rglob("*.*")))
    assert called(toy, XDG_CACHE_HOME=cache) == (8.0, 0, "")


def test_nothing_is_kept_beside_the_sources(toy: Path, tmp_path: Path) -> None:
    before = sorted(toy.rglob("*"))
    called(toy, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert sorted(toy.rglob("*")) == before
    assert list((tmp_path / "cache").rglob("toy.kernels.doubled-*.code"))


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
    assert [path.name for pattern in ("*.code", "*.tmp") for path in tmp_path.rglob(pattern)] == []


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
    from fgamcd_opt.beamforming.kernels.dual_bound import minimise_bound
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
