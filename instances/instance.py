"""`Instance`: all data of one P1 problem, immutable and validated when it is made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.error_sets import ErrorSet, error_set_named
from fgamcd_opt.instances.validation import convert, labels, require, require_scale, require_shape, scalar
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.html import html_card, html_facts, svg_map
from fgamcd_opt.io.safe_text import check_name
from fgamcd_opt.io.short_repr import short_text

ARRAY_FIELDS: dict[str, tuple[type, int]] = {
    "block_bytes": (np.int64, 1),
    "model_blocks": (np.bool_, 2),
    "requests": (np.int64, 1),
    "storage_bytes": (np.int64, 1),
    "power_w": (np.float64, 1),
    "antennas": (np.int64, 1),
    "backhaul_bps": (np.float64, 3),
    "channel": (np.complex128, 3),
    "csi_radius": (np.float64, 2),
    "pair_channel": (np.int64, 1),
    "qos_bps": (np.float64, 1),
    "node_xy_m": (np.float64, 2),
    "user_xy_m": (np.float64, 2),
}
"""Array fields with their dtype and number of axes, in the order in which the digest reads them."""

UNITS = {
    "block_bytes": "byte",
    "storage_bytes": "byte",
    "power_w": "W",
    "bandwidth_hz": "Hz",
    "noise_w": "W",
    "backhaul_bps": "bit/s",
    "channel": "sqrt(W/W)",
    "csi_radius": "sqrt(W/W)",
    "qos_bps": "bit/s",
    "node_xy_m": "m",
    "user_xy_m": "m",
}
"""Units of the fields that have one."""

_MAX_TOTAL_BYTES = 2**53
_MAX_SPECTRAL_EFFICIENCY = 1000.0


@dataclass(frozen=True, eq=False)
class Instance:
    """Data of one problem P1: N nodes, U users, M models, K parameter blocks (PBs), P requested pairs.

    A pair (k, u) says that user u needs PB k; pairs are sorted by PB, then user, and follow from ``requests``
    and ``model_blocks``. Two instances are the same problem if and only if their ``digest`` agrees.

    Parameters
    ----------
    name
        Label for people; not part of the digest.
    block_bytes
        (K,) sizes D_k > 0, in bytes.
    model_blocks
        (M, K) bool, row i is the set K_i; no row is empty.
    requests
        (U,) model r_u of each user.
    storage_bytes
        (N,) storage Q_n >= 0, in bytes.
    power_w
        (N,) power budgets P_n > 0, in W.
    antennas
        (N,) antennas per node; channels are zero beyond them.
    bandwidth_hz
        B, in Hz.
    noise_w
        sigma^2 over B, in W.
    backhaul_bps
        (K or 1, N, N); ``[k or 0, n, m]`` is the rate R_{n,m,k} from n to m in bit/s, 0 means no link. The
        diagonal is ignored and set to 0.
    channel
        (H, N, N_t) estimated channels, amplitude ratio; several pairs may share a row.
    csi_radius
        (H, N) radius eps >= 0 of the CSI error towards each node, as ``channel``.
    pair_channel
        (P,) row of ``channel`` and ``csi_radius`` of each pair.
    csi_set
        Name of the error set (4): one of :data:`fgamcd_opt.instances.error_sets.CSI_SETS`.
    qos_bps
        (U,) rates R_u >= 0 of (9b), in bit/s.
    node_xy_m, user_xy_m
        (N, 2) and (U, 2) positions, in m.
    block_names, model_names
        K and M distinct names.
    recipe
        Plain JSON values from which the instance can be generated again, or None.

    Raises
    ------
    InputError
        Naming the first broken rule with its field, index and value.
    """

    name: str
    block_bytes: NDArray[np.int64]
    model_blocks: NDArray[np.bool_]
    requests: NDArray[np.int64]
    storage_bytes: NDArray[np.int64]
    power_w: NDArray[np.float64]
    antennas: NDArray[np.int64]
    bandwidth_hz: float
    noise_w: float
    backhaul_bps: NDArray[np.float64]
    channel: NDArray[np.complex128]
    csi_radius: NDArray[np.float64]
    pair_channel: NDArray[np.int64]
    csi_set: str
    qos_bps: NDArray[np.float64]
    node_xy_m: NDArray[np.float64]
    user_xy_m: NDArray[np.float64]
    block_names: tuple[str, ...]
    model_names: tuple[str, ...]
    recipe: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for field, (dtype, ndim) in ARRAY_FIELDS.items():
            object.__setattr__(self, field, convert(field, getattr(self, field), dtype, ndim))
        for field in ("bandwidth_hz", "noise_w"):
            object.__setattr__(self, field, scalar(field, getattr(self, field)))
        self._check_labels()
        self._check_models()
        self._check_nodes()
        self._check_backhaul()
        self._check_channels()
        self._check_users()

    def __repr__(self) -> str:
        stored = sorted({int(self.storage_bytes.min()), int(self.storage_bytes.max())})
        storage = " to ".join(f"{size / 1e6:.6g}" for size in stored)
        return (
            f"<Instance {short_text(self.name)}: {self.n_nodes} nodes with {storage} MB each, {self.n_users} users, "
            f"{self.n_models} models, {self.requested_blocks.size} of {self.n_blocks} blocks requested, "
            f"digest {self.digest[:12]}>"
        )

    def facts(self) -> dict[str, object]:
        """What people want to know first, by name, for a table."""
        return {
            "instance": self.name,
            "nodes": self.n_nodes,
            "users": self.n_users,
            "models": self.n_models,
            "blocks": f"{self.n_blocks}, of which {self.requested_blocks.size} requested",
            "size of the requested blocks": f"{self.block_bytes[self.requested_blocks].sum() / 1e6:.6g} MB",
            "storage of all nodes": f"{self.storage_bytes.sum() / 1e6:.6g} MB",
            "antennas": f"up to {self.antennas.max()}",
            "bandwidth": f"{self.bandwidth_hz / 1e6:.6g} MHz",
            "CSI errors": self.csi_set,
            "digest": self.digest[:12],
        }

    def _repr_html_(self) -> str:
        return html_card(html_facts("Instance", self.facts()), self.map_html())

    def map_html(self) -> str:
        """A small picture of where nodes and users are."""
        return svg_map(self.node_xy_m.tolist(), self.user_xy_m.tolist())

    def _check_labels(self) -> None:
        check_name("name", self.name)
        error_set_named(self.csi_set)
        object.__setattr__(self, "block_names", labels("block_names", self.block_names, self.n_blocks))
        object.__setattr__(self, "model_names", labels("model_names", self.model_names, self.n_models))
        if self.recipe is not None:
            try:
                object.__setattr__(self, "recipe", json.loads(json.dumps(dict(self.recipe), allow_nan=False)))
            except (TypeError, ValueError, RecursionError) as error:
                raise InputError(f"recipe: not plain JSON ({error})") from error

    def _check_models(self) -> None:
        require("block_bytes", self.block_bytes, self.block_bytes > 0, "must be positive")
        if sum(self.block_bytes.tolist()) > _MAX_TOTAL_BYTES:
            raise InputError(f"block_bytes: the sum exceeds {_MAX_TOTAL_BYTES} bytes")
        require_shape("model_blocks", self.model_blocks, (self.n_models, self.n_blocks))
        count: NDArray[np.int64] = self.model_blocks.sum(axis=1)
        require("PBs of model_blocks", count, count > 0, "; every model needs at least one")

    def _check_nodes(self) -> None:
        nodes = (self.n_nodes,)
        if self.n_nodes == 0:
            raise InputError("storage_bytes: is empty; at least one node is needed")
        require("storage_bytes", self.storage_bytes, self.storage_bytes >= 0, "must not be negative")
        require_shape("power_w", self.power_w, nodes)
        require("power_w", self.power_w, self.power_w > 0, "must be positive")
        require_shape("node_xy_m", self.node_xy_m, (self.n_nodes, 2))
        require_shape("antennas", self.antennas, nodes)
        most = self.channel.shape[2]
        fits = (self.antennas >= 1) & (self.antennas <= most)
        require(
            "antennas", self.antennas, fits, f"must lie between 1 and {most}, the antenna axis of channel"
        )

    def _check_backhaul(self) -> None:
        rows = self.backhaul_bps.shape[0]
        if rows not in (1, self.n_blocks):
            raise InputError(f"backhaul_bps: first axis has {rows} entries; expected 1 or {self.n_blocks}")
        require_shape("backhaul_bps", self.backhaul_bps, (rows, self.n_nodes, self.n_nodes))
        rates = self.backhaul_bps.copy()
        rates[:, np.arange(self.n_nodes), np.arange(self.n_nodes)] = 0.0
        require("backhaul_bps", rates, rates >= 0, "must not be negative")
        rates.setflags(write=False)
        object.__setattr__(self, "backhaul_bps", rates)

    def _check_channels(self) -> None:
        rows = self.channel.shape[0]
        require_shape("channel", self.channel, (rows, self.n_nodes, self.channel.shape[2]))
        beyond = np.arange(self.channel.shape[2]) >= self.antennas[:, None]
        require("channel", self.channel, ~(beyond & (self.channel != 0)), "lies beyond the node's antennas")
        require_shape("csi_radius", self.csi_radius, (rows, self.n_nodes))
        require("csi_radius", self.csi_radius, self.csi_radius >= 0, "must not be negative")
        require_scale(self)

    def _check_users(self) -> None:
        if self.n_users == 0:
            raise InputError("requests: is empty; at least one user is needed")
        known = (self.requests >= 0) & (self.requests < self.n_models)
        require("requests", self.requests, known, f"is not a model index (0 to {self.n_models - 1})")
        require_shape("qos_bps", self.qos_bps, (self.n_users,))
        sane = (self.qos_bps >= 0) & (self.qos_bps <= _MAX_SPECTRAL_EFFICIENCY * self.bandwidth_hz)
        limit = f"must lie between 0 and {_MAX_SPECTRAL_EFFICIENCY:g} bit/s per Hz of bandwidth"
        require("qos_bps", self.qos_bps, sane, limit)
        require_shape("user_xy_m", self.user_xy_m, (self.n_users, 2))
        require_shape("pair_channel", self.pair_channel, self.pair_block.shape)
        rows = self.channel.shape[0]
        found = (self.pair_channel >= 0) & (self.pair_channel < rows)
        require("pair_channel", self.pair_channel, found, f"is not a row of channel (0 to {rows - 1})")

    @property
    def error_set(self) -> ErrorSet:
        """The set of channel errors (4)."""
        return error_set_named(self.csi_set)

    @property
    def n_nodes(self) -> int:
        """Number of nodes N."""
        return int(self.storage_bytes.shape[0])

    @property
    def n_users(self) -> int:
        """Number of users U."""
        return int(self.requests.shape[0])

    @property
    def n_models(self) -> int:
        """Number of models M."""
        return int(self.model_blocks.shape[0])

    @property
    def n_blocks(self) -> int:
        """Number of PBs K."""
        return int(self.block_bytes.shape[0])

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        block, user = (np.array(index, np.int64) for index in np.nonzero(self.model_blocks[self.requests].T))
        block.setflags(write=False)  # its own array, not a view of one that could be written
        user.setflags(write=False)
        return block, user

    @property
    def pair_block(self) -> NDArray[np.int64]:
        """(P,) PB of each requested pair."""
        return self._pairs[0]

    @property
    def pair_user(self) -> NDArray[np.int64]:
        """(P,) user of each requested pair."""
        return self._pairs[1]

    @cached_property
    def requested_blocks(self) -> NDArray[np.int64]:
        """(R,) PBs that at least one user requests, ascending."""
        blocks: NDArray[np.int64] = np.unique(self.pair_block)
        blocks.setflags(write=False)
        return blocks

    @cached_property
    def _pair_offsets(self) -> list[int]:
        offsets: list[int] = np.searchsorted(self.pair_block, np.arange(self.n_blocks + 1)).tolist()
        return offsets

    def block_pairs(self, block: int) -> slice:
        """Slice of the pairs of PB ``block``; ``pair_user[slice]`` is U_k."""
        if not 0 <= block < self.n_blocks:
            raise IndexError(f"block {block} is not between 0 and {self.n_blocks - 1}")
        return slice(self._pair_offsets[block], self._pair_offsets[block + 1])

    def block_channels(self, block: int) -> NDArray[np.complex128]:
        """(|U_k|, N, N_t) estimated channels of the users that want PB ``block``, in the order of U_k."""
        return self.channel[self.pair_channel[self.block_pairs(block)]]

    def block_radii(self, block: int) -> NDArray[np.float64]:
        """(|U_k|, N) CSI error radii of the users that want PB ``block``, in the order of U_k."""
        return self.csi_radius[self.pair_channel[self.block_pairs(block)]]

    @cached_property
    def association(self) -> NDArray[np.int64]:
        """(U,) nearest node of each user; the lower index wins a tie."""
        nearest = nearest_nodes(self.node_xy_m, self.user_xy_m)
        nearest.setflags(write=False)
        return nearest

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all but ``name`` and ``recipe``: what the problem is, not how it is called."""
        return self.current_digest()

    def current_digest(self) -> str:
        """:attr:`digest` computed again, for an instance that somebody may have written into."""
        labelled = {
            "bandwidth_hz": self.bandwidth_hz.hex(),
            "noise_w": self.noise_w.hex(),
            "csi_set": self.csi_set,
            "block_names": self.block_names,
            "model_names": self.model_names,
            "shapes": {field: getattr(self, field).shape for field in ARRAY_FIELDS},
        }
        state = hashlib.sha256(json.dumps(labelled, sort_keys=True).encode())
        for field in ARRAY_FIELDS:
            array = getattr(self, field)
            state.update(field.encode() + b"\0")
            state.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return state.hexdigest()

    def copy(self) -> Instance:
        """An equal instance that shares no array with this one."""
        return dataclasses.replace(self)

    def replace(self, **changes: Any) -> Instance:
        """Return a copy with some fields changed; its recipe is dropped unless one is given.

        ``requests`` may be indices, names of models, or a mapping from models to their numbers of users. With them, the
        requested pairs change, and their channels are found again: a pair keeps its channel, and a user with one
        channel for all blocks has it for the new ones. Where a new pair needs a channel of its own, it is drawn as the
        instance's recipe draws it. QoS rates and positions stay as they are.

        Parameters
        ----------
        **changes
            Fields by name, in the shapes and units of `Instance`.

        Raises
        ------
        InputError
            For a broken rule, or a new pair without a channel where no recipe can draw it.

        Examples
        --------
        >>> from fgamcd_opt import load_instance
        >>> tiny = load_instance("tiny")
        >>> tiny.replace(requests=[0, 0]).requests
        array([0, 0])
        """
        if "requests" in changes:
            changed: Instance = import_module(_ABOVE).replaced(self, changes)
            return changed
        return dataclasses.replace(self, **{"recipe": None, **changes})

    @classmethod
    def build(
        cls,
        *,
        name: str = "own",
        models: Any = None,
        block_bytes: Any = None,
        requests: Any = None,
        nodes: int | None = None,
        users: int | None = None,
        antennas: int | None = None,
        channel: Any = None,
        storage_bytes: Any = None,
        power_w: Any = None,
        backhaul_bps: Any = None,
        qos_bps: Any = None,
        node_xy_m: Any = None,
        user_xy_m: Any = None,
        bandwidth_hz: float | None = None,
        noise_w: float | None = None,
        csi_delta: float | None = None,
        csi_set: str | None = None,
        seed: int | None = None,
        defaults: Any = None,
    ) -> Instance:
        """Make an instance from plain arrays; what is left out is generated as a recipe without it would be.

        N nodes, U users and N_t antennas are those of the arrays, which have to agree.

        Parameters
        ----------
        name
            Label.
        models, block_bytes
            Mapping from names of models to lists of names of blocks, and from names of blocks to sizes in byte; or an
            (M, K) array of bool and (K,) sizes; or the path of a repository file as ``models`` alone.
        requests
            (U,) model of each user, by name or number from 0; or a mapping from models to numbers of users.
        nodes, users, antennas
            N, U, N_t, where no array has them.
        channel
            (N, U, N_t) or (N, U, K, N_t) complex amplitude ratios, sqrt(W/W).
        storage_bytes, power_w
            (N,) or one number, in byte and W.
        backhaul_bps
            (N, N), (K, N, N) or one number, in bit/s; row n holds the rates from node n.
        qos_bps
            (U,) or one number, in bit/s; given rates are not capped.
        node_xy_m, user_xy_m
            (N, 2) and (U, 2) positions, in m.
        bandwidth_hz, noise_w
            B in Hz and sigma^2 over B in W.
        csi_delta, csi_set
            Error radius as a share of the norm of each channel, and the name of the error set.
        seed
            Of what is drawn.
        defaults
            Preset or `Recipe` from which everything else comes; without it, the defaults of a recipe.

        Raises
        ------
        InputError
            Naming the argument, its index and value.

        Examples
        --------
        >>> from fgamcd_opt import Instance
        >>> own = Instance.build(
        ...     models={"faces": ["base", "head-f"], "ocr": ["base", "head-o"]},
        ...     block_bytes={"base": 9_000_000, "head-f": 500_000, "head-o": 700_000},
        ...     requests=["faces", "ocr", "ocr"],
        ...     storage_bytes=[10_000_000, 12_000_000],
        ...     antennas=4,
        ... )
        >>> own.n_nodes, own.n_users, own.n_blocks
        (2, 3, 3)
        """
        arguments = {key: value for key, value in locals().items() if key != "cls"}
        built: Instance = import_module(_ABOVE).build_instance(arguments)
        return built


_ABOVE = "fgamcd_opt.instances.generation.from_arrays"
"""Where instances are generated, on the floor above; loaded when it is asked for."""


def nearest_nodes(node_xy_m: NDArray[np.float64], user_xy_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """(U,) nearest node of each user; the lower index wins a tie."""
    offset = user_xy_m[:, None, :] - node_xy_m[None, :, :]
    nearest: NDArray[np.int64] = np.argmin((offset**2).sum(axis=2), axis=1)
    return nearest
