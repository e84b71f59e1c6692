"""The variants of P1: the same problem with one declaration changed (docs/reference/p1.md, "Variants")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import MAX_QUOTED, quote
from fgamcd_opt.io.short_repr import short_repr
from fgamcd_opt.io.times import is_finite


class Granularity(StrEnum):
    """Unit of caching and delivery."""

    BLOCK = "block"
    MODEL = "model"


class Delivery(StrEnum):
    """How a block reaches its users over the air."""

    COMP_BROADCAST = "comp_broadcast"
    UNICAST_TDMA = "unicast_tdma"
    HYBRID = "hybrid"
    LOCAL_BROADCAST = "local_broadcast"


class Csi(StrEnum):
    """Channel errors that the beams are designed for; the evaluation always uses the true error set."""

    ROBUST = "robust"
    NOMINAL = "nominal"


class Unserved(StrEnum):
    """What happens to a block that no node can deliver."""

    FORBIDDEN = "forbidden"
    CLOUD = "cloud"


_Choice = TypeVar("_Choice", bound=StrEnum)
_CALL = re.compile(r"\s*(?P<name>\w+)\s*(?:\(\s*(?P<argument>[^()]*?)\s*\))?\s*")
FIELDS = ("granularity", "delivery", "cooperation", "csi", "unserved", "max_senders")
_UNLIMITED = "unlimited"


@dataclass(frozen=True)
class Variant:
    """The variant fields of P1. The default is P1 itself.

    Parameters
    ----------
    granularity
        ``model``: whole models are cached and delivered and nothing is shared.
    delivery
        Transmission scheme; ``hybrid`` needs ``hybrid_threshold``.
    cooperation
        False: no migration, and each node plans its cache for its own (nearest-node) users alone.
    csi
        ``nominal``: beams are designed as if there were no channel error, then judged on the real errors.
    unserved
        ``cloud``: a block that no node can deliver costs D_k / ``cloud_rate_bps`` per requesting user. An
        extension outside P1.
    hybrid_threshold
        Number of users above which ``hybrid`` broadcasts; present if and only if ``delivery`` is ``hybrid``.
    cloud_rate_bps
        Rate from the cloud in bit/s; present if and only if ``unserved`` is ``cloud``.
    max_senders
        Most nodes that send in one transmission, at least 1; None for any number, as in P1.

    Raises
    ------
    InputError
        An unknown value, or a parameter that is missing, out of range or not called for.
    """

    granularity: Granularity = Granularity.BLOCK
    delivery: Delivery = Delivery.COMP_BROADCAST
    cooperation: bool = True
    csi: Csi = Csi.ROBUST
    unserved: Unserved = Unserved.FORBIDDEN
    hybrid_threshold: int | None = None
    cloud_rate_bps: float | None = None
    max_senders: int | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        object.__setattr__(self, "granularity", _choice(Granularity, "granularity", self.granularity))
        object.__setattr__(self, "delivery", _choice(Delivery, "delivery", self.delivery))
        object.__setattr__(self, "csi", _choice(Csi, "csi", self.csi))
        object.__setattr__(self, "unserved", _choice(Unserved, "unserved", self.unserved))
        if not isinstance(self.cooperation, bool):
            raise InputError(
                f"variant field cooperation: {quote(self.cooperation)} is neither true nor false"
            )
        self._check_threshold()
        self._check_cloud_rate()
        self._check_senders()

    def _check_threshold(self) -> None:
        threshold = self.hybrid_threshold
        if (threshold is not None) != (self.delivery is Delivery.HYBRID):
            raise InputError(
                f"variant field delivery={self.delivery}: a threshold belongs to hybrid and to nothing else; "
                f"got {quote(threshold)}. Write for example delivery=hybrid(4)"
            )
        if threshold is not None and (type(threshold) is not int or threshold < 0):
            raise InputError(f"variant field delivery: hybrid({quote(threshold)}) needs a whole number >= 0")

    def _check_cloud_rate(self) -> None:
        rate = self.cloud_rate_bps
        if (rate is not None) != (self.unserved is Unserved.CLOUD):
            raise InputError(
                f"variant field unserved={self.unserved}: a rate belongs to cloud and to nothing else; "
                f"got {quote(rate)}. Write for example unserved=cloud(1e9), in bit/s"
            )
        if rate is not None and not (is_finite(rate) and rate > 0):
            raise InputError(
                f"variant field unserved: cloud rate {quote(rate)} bit/s is not a finite number > 0"
            )

    def _check_senders(self) -> None:
        most = self.max_senders
        if most is not None and (type(most) is not int or most < 1):
            raise InputError(f"variant field max_senders: {quote(most)} is not a whole number >= 1")

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> Variant:
        """Build a variant from text, for example ``{"delivery": "hybrid(4)", "unserved": "cloud(1e9)"}``.

        Parameters
        ----------
        fields
            Any of the field names with its value; fields left out keep their default.

        Raises
        ------
        InputError
            Unknown field, unknown value, or a parameter that does not fit.
        """
        values: dict[str, object] = {}
        for field, text in fields.items():
            if field not in FIELDS:
                raise InputError(f"variant field {quote(field)} is unknown; known: {', '.join(FIELDS)}")
            name, argument = _split(field, text)
            if field == "delivery" and argument is not None:
                values["hybrid_threshold"] = _number(int, field, argument)
            elif field == "unserved" and argument is not None:
                values["cloud_rate_bps"] = _number(float, field, argument)
            elif argument is not None:
                raise InputError(f"variant field {field}: {quote(text)} takes no parameter")
            if field == "max_senders":
                values[field] = None if name == _UNLIMITED else _number(int, field, name)
            else:
                values[field] = _boolean(field, name) if field == "cooperation" else name
        return cls(**values)  # type: ignore[arg-type]  # checked in __post_init__

    def to_dict(self) -> dict[str, str]:
        """All fields as text that :meth:`parse` reads back to an equal variant."""
        delivery, unserved = str(self.delivery), str(self.unserved)
        return {
            "granularity": str(self.granularity),
            "delivery": delivery if self.hybrid_threshold is None else f"{delivery}({self.hybrid_threshold})",
            "cooperation": str(self.cooperation).lower(),
            "csi": str(self.csi),
            "unserved": unserved if self.cloud_rate_bps is None else f"{unserved}({self.cloud_rate_bps!r})",
            "max_senders": _UNLIMITED if self.max_senders is None else str(self.max_senders),
        }

    def differences(self) -> dict[str, str]:
        """Fields that differ from P1 itself, with their values as text; empty for the default."""
        default = Variant().to_dict()
        return {field: text for field, text in self.to_dict().items() if text != default[field]}

    def __str__(self) -> str:
        changed = ", ".join(f"{field}={text}" for field, text in self.differences().items())
        return changed or "P1"


def _choice(kind: type[_Choice], field: str, value: object) -> _Choice:
    try:
        return kind(value if isinstance(value, str) else quote(value))
    except ValueError:
        known = ", ".join(kind)
        raise InputError(f"variant field {field}: {quote(value)} is unknown; known: {known}") from None


def _split(field: str, text: object) -> tuple[str, str | None]:
    match = _CALL.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_QUOTED else None
    if match is None:
        raise InputError(
            f"variant field {field}: cannot read {quote(text)}; write a value or value(parameter)"
        )
    return match["name"], match["argument"]


def _boolean(field: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InputError(f"variant field {field}: {quote(text)} is neither true nor false")
    return text.lower() == "true"


def _number(kind: type[int] | type[float], field: str, text: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"variant field {field}: {quote(text)} is not a number") from None
