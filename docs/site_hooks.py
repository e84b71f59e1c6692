"""Hooks of the documentation site (mkdocs.yml).

The same Markdown is read in the repository, where links lead from file to file, and on the site. Pages outside this
folder get a place on the site, and links between files are turned into links between these places. Roles in
docstrings (``:class:``) are left out, and a page that would load anything from elsewhere is an error.
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

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)#\s]+)(?=[)#])")
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):(?=<(?:code|a)\b)")
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


def on_page_content(html: str, **_: Any) -> str:
    """Leave out the roles of docstrings, which mean nothing in Markdown."""
    return _ROLE.sub("", html)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Warn of everything that a reader's browser would load from elsewhere; a strict build fails then."""
    for found in _EXTERNAL.finditer(output):
        log.warning("%s: loads something from elsewhere: %s", page.file.src_uri, found[0])
    return output
