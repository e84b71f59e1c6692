"""`Recipe`: the parameters from which an instance is generated, as a small JSON object."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fgamcd_opt.errors import InputError
from fgamcd_opt.instances.instance import CSI_SETS

SCHEMA_VERSION = 1
"""Version of the recipe's fields; a reader accepts exactly this one."""

_Many = float | tuple[float, ...]


def _whole(default: int, low: int, high: int) -> Any:
    return field(default=default, metadata={"kind": "integer", "low": low, "high": high})


def _real(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"kind": "number", "low": low, "high": high})


def _per_node(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"kind": "number or list", "low": low, "high": high})


def _choice(*choices: str) -> Any:
    return field(default=choices[0], metadata={"kind": "text", "choices": choices})


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a generated instance; the defaults are the paper preset.

    Parameters
    ----------
    name
        Label; overriding other fields appends them to it.
    seed
        Of the instance (not of a solver). Each purpose has a random stream of its own.
    nodes, users, antennas
        N, U and N_t.
    repository
        ``cnn``, ``llm`` or ``synthetic`` (one architecture whose PB sizes are drawn).
    families
        Architectures of ``cnn`` or ``llm`` to use; empty means all.
    models_per_family, roots_per_family, freeze
        See `fgamcd_opt.instances.repository.Family`; ``freeze`` holds one depth per family, empty means the
        repository's own.
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
    backhaul, backhaul_gbps_min, backhaul_gbps_max
        Link rates drawn ``per_block`` or ``once``, uniform on the interval in Gbit/s.
    qos_gbps_min, qos_gbps_max, qos_cap
        Interval of the drawn R_u in Gbit/s, and the share of the user's worst PB under full cooperation that
        R_u never exceeds; above 1 the instance may be infeasible.
    zipf
        Exponent of the request popularity.
    csi_delta, csi_set
        eps = delta ||h||, and ``ellipsoid`` or ``balls``.

    Raises
    ------
    InputError
        Naming the first field whose value is of the wrong type, out of range or contradicts another.
    """

    name: str = field(default="paper", metadata={"kind": "text"})
    seed: int = _whole(1, 0, 2**63 - 1)
    nodes: int = _whole(6, 1, 64)
    users: int = _whole(30, 1, 10_000)
    antennas: int = _whole(20, 1, 1024)
    repository: str = _choice("cnn", "llm", "synthetic")
    families: tuple[str, ...] = field(default=(), metadata={"kind": "list of texts"})
    models_per_family: int = _whole(20, 1, 1000)
    roots_per_family: int = _whole(6, 1, 1000)
    freeze: tuple[int, ...] = field(default=(), metadata={"kind": "list of integers", "low": 0, "high": 1000})
    blocks_per_model: int = _whole(10, 1, 1000)
    block_mb_min: float = _real(1.0, 1e-6, 1e6)
    block_mb_max: float = _real(10.0, 1e-6, 1e6)
    storage_gb: _Many = _per_node(1.25, 0.0, 1e6)  # noqa: RUF009 (a dataclass field)
    power_dbm: _Many = _per_node(43.0, -100.0, 100.0)  # noqa: RUF009 (a dataclass field)
    bandwidth_hz: float = _real(400e6, 1.0, 1e12)
    noise_dbm: float = _real(-80.0, -200.0, 100.0)
    g0_db: float = _real(-30.0, -200.0, 100.0)
    path_loss_exponent: float = _real(3.0, 0.0, 10.0)
    rician_k: float = _real(3.0, 0.0, 1e6)
    area_m: float = _real(1000.0, 1.0, 1e6)
    placement: str = _choice("grid", "uniform")
    min_distance_m: float = _real(10.0, 0.01, 1e6)
    fading: str = _choice("per_block", "once")
    backhaul: str = _choice("per_block", "once")
    backhaul_gbps_min: float = _real(8.0, 1e-6, 1e6)
    backhaul_gbps_max: float = _real(12.0, 1e-6, 1e6)
    qos_gbps_min: float = _real(5.0, 0.0, 1e6)
    qos_gbps_max: float = _real(7.0, 0.0, 1e6)
    qos_cap: float = _real(0.8, 0.0, 100.0)
    zipf: float = _real(0.8, 0.0, 100.0)
    csi_delta: float = _real(0.05, 0.0, 1.0)
    csi_set: str = _choice(*CSI_SETS)

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            value = _checked(spec.name, getattr(self, spec.name), spec.metadata)
            object.__setattr__(self, spec.name, value)
        for interval in ("block_mb", "backhaul_gbps", "qos_gbps"):
            low, high = getattr(self, f"{interval}_min"), getattr(self, f"{interval}_max")
            if low > high:
                raise InputError(f"{interval}_min: {low:g} is above {interval}_max = {high:g}")
        for name in ("storage_gb", "power_dbm"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.nodes:
                raise InputError(
                    f"{name}: has {len(value)} values; expected one, or one for each of {self.nodes} nodes"
                )
        self._check_repository()

    def _check_repository(self) -> None:
        if not self.name:
            raise InputError("name: must not be empty")
        if self.roots_per_family > self.models_per_family:
            raise InputError(
                f"roots_per_family: {self.roots_per_family} is above "
                f"models_per_family = {self.models_per_family}"
            )
        if self.repository == "synthetic":
            unused: tuple[str, ...] = ("families",)
        else:
            unused = ("blocks_per_model", "block_mb_min", "block_mb_max")
        for spec in dataclasses.fields(self):
            if spec.name in unused and getattr(self, spec.name) != spec.default:
                raise InputError(f"{spec.name}: has no effect with repository = {self.repository}")

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain JSON values, with the schema version."""
        values = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"schema_version": SCHEMA_VERSION, **plain}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Recipe:
        """Make a recipe from JSON values; fields that are not given keep their defaults.

        Raises
        ------
        InputError
            For another schema version, an unknown field (naming the nearest known one) or a bad value.
        """
        fields = dict(content)
        version = fields.pop("schema_version", None)
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise InputError(f"schema_version: {version!r} is not known; this release reads {SCHEMA_VERSION}")
        _refuse_unknown(fields)
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()}
        return cls(**values)

    def with_overrides(self, overrides: Mapping[str, str]) -> Recipe:
        """Return a copy with some fields replaced by values given as text, such as ``{"users": "48"}``.

        Lists are separated by commas. Unless ``name`` is among them, the overrides are appended to the name.

        Raises
        ------
        InputError
            For an unknown field (naming the nearest known one) or a value of the wrong type or range.
        """
        if not overrides:
            return self
        _refuse_unknown(overrides)
        kinds = {spec.name: spec.metadata["kind"] for spec in dataclasses.fields(self)}
        parsed = {name: _parse(name, text, kinds[name]) for name, text in overrides.items()}
        label = ",".join(f"{name}={text}" for name, text in overrides.items())
        return dataclasses.replace(self, **{"name": f"{self.name}[{label}]", **parsed})


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name most like ``name``, or nothing."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def _refuse_unknown(given: Iterable[str]) -> None:
    known = [spec.name for spec in dataclasses.fields(Recipe)]
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            raise InputError(f"{name}: unknown field of a recipe{hint}")


