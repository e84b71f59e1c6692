"""The documentation: links lead somewhere, the tutorial works, and every command shown can be parsed."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from fgamcd_opt.cli.main import COMMANDS, command_module, main
from fgamcd_opt.instances.library.catalog import library
from fgamcd_opt.instances.recipes.presets import PRESETS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SPEC = importlib.util.spec_from_file_location("examples", ROOT / "docs" / "examples.py")
examples = importlib.util.module_from_spec(SPEC)
sys.modules["examples"] = examples  # where dataclasses look for it
SPEC.loader.exec_module(examples)

LINK = re.compile(r"\[[^\]]*\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAX_LINES = 200
"""Of a page."""

SHOWN = re.compile(r"^(?: {4}){0,2}(fgamcd .*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown viewers make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for link in LINK.finditer(page.read_text()):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.exists(), link[0]
        if link["anchor"] and target.parent.name == "python":
            module, _, name = link["anchor"].rpartition(".")
            assert f"\n::: {module}\n" in target.read_text(), link[0]
            assert hasattr(importlib.import_module(module), name), link[0]
        elif link["anchor"]:
            assert link["anchor"] in anchors(target), link[0]


def test_every_page_can_be_reached_from_the_readme():
    reached, pages = set(), [ROOT / "README.md"]
    while pages:
        page = pages.pop()
        reached.add(page)
        linked = {(page.parent / link["path"]).resolve() for link in LINK.finditer(page.read_text())}
        pages += [target for target in linked - reached if target.suffix == ".md"]
    assert reached >= set(PAGES)


@pytest.mark.parametrize(
    ("name", "files", "printed"),
    [
        ("first_solution", {"small-solution.npz"}, "infeasible"),
        ("your_own", {"city.npz", "city-solution.npz", "city-storage"}, "proved to be too little"),
        ("first_comparison", {"first-comparison"}, "proved"),
    ],
)
def test_tutorial_works(name, files, printed, tmp_path):
    page = (ROOT / "docs" / "tutorial" / f"{name}.md").read_text()
    refreshed = examples.refreshed(page, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= files
    assert printed in refreshed


NAMED = re.compile(r"`((?:\.ci|benchmarks|docs|fgamcd_opt|formulations|instances|solvers|tests)/[\w./-]*)`")


@pytest.mark.parametrize(
    "page", [*ROOT.glob("docs/development/*.md"), ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem
)
def test_files_that_pages_for_developers_name_exist(page):
    named = {name for name in NAMED.findall(page.read_text()) if "NAME" not in name}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_readme_is_short():
    assert (ROOT / "README.md").read_text().count("\n") <= 120


def test_pages_are_short():
    """A reader finds the place; the changelog alone grows with the releases."""
    lines = {page.relative_to(ROOT).as_posix(): page.read_text().count("\n") for page in PAGES}
    del lines["CHANGELOG.md"]
    assert {page: count for page, count in lines.items() if count > MAX_LINES} == {}


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/tutorial/your_own.md",
        "docs/commands/beamform.md",
        "docs/commands/export.md",
        "docs/methods/beamforming.md",
        "docs/methods/reference_beamforming.md",
        "docs/reference/python/index.md",
        "docs/development/own_beams.md",
        "docs/development/own_channel_model.md",
        "docs/development/own_repository.md",
    ],
)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = PYTHON.findall((ROOT / page).read_text())
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def shown_commands() -> list[str]:
    found = {line for page in PAGES for line in SHOWN.findall(page.read_text())}
    return sorted(line for line in found if "INSTANCE" not in line)


@pytest.mark.parametrize("line", shown_commands())
def test_shown_command_parses(line, monkeypatch):
    words = shlex.split(re.split(r" [>|] ", line)[0], comments=True)[1:]
    if words == ["--help"]:
        with pytest.raises(SystemExit, match="0"):
            main(words)
        return
    seen = []
    monkeypatch.setattr(f"{command_module(words[0])}.run", lambda args: seen.append(args) or 0)
    assert main(words) == 0
    (args,) = seen
    instance = getattr(args, "instance", "tiny") or "paper"  # sweep has a default
    assert instance in PRESETS or instance in library() or instance.endswith((".json", ".toml", ".npz"))


def test_every_command_is_shown_somewhere():
    text = "\n".join(page.read_text() for page in PAGES)
    for command in COMMANDS:
        assert f"fgamcd {command}" in text


def test_stated_exit_code_is_compared(tmp_path):
    (command,) = examples.commands("fgamcd verify tiny missing.npz   # exit code 0\n")
    with pytest.raises(RuntimeError, match=r"exit code 3[\s\S]*missing\.npz"):
        examples.run(command, tmp_path)


def test_outputs_are_replaced_where_they_are_shown(tmp_path):
    page = "```sh\necho one\n```\n\n```text\n{}\n```\n\n```sh\necho '| a |'\n```\n\n| {} |\n{}\nend\n"
    old, new = page.format("old", "old", "|---|\n"), page.format("one", "a", "")
    assert examples.refreshed(old, tmp_path) == new
