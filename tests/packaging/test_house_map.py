"""The map of the house is that of the imports, and the house keeps its measures."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("house_map", ROOT / "docs" / "house_map.py")
house_map = importlib.util.module_from_spec(SPEC)
sys.modules["house_map"] = house_map
SPEC.loader.exec_module(house_map)

MOST = {"rooms": 18, "arrows between rooms": 60, "modules in the fullest folder": 15}
"""A house that can be remembered."""


def test_map_is_current():
    """`make map` makes it so."""
    assert house_map.DRAWING.read_text(encoding="utf-8") == house_map.drawing()
    assert house_map.PAGE.read_text(encoding="utf-8") == house_map.page()


@pytest.mark.parametrize("name", MOST)
def test_house_keeps_its_measures(name):
    assert 0 < house_map.figures()[name] <= MOST[name]


def test_every_room_is_on_a_floor():
    found = {house_map.room(module) for module in house_map.imports()}
    assert found - {"", "__main__"} == set(house_map.rooms())


def test_imports_inside_functions_count_and_those_of_type_checkers_do_not():
    source = "import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c import d\nif x:\n    import e\n"
    lines = [node.lineno for node in house_map.statements(ast.parse(source))]
    assert lines == [1, 5, 7]


def test_what_python_loads_is_what_the_map_says():
    """In a process of its own: everything of the package that is loaded follows from the imports found."""
    module = "fgamcd_opt.problem.checker"
    code = f"import sys, {module}; print(*(name for name in sys.modules if name.startswith('fgamcd_opt.')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    follows, new = set(), {module}
    while new:
        follows |= new
        new = {other for name in new for other in house_map.imports()[name]} - follows
    packages = {name.rpartition(".")[0] for name in follows}
    loaded = set(ran.stdout.split())
    assert module in loaded
    assert loaded <= follows | packages
    assert {
        name for name in house_map.imports()[module] if name.endswith(("evaluation", "decision"))
    } <= loaded
