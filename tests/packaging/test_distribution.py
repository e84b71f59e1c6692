"""The wheel and the editable install: what is in them, and what Python finds wherever it is started.

Both are made offline from a copy of the sources, so that neither an old build folder nor the way in which the
tests' own environment was installed plays a part.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SUBPACKAGES = ("formulations", "instances", "solvers")
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation")

USE_IT = """
import fgamcd_opt, fgamcd_opt.beamforming, fgamcd_opt.formulations, fgamcd_opt.solvers
from fgamcd_opt import load_instance
from fgamcd_opt.solving.registry import get_solver, solver_names
assert load_instance("tiny").n_nodes > 0
assert [get_solver(name).name for name in solver_names()] == list(solver_names())
print(fgamcd_opt.__file__)
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in ``cwd`` and capture what it prints."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


def must(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that has to succeed."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder: Path) -> Path:
    """A new virtual environment that sees this one's dependencies, but not its install of the package.

    A path in a ``.pth`` file is searched for modules, while the ``.pth`` files in it, which make an install
    editable, are not read.
    """
    must(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    place = must(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    paths = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    Path(place, "dependencies.pth").write_text("\n".join(paths) + "\n")
    return python


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of all that goes into the package: the root of a checkout."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root)
    for name in ("fgamcd_opt", "core", *SUBPACKAGES):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def wheel(sources, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    must(*PIP, "wheel", *OFFLINE, "-w", folder, sources, cwd=folder)
    shutil.rmtree(sources / "build")  # left behind by the build; not there in a fresh checkout
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python_with_wheel(wheel, tmp_path_factory):
    python = environment(tmp_path_factory.mktemp("plain") / "venv")
    must(*PIP, "--python", python, "install", *OFFLINE, "--ignore-installed", wheel, cwd=wheel.parent)
    return python


@pytest.fixture(scope="module")
def python_with_editable(sources, tmp_path_factory):
    python = environment(tmp_path_factory.mktemp("editable") / "venv")
    must(*PIP, "--python", python, "install", *OFFLINE, "--ignore-installed", "-e", sources, cwd=sources)
    return python


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (n for n in archive.namelist() if n.endswith(f".dist-info/{name}"))
        return archive.read(member).decode()


def test_wheel_holds_exactly_the_sources_and_their_data(sources, wheel):
    expected = set()
    for folder in ("fgamcd_opt", *SUBPACKAGES):
        prefix = "" if folder == "fgamcd_opt" else "fgamcd_opt/"
        for pattern in ("*.py", "*.pyi", "*.json", "*.npz", "*.safetensors", "py.typed", "templates/*"):
            found = (path.relative_to(sources) for path in (sources / folder).rglob(pattern))
            expected |= {prefix + path.as_posix() for path in found}
    assert {"fgamcd_opt/py.typed", "fgamcd_opt/instances/library/instances.json"} <= expected
    found = {name for name in members(wheel) if ".dist-info/" not in name}
    assert len(found - expected) == 1
    (compiled,) = found - expected
    assert re.fullmatch(r"fgamcd_opt/core\.[\w.-]+", compiled)
    assert found >= expected


def test_wheel_puts_one_name_into_site_packages(wheel):
    tops = {name.split("/")[0] for name in members(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fgamcd_opt"}


def test_wheel_metadata(wheel):
    text = metadata(wheel, "METADATA")
    required = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)]
    assert {r.name for r in required if r.marker is None} == {"numpy", "highspy"}
    assert "License-Expression: Apache-2.0" in text
    assert "fgamcd = fgamcd_opt.cli.main:main" in metadata(wheel, "entry_points.txt")
    assert metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_wheel_works_elsewhere(python_with_wheel, tmp_path):
    found = must(python_with_wheel, "-c", USE_IT, cwd=tmp_path).strip()
    assert Path(found).is_relative_to(python_with_wheel.parents[1])


def test_wheel_solves_without_a_compiler(python_with_wheel, tmp_path):
    command = python_with_wheel.with_name("fgamcd")
    done = subprocess.run(
        [str(command), "solve", "tiny", "-o", "solution.npz"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "accepted" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "solution.npz").exists()


def test_wheel_at_the_root_gives_one_clear_message(python_with_wheel, sources):
    done = run(python_with_wheel, "-c", USE_IT, cwd=sources)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith(f"ImportError: fgamcd_opt was imported from its source folder {sources}")
    assert message.endswith("pip install -e .")


@pytest.mark.parametrize("at_root", [True, False])
def test_editable_install_is_complete_everywhere(python_with_editable, sources, tmp_path, at_root):
    found = must(python_with_editable, "-c", USE_IT, cwd=sources if at_root else tmp_path).strip()
    assert Path(found) == sources / "fgamcd_opt" / "__init__.py"


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_no_bare_names(kind, request, tmp_path):
    python = request.getfixturevalue(f"python_with_{kind}")
    code = f"import importlib.util as u; print([n for n in {SUBPACKAGES} if u.find_spec(n)])"
    assert must(python, "-c", code, cwd=tmp_path).strip() == "[]"


@pytest.mark.parametrize("kind", ["wheel", "editable"])
@pytest.mark.parametrize("at_root", [True, False])
def test_command_of_either_install_works_everywhere(kind, at_root, request, sources, tmp_path):
    """The console script does not put the current folder on the path, so it never meets the half package."""
    command = request.getfixturevalue(f"python_with_{kind}").with_name("fgamcd")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version in must(command, "--version", cwd=sources if at_root else tmp_path)
