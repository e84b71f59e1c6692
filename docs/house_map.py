"""The drawing of the house: its floors and rooms, as the imports have them.

    python docs/house_map.py            writes docs/development/map.svg and the table of map.md
    python docs/house_map.py --figures  prints how the house measures

The floors are those of the import-linter contract in pyproject.toml. Imports inside functions count.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "fgamcd_opt"
FOLDERS = {
    PACKAGE: PACKAGE,
    **{name: f"{PACKAGE}.{name}" for name in ("formulations", "instances", "solvers")},
}
"""Folders at the root of the repository by the name under which they are installed."""

DRAWING = ROOT / "docs" / "development" / "map.svg"
PAGE = DRAWING.with_suffix(".md")
MARK = "<!-- docs/house_map.py -->"

WIDTH, FLOOR, ROOM = 900, 92, (430, 62)
"""Width of the drawing, height of a floor, width and height of a room, in pixels."""

Imports = Mapping[str, frozenset[str]]
"""Modules by name, with the modules of the package that each imports."""


def module_files() -> dict[str, Path]:
    """Every module of the package by its installed name."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


def statements(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a module, but for those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from statements(node)


@cache
def imports() -> Imports:
    """What imports what."""
    files = module_files()
    found = {}
    for module, path in files.items():
        names: set[str] = set()
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            else:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= (submodules & files.keys()) or {str(node.module)}
        found[module] = frozenset((names & files.keys()) - {module})
    return found


def room(module: str) -> str:
    """The package at the top that a module is in."""
    return module.split(".")[1] if "." in module else ""


@cache
def arrows() -> frozenset[tuple[str, str]]:
    """(importing room, imported room)."""
    pairs = {(room(module), room(other)) for module, others in imports().items() for other in others}
    return frozenset(
        (here, there) for here, there in pairs if here != there and {here, there} <= set(rooms())
    )


@cache
def floors() -> tuple[tuple[str, ...], ...]:
    """The rooms of every floor, the highest first, from the contract of import-linter."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers")
    return tuple(tuple(re.findall(r"\w+", layer)) for layer in layers)


def rooms() -> list[str]:
    """All rooms, the highest first."""
    return [name for floor in floors() for name in floor]


def folder_of(name: str) -> Path:
    """Where a room's files are."""
    return ROOT / name if name in FOLDERS else ROOT / PACKAGE / name


def purpose(name: str) -> str:
    """The first line of a room's docstring."""
    text = ast.get_docstring(ast.parse((folder_of(name) / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def subfolders(name: str) -> list[str]:
    """The packages inside a room."""
    return sorted(path.parent.name for path in folder_of(name).glob("*/__init__.py"))


def needed_arrows() -> list[tuple[str, str]]:
    """The arrows that do not follow from others: a room stands on all that the rooms below it stand on."""
    below = {name: {there for here, there in arrows() if here == name} for name in rooms()}

    @cache
    def reached(name: str) -> frozenset[str]:
        return frozenset(below[name]).union(*map(reached, below[name]))

    return [
        (here, there)
        for here in rooms()
        for there in rooms()
        if there in below[here] and not any(there in reached(other) for other in below[here])
    ]


def drawing() -> str:
    """The floors as SVG."""
    place = {}
    for level, floor in enumerate(floors()):
        for position, name in enumerate(floor):
            centre = WIDTH * (2 * position + 1) // (2 * len(floor))
            place[name] = (centre, (FLOOR - ROOM[1]) // 2 + FLOOR * level)
    height = FLOOR * len(floors())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#555"/></marker>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for here, there in needed_arrows():
        (x1, y1), (x2, y2) = place[here], place[there]
        start, bend = y1 + ROOM[1], 0 if y2 - y1 == FLOOR else WIDTH // 3
        parts.append(
            f'<path d="M{x1} {start}C{x1 + bend} {start + 20} {x2 + bend} {y2 - 20} {x2} {y2}" fill="none" '
            'stroke="#555" marker-end="url(#tip)"/>'
        )
    for name, (x, y) in place.items():
        inside = " · ".join(subfolders(name))
        parts += [
            f'<rect x="{x - ROOM[0] // 2}" y="{y}" width="{ROOM[0]}" height="{ROOM[1]}" rx="6" '
            'fill="#e8eaf6" stroke="#3f51b5"/>',
            f'<text x="{x}" y="{y + 27}" text-anchor="middle" font-size="18">{escape(name)}</text>',
            f'<text x="{x}" y="{y + 48}" text-anchor="middle" font-size="11">{escape(inside)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def table() -> str:
    """Floors, rooms and what each imports, as Markdown."""
    lines = ["| floor | folder | what is in it | imports |", "|---:|---|---|---|"]
    for level, floor in enumerate(floors()):
        for name in floor:
            folder = folder_of(name).relative_to(ROOT).as_posix()
            below = ", ".join(other for other in rooms() if (name, other) in arrows())
            lines.append(
                f"| {len(floors()) - level} | `{folder}/` | {purpose(name)} | {below or 'nothing'} |"
            )
    return "\n".join(lines)


def page() -> str:
    """The page with the table of this moment."""
    before, _, after = PAGE.read_text(encoding="utf-8").split(MARK)
    return f"{before}{MARK}\n\n{table()}\n\n{MARK}{after}"


def figures() -> dict[str, int]:
    """How the house measures."""

    @cache
    def height(module: str) -> int:
        return 1 + max(map(height, imports()[module]), default=0)

    files = Counter(path.parent for path in module_files().values() if path.name != "__init__.py")
    return {
        "rooms": len(rooms()),
        "arrows between rooms": len(arrows()),
        "modules": len(imports()),
        "longest chain of imports, in modules": max(map(height, imports())),
        "modules in the fullest folder": max(files.values()),
    }


def main(words: list[str]) -> None:
    """Write, or print."""
    if words == ["--figures"]:
        for name, value in figures().items():
            print(f"{value:5d}  {name}")
        return
    text = page()
    DRAWING.write_text(drawing(), encoding="utf-8")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
