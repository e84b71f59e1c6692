"""The symbols of P1: index sets, parameters and variables, with units and the fields that hold them."""

from __future__ import annotations

from dataclasses import dataclass

from fgamcd_opt.io.short_repr import short_repr


@dataclass(frozen=True)
class SetDecl:
    """An index set and its number of members."""

    symbol: str
    meaning: str
    size: int

    __repr__ = short_repr


@dataclass(frozen=True)
class Parameter:
    """A parameter, the instance field that holds it, and its unit (as the formulas use it)."""

    symbol: str
    field: str
    meaning: str
    unit: str

    __repr__ = short_repr


@dataclass(frozen=True)
class Variable:
    """A decision variable and its domain."""

    symbol: str
    name: str
    domain: str
    meaning: str

    __repr__ = short_repr


PARAMETERS = (
    Parameter("D_k", "block_bytes", "size of block k (stored in bytes; x 8 in the delay)", "byte"),
    Parameter("K_i", "model_blocks", "blocks of model i", "1"),
    Parameter("r_u", "requests", "model that user u requests", "1"),
    Parameter("Q_n", "storage_bytes", "storage of node n", "byte"),
    Parameter("R_{n,m,k}", "backhaul_bps", "backhaul rate from n to m for block k; 0 is no link", "bit/s"),
    Parameter("B", "bandwidth_hz", "bandwidth", "Hz"),
    Parameter("sigma^2", "noise_w", "noise power over B", "W"),
    Parameter("P_n", "power_w", "power budget of node n", "W"),
    Parameter("h^_{n,u,k}", "channel", "estimated channel, one row per requested pair", "sqrt(W/W)"),
    Parameter("eps_{n,u,k}", "csi_radius", "radius of the channel error", "sqrt(W/W)"),
    Parameter("R_u", "qos_bps", "QoS rate of user u", "bit/s"),
)

VARIABLES = (
    Variable("a_{n,k}", "caching", "{0,1}, (N, K)", "node n caches block k"),
    Variable("b_{n,m,k}", "migration", "{0,1}, (N, N, K)", "block k migrates from node n to node m"),
    Variable(
        "w_{n,k}",
        "beams",
        "complex^N_t in sqrt(W), (T, N, N_t)",
        "beam of node n in a transmission of block k",
    ),
)
