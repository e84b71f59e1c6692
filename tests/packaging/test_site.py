"""The documentation site: nothing is missing in its navigation, and links survive the move to it.

`make site` builds it strictly, which finds every link that leads nowhere.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from mkdocs.config import load_config

from fgamcd_opt.cli.main import COMMANDS
from fgamcd_opt.solving.registry import solver_names

ROOT = Path(__file__).parents[2]
NAVIGATION = load_config(str(ROOT / "mkdocs.yml")).nav


def load(name: str) -> ModuleType:
    """A module of the site that stands beside the pages."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks, docstrings = load("site_hooks"), load("site_docstrings")


def entries(item) -> Iterator[tuple[str, str]]:
    """(title, page) of a part of the navigation; the title of a page without one is empty."""
    if isinstance(item, str):
        yield "", item
    elif isinstance(item, list):
        for part in item:
            yield from entries(part)
    else:
        for title, part in item.items():
            if isinstance(part, str):
                yield title, part
            else:
                yield from entries(part)


def pages() -> list[str]:
    """Every page of the site."""
    own = (path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return sorted([*own, *hooks.OUTSIDE.values()])


def test_every_page_is_in_the_navigation_once():
    assert sorted(page for _, page in entries(NAVIGATION)) == pages()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_that_shows_it(command):
    page = ROOT / "docs" / dict(entries(NAVIGATION))[f"fgamcd {command}"]
    assert re.search(rf"^(?: {{4}})?fgamcd {command}\b", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", solver_names())
def test_every_solver_is_named_on_some_page(name):
    assert any(f"`{name}`" in path.read_text() for path in (ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("index.md", "../benchmarks/README.md", "benchmarks.md"),
        ("reference/library.md", "../../CONTRIBUTING.md", "../contributing.md"),
        ("reference/python/index.md", "../p1.md#p", "../p1.md#p"),
        ("benchmarks.md", "../docs/methods/beamforming.md#x", "methods/beamforming.md#x"),
        ("changelog.md", "docs/reference/library.md", "reference/library.md"),
        ("contributing.md", "CHANGELOG.md", "changelog.md"),
        ("index.md", "https://example.org/docs/a.md", "https://example.org/docs/a.md"),
        ("index.md", "#here", "#here"),
    ],
)
def test_links_between_files_become_links_between_pages(page, link, moved):
    at = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert hooks.on_page_markdown(f"a [b]({link}) c", page=at) == f"a [b]({moved}) c"


@pytest.mark.parametrize(
    ("html", "warned"),
    [
        ('<script src="https://example.org/a.js"></script>', True),
        ("<link rel=stylesheet href=//example.org/a.css>", True),
        ('<img alt="x" src="http://example.org/a.png">', True),
        ('<a href="https://example.org">text</a><script src="assets/a.js"></script>', False),
    ],
)
def test_a_page_that_loads_from_elsewhere_is_noticed(html, warned, caplog):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="p.md"))
    assert hooks.on_post_page(html, page=page) == html
    assert bool(caplog.records) == warned


def test_roles_of_docstrings_are_left_out():
    html = "<p>see :class:<code>Limits</code> and 1:func:2</p>"
    page = SimpleNamespace(file=SimpleNamespace(dest_uri="reference/python/a.html"))
    assert hooks.on_page_content(html, page=page) == "<p>see <code>Limits</code> and 1:func:2</p>"


def test_facts_are_linked_where_they_are_text():
    page = SimpleNamespace(file=SimpleNamespace(dest_uri="commands/solve.html"))
    html = '<h2>F1</h2><p>(F5, <code>F6</code>, <a href="x">F7</a>) F9 AF1</p><pre><span>F2</span></pre>'
    linked = html.replace("(F5", '(<a href="../methods/facts.html#f5">F5</a>')
    assert hooks.on_page_content(html, page=page) == linked


def test_every_fact_has_its_anchor():
    text = (ROOT / "docs/methods/facts.md").read_text()
    html = "".join(
        f"<p><strong>{words}</strong></p>" for words in re.findall(r"^\*\*(.+?)\*\*", text, re.MULTILINE)
    )
    page = SimpleNamespace(file=SimpleNamespace(dest_uri=hooks.FACTS))
    anchors = re.findall(r'<p id="(f\d)">', hooks.on_page_content(html, page=page))
    assert anchors == [f"f{number}" for number in range(1, 9)]


def test_names_that_share_a_description_get_an_entry_each():
    before = (
        "One, two.\n\nParameters\n----------\na, b_2\n    Both.\n\n    More.\nc\n    Alone, here.\n\nRaises\n"
    )
    after = before.replace(
        "a, b_2\n    Both.\n\n    More.\n", "a\n    Both.\n\n    More.\nb_2\n    Both.\n\n    More.\n"
    )
    assert docstrings.separated(before) == after
    assert docstrings.separated(after) == after
