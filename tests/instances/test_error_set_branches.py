"""What an error set does is said by its class: no other module of the package asks which set it has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fgamcd_opt.instances.error_sets import CSI_SETS, ERROR_SETS

ROOT = Path(__file__).parents[2]
FOLDERS = ("fgamcd_opt", "formulations", "solvers", "instances", "benchmarks")
HOME = ROOT / "instances/error_sets.py"

CLASSES = {type(kind).__name__ for kind in ERROR_SETS.values()}


def keys_of_tables(tree: ast.AST) -> set[ast.AST]:
    """Keys of dict displays: a table that lacks a set fails where it is read."""
    return {key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys if key}


def operands(node: ast.AST) -> list[ast.expr]:
    """What a branch looks at."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Assert(test=test):
            return [test]
        case ast.BoolOp(values=values):
            return values
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Call(func=ast.Name(id="isinstance"), args=arguments):
            return arguments
    return []


def tells_sets_apart(operand: ast.expr) -> bool:
    """Whether a name, a code or a class of an error set is looked at."""
    for part in ast.walk(operand):
        match part:
            case ast.Name(id=name) if name in {*CLASSES, "csi_set", "error_code", "balls"}:
                return True
            case ast.Attribute(attr="csi_set" | "balls"):
                return True
            case ast.Attribute(attr="code", value=owner) if ast.unparse(owner).endswith("error_set"):
                return True
    return False


def strays(source: str) -> list[int]:
    """Lines that branch on the error set, or name one other than as the key of a table."""
    tree = ast.parse(source)
    keys = keys_of_tables(tree)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in CSI_SETS and node not in keys:
            found.add(node.lineno)
        if isinstance(node, ast.MatchClass) and ast.unparse(node.cls).split(".")[-1] in CLASSES:
            found.add(node.lineno)
        found.update(operand.lineno for operand in operands(node) if tells_sets_apart(operand))
    return sorted(found)


def modules() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if path != HOME]


def test_no_module_branches_on_the_error_set():
    paths = modules()
    assert len(paths) > 300
    stray = {
        str(path.relative_to(ROOT)): lines for path in paths if (lines := strays(path.read_text("utf-8")))
    }
    assert not stray


@pytest.mark.parametrize(
    "source",
    [
        'x = 1 if instance.csi_set == "balls" else 2',
        "if broadcast.balls:\n    pass",
        "f(not balls)",
        "if problem.error_set.code:\n    pass",
        "y = a if error_code else b",
        "if isinstance(error_set, Balls):\n    pass",
        "if type(error_set) is Ellipsoid:\n    pass",
        "match error_set:\n    case Balls():\n        pass",
        'match instance.csi_set:\n    case "balls":\n        pass',
        "if instance.csi_set != other.csi_set:\n    pass",
        'SETS = ("ellipsoid", "balls")',
        'x = [1, 2][csi_set == "balls"]',
    ],
)
def test_a_branch_is_found(source):
    assert strays(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Independent balls."""\nTABLE = {"ellipsoid": f, "balls": g}\nTABLE[csi_set](radii)',
        "TABLE = {Ellipsoid: f, Balls: g}\nTABLE[type(data.error_set)](pb)",
        "kernel(gram, radius2, problem.error_set.code)",
        "error_set.loss(radius)",
    ],
)
def test_tables_and_calls_are_no_branches(source):
    assert not strays(source)
