"""The library as a table: sizes, storage, best known delay and bound, bound with a certificate, digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fgamcd_opt.instances.generation.from_recipe import build_repository
from fgamcd_opt.instances.generation.requests import zipf_requests
from fgamcd_opt.instances.library.best_known import BestKnown, read_best_known
from fgamcd_opt.instances.library.catalog import LibraryEntry, library
from fgamcd_opt.solving.status import relative_gap
from fgamcd_opt.studies.library.library_certificates import stored_certificate

COLUMNS = (
    "instance",
    "N",
    "U",
    "N_t",
    "requested PBs",
    "requested MB",
    "storage MB per node",
    "delay s",
    "lower bound s",
    "gap %",
    "certified s",
    "digest",
)
"""Headings of :meth:`LibraryRow.cells`; the first and the last column are text, the others numbers."""


@dataclass(frozen=True, kw_only=True)
class LibraryRow:
    """One library instance: sizes (in bytes), released digest, best known values in s or None.

    ``certified_lower_bound_s`` is that of the stored certificate, which `fgamcd verify --certificate` proves.
    """

    instance: str
    nodes: int
    users: int
    antennas: int
    requested_blocks: int
    requested_bytes: int
    storage_bytes: tuple[int, ...]
    digest: str
    delay_s: float | None
    delay_solver: str | None
    lower_bound_s: float | None
    bound_solver: str | None
    gap: float | None
    certified_lower_bound_s: float | None

    def cells(self) -> tuple[str, ...]:
        """The row as text, one cell for each of :data:`COLUMNS`."""
        return (
            self.instance,
            str(self.nodes),
            str(self.users),
            str(self.antennas),
            str(self.requested_blocks),
            f"{self.requested_bytes / 1e6:.1f}",
            "/".join(f"{size / 1e6:g}" for size in sorted(set(self.storage_bytes))),
            "-" if self.delay_s is None else f"{self.delay_s:.6g}",
            "-" if self.lower_bound_s is None else f"{self.lower_bound_s:.6g}",
            "-" if self.gap is None else f"{100 * self.gap:.3f}",
            "-" if self.certified_lower_bound_s is None else f"{self.certified_lower_bound_s:.6g}",
            self.digest[:12],
        )


def library_rows(best: Mapping[str, BestKnown] | None = None) -> list[LibraryRow]:
    """One row per library instance, from the recipes alone (no channel is drawn).

    Parameters
    ----------
    best
        Best known values; by default those of the package. Values of another digest are left out.
    """
    best = read_best_known() if best is None else best
    return [_row(name, entry, best.get(name)) for name, entry in library().items()]


def _row(name: str, entry: LibraryEntry, best: BestKnown | None) -> LibraryRow:
    recipe = entry.recipe
    repository = build_repository(recipe)
    requests = zipf_requests(recipe.users, len(repository.model_names), recipe.zipf, recipe.seed)
    requested = repository.block_bytes[repository.model_blocks[requests].any(axis=0)]
    storage_gb = np.broadcast_to(recipe.storage_gb, recipe.nodes)
    if best is None or best.digest != entry.digest:
        best = BestKnown(entry.digest)
    known = best.delay_s is not None and best.lower_bound_s is not None
    certificate = stored_certificate(name)
    return LibraryRow(
        instance=name,
        nodes=recipe.nodes,
        users=recipe.users,
        antennas=recipe.antennas,
        requested_blocks=int(requested.size),
        requested_bytes=int(requested.sum()),
        storage_bytes=tuple(np.rint(1e9 * storage_gb).astype(np.int64).tolist()),
        digest=entry.digest,
        delay_s=best.delay_s,
        delay_solver=best.delay_solver,
        lower_bound_s=best.lower_bound_s,
        bound_solver=best.bound_solver,
        gap=relative_gap(best.delay_s, best.lower_bound_s) if known else None,  # type: ignore[arg-type]
        certified_lower_bound_s=None if certificate is None else certificate.bound_s,
    )


def markdown_table(rows: list[LibraryRow]) -> str:
    """The rows as a Markdown table."""
    alignment = ("---", *("--:" for _ in COLUMNS[1:-1]), "---")
    lines = [COLUMNS, *(row.cells() for row in rows)]
    text = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([text[0], f"|{'|'.join(alignment)}|", *text[1:]])
