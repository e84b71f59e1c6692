"""HTML for notebooks: a table and a small SVG picture, drawn here, so that no library for pictures is needed.

Names come from users' files: every text is escaped, and nothing that a browser would load or run is ever written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from fgamcd_opt.io.safe_text import one_line

COLOURS = ("#4477aa", "#ee6677", "#228833")
"""Of the parts of a bar, and of nodes and users; told apart without colour vision (Paul Tol's bright scheme)."""

_LEFT = 'style="text-align:left"'
"""Notebooks set tables to the right."""

_LONGEST_NAME = 160
"""Characters of a text in a cell."""

_MOST_BARS = 24
_MOST_POINTS = 400
"""Bars and points of a picture; a note says how many were left out."""

_SIDE, _MARGIN, _BAR = 220.0, 10.0, 12.0
"""Side and margin of a map, and height of a bar with its gap, in pixels."""


def html_text(value: object) -> str:
    """A value as text between tags or in an attribute."""
    text = one_line(str(value))
    return escape(text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}...", quote=True)


def html_facts(title: str, facts: dict[str, object]) -> str:
    """A table of names and values; values that are None or empty are left out."""
    shown = [(name, value) for name, value in facts.items() if value is not None and value != ""]
    rows = "".join(
        f"<tr><th {_LEFT}>{html_text(name)}</th><td {_LEFT}>{html_text(value)}</td></tr>"
        for name, value in shown
    )
    return f"<table><caption {_LEFT}>{html_text(title)}</caption><tbody>{rows}</tbody></table>"


def html_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Sequence[str] = ()
) -> str:
    """A table with a line of headings, and notes below it in full."""
    head = "".join(f"<th {_LEFT}>{html_text(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td {_LEFT}>{html_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    below = "".join(f"<p>{escape(one_line(note))}</p>" for note in notes)
    return (
        f"<table><caption {_LEFT}>{html_text(title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}"
    )


def html_card(*parts: str) -> str:
    """Parts beside one another where there is room."""
    inner = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start">{inner}</div>'


def svg_map(nodes: Sequence[Sequence[float]], users: Sequence[Sequence[float]]) -> str:
    """Positions of nodes (squares) and users (dots), north up, one scale on both axes; coordinates in m."""
    shown = [*nodes[:_MOST_POINTS], *users[:_MOST_POINTS]]
    west, south = (min(point[axis] for point in shown) for axis in (0, 1))
    extent = max(max(point[axis] for point in shown) - low for axis, low in ((0, west), (1, south)))
    scale = (_SIDE - 2 * _MARGIN) / extent if 0 < extent < math.inf else None

    def place(point: Sequence[float]) -> tuple[float, float]:
        if scale is None:  # all in one place, or farther apart than numbers reach
            return _SIDE / 2, _SIDE / 2
        return _MARGIN + scale * (point[0] - west), _SIDE - _MARGIN - scale * (point[1] - south)

    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[1]}"/>'
        for x, y in map(place, users[:_MOST_POINTS])
    ]
    squares = [
        f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{COLOURS[0]}"/>'
        for x, y in map(place, nodes[:_MOST_POINTS])
    ]
    left_out = max(0, len(nodes) - _MOST_POINTS) + max(0, len(users) - _MOST_POINTS)
    caption = f"{len(nodes)} nodes (squares) and {len(users)} users (dots), {extent:.4g} m across"
    return _svg(_SIDE, _SIDE, caption + _without(left_out), [*dots, *squares])


def svg_bars(caption: str, rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Horizontal bars of one or several parts each, one scale for all; bars that are not finite have no length."""
    rows_shown = rows[:_MOST_BARS]
    lengths = [
        [part if math.isfinite(part) and part > 0 else 0.0 for part in parts] for _, parts in rows_shown
    ]
    scale = _SIDE / (max(map(sum, lengths), default=0.0) or 1.0)
    shapes = []
    for i, ((name, _), parts) in enumerate(zip(rows_shown, lengths, strict=True)):
        left = 100.0
        y = i * _BAR
        shapes.append(f'<text x="96" y="{y + 9:.1f}" font-size="9" text-anchor="end">{_label(name)}</text>')
        for part, colour in zip(parts, COLOURS, strict=False):
            width = scale * part
            shapes.append(
                f'<rect x="{left:.1f}" y="{y + 1:.1f}" width="{width:.1f}" height="{_BAR - 3:.1f}" fill="{colour}"/>'
            )
            left += width
    return _svg(
        110.0 + _SIDE, max(1, len(rows_shown)) * _BAR, caption + _without(len(rows) - len(rows_shown)), shapes
    )


def _label(name: str) -> str:
    text = one_line(name)
    return escape(text if len(text) <= 18 else f"{text[:16]}...")


def _without(count: int) -> str:
    return f"; {count} more are not drawn" if count > 0 else ""


def _svg(width: float, height: float, caption: str, shapes: Sequence[str]) -> str:
    label = escape(one_line(caption), quote=True)
    return (
        f'<figure style="margin:0"><svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}" '
        f'style="max-width:100%;height:auto" fill="currentColor">{"".join(shapes)}</svg>'
        f"<figcaption><small>{label}</small></figcaption></figure>"
    )
