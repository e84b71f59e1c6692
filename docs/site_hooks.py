"""Hooks of the documentation site (mkdocs.yml).

The same Markdown is read in the repository, where links lead from file to file, and on the site. Pages outside this
folder get a place on the site, and links between files are turned into links between these places. Roles in
docstrings (``:class:``) are left out, F1 to F8 lead to the facts that they name, and a page that would load anything
from elsewhere is an error.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = {
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages outside ``docs/`` by their place in the repository, with their place on the site."""

FACTS = "methods/facts.html"
"""Page of the facts F1 to F8, each under the anchor f1 to f8."""

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)#\s]+)(?=[)#])")
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):(?=<(?:code|a)\b)")
_FACT = re.compile(r"\bF([1-8])\b")
_NAMED_FACT = re.compile(r"<p>(?=<strong>[^<]*\(F(?P<number>[1-8])\))")
_TAG = re.compile(r"(<[^>]+>)")
_UNLINKED = re.compile(r"<(?P<closing>/?)(?:a|code|pre|h[1-6]|script|style|svg)\b")
_EXTERNAL = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
)

log = get_plugin_logger(__name__)


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the pages from outside."""
    root = Path(config.config_file_path).parent
    for source, place in OUTSIDE.items():
        files.append(File.generated(config, place, content=(root / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    at_home = {place: source for source, place in OUTSIDE.items()}
    here = page.file.src_uri
    source = at_home.get(here, f"docs/{here}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["path"]))
        place = OUTSIDE.get(target) or target.removeprefix("docs/")
        return posixpath.relpath(place, posixpath.dirname(here) or ".")

    return _LINK.sub(moved, markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Leave out the roles of docstrings, which mean nothing in Markdown, and link the facts."""
    html, place = _ROLE.sub("", html), page.file.dest_uri
    if place == FACTS:
        html = _NAMED_FACT.sub(lambda named: f'<p id="f{named["number"]}">', html)
    return linked_facts(html, posixpath.relpath(FACTS, posixpath.dirname(place) or "."))


def linked_facts(html: str, facts: str) -> str:
    """The page with every F1 to F8 of its text as a link; those in code, headings and other links stay as they are."""
    depth, parts = 0, []
    for part in _TAG.split(html):
        if tag := _UNLINKED.match(part):
            depth += -1 if tag["closing"] else 1
        parts.append(
            part if depth or part.startswith("<") else _FACT.sub(rf'<a href="{facts}#f\1">F\1</a>', part)
        )
    return "".join(parts)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Warn of everything that a reader's browser would load from elsewhere; a strict build fails then."""
    for found in _EXTERNAL.finditer(output):
        log.warning("%s: loads something from elsewhere: %s", page.file.src_uri, found[0])
    return output
