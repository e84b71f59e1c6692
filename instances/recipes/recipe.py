"""`Recipe`: the parameters from which an instance is generated, as a small JSON object."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fgamcd_opt.instances.error_sets import CSI_SETS
from fgamcd_opt.instances.recipes.own_values import (
    MOST_USERS,
    SIZE_FIELDS,
    STORAGE,
    TABLE_FIELDS,
    is_table,
    plain_fields,
)
from fgamcd_opt.instances.recipes.recipe_fields import (
    Matrix,
    PerNode,
    Points,
    check_field,
    choice,
    nearest,
    own,
    parse_field,
    per_node,
    real,
    whole,
)
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, check_name, one_line, quote, shortened
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.io.sizes import has_unit

SCHEMA_VERSION = 1
"""Version of the recipe's fields; a reader accepts exactly this one."""

REPOSITORIES = ("cnn", "llm", "synthetic")
"""Built-in repositories of models."""

_OF_FAMILIES = ("families", "models_per_family", "roots_per_family", "freeze")
_OF_SYNTHETIC = ("blocks_per_model", "block_mb_min", "block_mb_max")
_OF_DRAWN_CHANNELS = ("g0_db", "path_loss_exponent", "rician_k", "fading")
_OF_DRAWN_QOS = ("qos_gbps_min", "qos_gbps_max", "qos_cap")
_OF_DRAWN_LINKS = ("backhaul", "backhaul_gbps_min", "backhaul_gbps_max")
_PER_USER = ("requests", "user_xy_m", "qos_gbps")
_PER_NODE = ("node_xy_m", "backhaul_gbps", "storage_gb", "power_dbm")
_OWN_ROWS = ("node_xy_m", "user_xy_m")
_SHA256 = re.compile("([0-9a-f]{64})?")


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a generated instance; the defaults are the paper preset.

    Parameters
    ----------
    name
        Label; overriding other fields appends them to it.
    seed
        Of the instance (not of a solver). Each purpose has its own random stream.
    nodes, users, antennas
        N, U and N_t.
    repository
        ``cnn``, ``llm``, ``synthetic`` (one architecture whose PB sizes are drawn) or the path of a repository file
        (``.json``, see `fgamcd_opt.instances.repositories.repository_file`).
    repository_sha256
        SHA-256 (hex) that the repository file must have; empty means any. Generation fills it in.
    families
        Architectures of ``cnn`` or ``llm`` to use; empty means all.
    models_per_family, roots_per_family, freeze
        See `fgamcd_opt.instances.repositories.model_repository.Family`; ``freeze`` holds one depth per family, empty
        means the repository's own.
    blocks_per_model, block_mb_min, block_mb_max
        Of ``synthetic`` alone: PBs per model and the interval of their sizes, in 1e6 bytes.
    storage_gb
        Q_n in 1e9 bytes: one number, or one per node.
    power_dbm
        P_n in dBm: one number, or one per node.
    bandwidth_hz, noise_dbm
        B in Hz and sigma^2 over B in dBm.
    g0_db, path_loss_exponent, rician_k
        Gain at 1 m in dB, alpha and the Rician factor (a ratio, not dB).
    area_m, placement, min_distance_m
        Side of the square in m, ``grid`` or ``uniform`` nodes, least distance between user and node in m.
    fading
        Small-scale fading drawn ``per_block`` or ``once``.
    channels
        Path of a file with channels to take instead of drawn ones (``.npy``, ``.npz`` or ``.mat``, see
        `fgamcd_opt.instances.network.own_channels`); empty means none.
    channels_sha256
        SHA-256 (hex) that the file of the channels must have; empty means any. Generation fills it in.
    backhaul, backhaul_gbps_min, backhaul_gbps_max
        Link rates drawn ``per_block`` or ``once``, uniform on the interval in Gbit/s.
    cooperation_radius_m
        Nodes farther apart have no backhaul link, so that a block migrates within this distance only; 0 means no
        limit.
    qos_gbps_min, qos_gbps_max, qos_cap
        Interval of the drawn R_u in Gbit/s, and the share of the user's worst PB under full cooperation that
        R_u never exceeds; above 1 the instance may be infeasible.
    zipf
        Exponent of the request popularity.
    requests
        Model of every user, by name or number (from 0), instead of drawn ones; empty means drawn, as below.
    qos_gbps
        R_u in Gbit/s, which no cap changes: one number, or one per user.
    node_xy_m, user_xy_m
        Positions in m, a pair x, y per node or user.
    backhaul_gbps
        Rates of the links in Gbit/s, the same for all blocks: one number, or a matrix with a row per sending node; 0
        means no link, and the diagonal does not count.
    csi_delta, csi_set
        eps = delta ||h||, and the name of the error set.

    Raises
    ------
    InputError
        Naming the first field whose value is of the wrong type, out of range or contradicts another.
    """

    name: str = field(default="paper", metadata={"kind": "text"})
    seed: int = whole(1, 0, 2**63 - 1)
    nodes: int = whole(6, 1, 64)
    users: int = whole(30, 1, MOST_USERS)
    antennas: int = whole(20, 1, 1024)
    repository: str = field(default="cnn", metadata={"kind": "text"})
    repository_sha256: str = field(default="", metadata={"kind": "text"})
    families: tuple[str, ...] = field(default=(), metadata={"kind": "list of texts"})
    models_per_family: int = whole(20, 1, 1000)
    roots_per_family: int = whole(6, 1, 1000)
    freeze: tuple[int, ...] = field(default=(), metadata={"kind": "list of integers", "low": 0, "high": 1000})
    blocks_per_model: int = whole(10, 1, 1000)
    block_mb_min: float = real(1.0, 1e-6, 1e6)
    block_mb_max: float = real(10.0, 1e-6, 1e6)
    storage_gb: PerNode = per_node(1.25, 0.0, 1e6)  # noqa: RUF009 (a dataclass field)
    power_dbm: PerNode = per_node(43.0, -100.0, 100.0)  # noqa: RUF009 (a dataclass field)
    bandwidth_hz: float = real(400e6, 1.0, 1e12)
    noise_dbm: float = real(-80.0, -200.0, 100.0)
    g0_db: float = real(-30.0, -200.0, 100.0)
    path_loss_exponent: float = real(3.0, 0.0, 10.0)
    rician_k: float = real(3.0, 0.0, 1e6)
    area_m: float = real(1000.0, 1.0, 1e6)
    placement: str = choice("grid", "uniform")
    min_distance_m: float = real(10.0, 0.01, 1e6)
    fading: str = choice("per_block", "once")
    channels: str = field(default="", metadata={"kind": "text"})
    channels_sha256: str = field(default="", metadata={"kind": "text"})
    backhaul: str = choice("per_block", "once")
    backhaul_gbps_min: float = real(8.0, 1e-6, 1e6)
    backhaul_gbps_max: float = real(12.0, 1e-6, 1e6)
    cooperation_radius_m: float = real(0.0, 0.0, 1e6)
    qos_gbps_min: float = real(5.0, 0.0, 1e6)
    qos_gbps_max: float = real(7.0, 0.0, 1e6)
    qos_cap: float = real(0.8, 0.0, 100.0)
    zipf: float = real(0.8, 0.0, 100.0)
    csi_delta: float = real(0.05, 0.0, 1.0)
    csi_set: str = choice(*CSI_SETS)
    requests: tuple[str | int, ...] = own("list of models")
    qos_gbps: PerNode = own("own number or list")  # noqa: RUF009 (a dataclass field)
    node_xy_m: Points = own("list of points", -1e9, 1e9, most=64)  # noqa: RUF009 (a dataclass field)
    user_xy_m: Points = own("list of points", -1e9, 1e9)  # noqa: RUF009 (a dataclass field)
    backhaul_gbps: Matrix = own("number or matrix", most=64)  # noqa: RUF009 (a dataclass field)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            value = check_field(spec.name, getattr(self, spec.name), spec.metadata)
            object.__setattr__(self, spec.name, value)
        for interval in ("block_mb", "backhaul_gbps", "qos_gbps"):
            low, high = getattr(self, f"{interval}_min"), getattr(self, f"{interval}_max")
            if low > high:
                raise InputError(f"{interval}_min: {low:g} is above {interval}_max = {high:g}")
        for names, count, what in ((_PER_NODE, self.nodes, "nodes"), (_PER_USER, self.users, "users")):
            for name in names:
                value = getattr(self, name)
                if isinstance(value, tuple) and value and len(value) != count:
                    each = f"one for each of {count} {what}"
                    expected = each if name in (*_OWN_ROWS, "requests") else f"one, or {each}"
                    raise InputError(f"{name}: has {len(value)} values; expected {expected}")
        self._check_repository()

    def _check_repository(self) -> None:
        check_name("name", self.name)
        if self.roots_per_family > self.models_per_family:
            raise InputError(
                f"roots_per_family: {self.roots_per_family} is above "
                f"models_per_family = {self.models_per_family}"
            )
        if self.repository not in REPOSITORIES and not self.repository.endswith(".json"):
            raise InputError(
                f"repository: {quote(self.repository)} is unknown; expected one of {', '.join(REPOSITORIES)} or a "
                ".json file that `fgamcd repository scan -o` wrote"
            )
        for name in ("repository_sha256", "channels_sha256"):
            if not _SHA256.fullmatch(getattr(self, name)):
                raise InputError(f"{name}: {quote(getattr(self, name))} is not 64 hexadecimal digits")
        unused = self.without_effect()
        for spec in dataclasses.fields(self):
            if spec.name in unused and getattr(self, spec.name) != spec.default:
                raise InputError(f"{spec.name}: has no effect with {unused[spec.name]}")

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain JSON values, with the schema version."""
        values = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
        plain = {name: _plain(value) for name, value in values.items()}
        return {"schema_version": SCHEMA_VERSION, **plain}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], folder: Path = Path()) -> Recipe:
        """Make a recipe from JSON values; fields that are not given keep their defaults.

        Sizes may have units, ``storage`` stands for ``storage_gb``, and values of the user's own may stand in files
        (`fgamcd_opt.instances.recipes.own_values`). Without ``users`` or ``nodes``, there are as many as these values.

        Parameters
        ----------
        content
            Field names and values, and the schema version.
        folder
            Of the recipe: where relative paths in it start.

        Raises
        ------
        InputError
            For another schema version, an unknown field (naming the nearest known one) or a bad value.
        """
        fields = dict(content)
        version = fields.pop("schema_version", None)
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise InputError(
                f"schema_version: {quote(version)} is not known; this release reads {SCHEMA_VERSION}"
            )
        _refuse_unknown(fields)
        fields = plain_fields(fields, folder)
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()}
        return cls(**{**_counts(values, _PER_USER, _PER_NODE), **values})

    def with_overrides(self, overrides: Mapping[str, str]) -> Recipe:
        """Return a copy with some fields replaced by values given as text, such as ``{"users": "48"}``.

        Lists are separated by commas; rows and objects are written as in JSON, and what `from_json` accepts is
        accepted here. Files are looked up from the current folder, and an empty text means drawn values. Unless
        ``name`` is among them, the overrides are appended to the name. Fields that no longer have an effect go back
        to their defaults.

        Raises
        ------
        InputError
            For an unknown field (naming the nearest known one) or a value of the wrong type or range.
        """
        if not overrides:
            return self
        _refuse_unknown(overrides)
        kinds = {spec.name: spec.metadata["kind"] for spec in dataclasses.fields(self)}
        plain = plain_fields({name: _listed(name, text) for name, text in overrides.items()}, Path())
        parsed = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in (
                (name, parse_field(name, value, kinds[name]) if isinstance(value, str) else value)
                for name, value in plain.items()
            )
        }
        label = ",".join(f"{name}={Path(text).name or text}" for name, text in overrides.items())
        counts = _counts(parsed, _PER_USER, ("node_xy_m", "backhaul_gbps"))
        changes = {"name": shortened(f"{self.name}[{label}]"), **counts, **parsed}
        return dataclasses.replace(self, **{**self._reset_by(changes), **changes})

    def without_effect(self) -> dict[str, str]:
        """Fields that must keep their defaults, and because of what."""
        return _without_effect({spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)})

    def fixed(self, name: str) -> str | None:
        """What keeps a field from being changed alone, in words; None if nothing does."""
        if reason := self.without_effect().get(name):
            return reason
        if self.channels and name in ("nodes", "users", "antennas"):
            return f"channels = {self.channels}"
        rows = {"users": _PER_USER, "nodes": _PER_NODE}.get(name, ())
        held = [field for field in rows if isinstance(value := getattr(self, field), tuple) and value]
        return f"{held[0]}, which has a value for each of them" if held else None

    def _reset_by(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults of the fields whose effect the changes end; a digest belongs to the file that it was made of."""
        before = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
        names = set(_without_effect({**before, **changes})) - set(_without_effect(before))
        names |= {f"{name}_sha256" for name in ("repository", "channels") if name in changes}
        if changes.get("repository", self.repository) != self.repository:
            names |= {"families", "freeze"}
        return {spec.name: spec.default for spec in dataclasses.fields(self) if spec.name in names}


def _plain(value: Any) -> Any:
    """Tuples as lists, at every depth."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _listed(name: str, text: str) -> Any:
    """Sizes of a text as a list, if there are several, and JSON as its value; other texts as they are."""
    if name in TABLE_FIELDS and text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: {quote(text)} is no JSON list or object") from error
    if name not in (STORAGE, *SIZE_FIELDS) or "," not in text or is_table(text):
        return text
    items = [item.strip() for item in text.split(",")]
    if name == STORAGE:
        return items
    if not any(map(has_unit, items)):
        return text
    return [item if has_unit(item) else parse_field(name, item, "number") for item in items]


def _counts(values: Mapping[str, Any], per_user: Iterable[str], per_node: Iterable[str]) -> dict[str, int]:
    """Numbers of users and nodes of the first value that has one for each of them."""
    counts = {}
    for what, names in (("users", per_user), ("nodes", per_node)):
        held = [values[name] for name in names if isinstance(values.get(name), tuple) and values[name]]
        if held:
            counts[what] = len(held[0])
    return counts


def _without_effect(values: Mapping[str, Any]) -> dict[str, str]:
    """Fields that must keep their defaults, and because of what, from the values of all."""
    repository, channels = values["repository"], values["channels"]
    if repository.endswith(".json"):
        names: tuple[str, ...] = (*_OF_FAMILIES, *_OF_SYNTHETIC)
    elif repository == "synthetic":
        names = ("families", "repository_sha256")
    else:
        names = (*_OF_SYNTHETIC, "repository_sha256")
    unused = dict.fromkeys(names, f"repository = {repository}")
    if channels:
        unused |= dict.fromkeys(_OF_DRAWN_CHANNELS, f"channels = {channels}")
    else:
        unused |= {"channels_sha256": "no file for channels"}
    for name, drawn in _DRAWN:
        if values[name] != ():
            unused |= dict.fromkeys(drawn, f"{name} of your own")
    if values["node_xy_m"] and values["user_xy_m"]:
        unused["area_m"] = "positions of your own"
    return unused


_DRAWN = (
    ("requests", ("zipf",)),
    ("qos_gbps", _OF_DRAWN_QOS),
    ("node_xy_m", ("placement",)),
    ("backhaul_gbps", _OF_DRAWN_LINKS),
)
"""Fields with values of the user's own, and those that describe drawn ones."""


def _refuse_unknown(given: Iterable[str]) -> None:
    known = [*(spec.name for spec in dataclasses.fields(Recipe)), STORAGE]
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            raise InputError(f"{one_line(name[:MAX_QUOTED])}: unknown field of a recipe{hint}")
