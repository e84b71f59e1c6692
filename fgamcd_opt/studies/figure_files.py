"""Figures as files: PNG and SVG, the same figure the same bytes."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from fgamcd_opt.io.files import write_bytes_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")

_HARMLESS = ("Glyph .* missing from", "constrained_layout not applied")
"""What matplotlib says of letters that its fonts lack and of names too wide for the page: the picture is made."""


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as ``path``.png and ``path``.svg; the same figure gives the same bytes.

    Parameters
    ----------
    figure
        What to draw.
    path
        File name without its suffix.
    """
    import matplotlib

    written = figure_paths(path)
    for suffix, target in zip(FORMATS, written, strict=True):
        data = io.BytesIO()
        stamp = {"Date": None} if suffix == "svg" else {"Software": None}
        with matplotlib.rc_context({"svg.hashsalt": "fgamcd"}), warnings.catch_warnings():
            for fault in _HARMLESS:
                warnings.filterwarnings("ignore", fault, UserWarning)
            figure.savefig(data, format=suffix, dpi=150, metadata=stamp)
        write_bytes_atomically(target, data.getvalue())
    return written


def figure_paths(path: Path) -> list[Path]:
    """The files of a figure whose name without suffix is ``path``, one per format."""
    return [path.with_name(f"{path.name}.{suffix}") for suffix in FORMATS]