def _parse(name: str, text: str, kind: str) -> Any:
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    try:
        match kind:
            case "text":
                return text
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "list of texts":
                return tuple(items)
            case "list of integers":
                return tuple(int(item) for item in items)
            case _:
                return float(text) if len(items) == 1 else tuple(float(item) for item in items)
    except ValueError as error:
        raise InputError(f"{name}: {text!r} is not valid; expected {kind}") from error


def _checked(name: str, value: Any, rule: Mapping[str, Any]) -> Any:
    kind: str = rule["kind"]
    if kind.startswith("list") or isinstance(value, tuple):
        if not isinstance(value, tuple) or "list" not in kind:
            raise InputError(f"{name}: {value!r} is not valid; expected {kind}")
        item_kind = {"list of texts": "text", "list of integers": "integer"}.get(kind, "number")
        return tuple(_checked(name, item, {**rule, "kind": item_kind}) for item in value)
    if kind == "text":
        accepted = isinstance(value, str)
    elif kind == "integer":
        accepted = isinstance(value, int) and not isinstance(value, bool)
    else:
        accepted = isinstance(value, int | float) and not isinstance(value, bool)
    if not accepted:
        raise InputError(f"{name}: {value!r} is not valid; expected {kind}")
    if "choices" in rule and value not in rule["choices"]:
        raise InputError(f"{name}: {value!r} is unknown; expected one of {', '.join(rule['choices'])}")
    if "low" in rule and not (math.isfinite(value) and rule["low"] <= value <= rule["high"]):
        raise InputError(f"{name}: {value!r} must lie between {rule['low']:g} and {rule['high']:g}")
    return value if kind in ("text", "integer") else float(value)
