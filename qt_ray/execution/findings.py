"""Findings: in what the venue and we do not agree, one value for each kind of disagreement.

Equal findings are the same finding, so one that is found again persists. A break keeps entries closed; the others are
mended by adopting what the venue says, trade by trade and never as a sum.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from qt_ray.core.orders import PositionSide
from qt_ray.execution.entries import Moved, Traded


@dataclass(frozen=True, slots=True)
class MissingFill:
    """A trade of the venue that was not in the books; it is now."""

    is_break: ClassVar[bool] = False
    trade: Traded


@dataclass(frozen=True, slots=True)
class MissingMovement:
    """A movement of a wallet that was not in the books; it is now."""

    is_break: ClassVar[bool] = False
    movement: Moved


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """An open order that somebody else placed; it is watched and left alone."""

    is_break: ClassVar[bool] = False
    symbol: str
    venue_id: str
    client_id: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class OrphanStop:
    """A conditional order of ours that protects nothing."""

    is_break: ClassVar[bool] = False
    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class OrphanOrder:
    """An open order that bears our name and stands in no journal."""

    is_break: ClassVar[bool] = True
    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class OrderGone:
    """An order that we believe open and the venue does not list."""

    is_break: ClassVar[bool] = True
    symbol: str
    client_id: str


@dataclass(frozen=True, slots=True)
class OrderDiffers:
    """An order of which the venue has traded another quantity than we know."""

    is_break: ClassVar[bool] = True
    symbol: str
    client_id: str
    ours: Decimal
    venue: Decimal


@dataclass(frozen=True, slots=True)
class PositionDiffers:
    """A position that the venue has and the books do not, or of another size."""

    is_break: ClassVar[bool] = True
    symbol: str
    side: PositionSide
    ours: Decimal
    venue: Decimal


@dataclass(frozen=True, slots=True)
class WalletDiffers:
    """A wallet that holds another amount at the venue than in the books."""

    is_break: ClassVar[bool] = True
    asset: str
    ours: Decimal
    venue: Decimal


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The venue says two things under one name; nothing was posted."""

    is_break: ClassVar[bool] = True
    rule: str


Finding = (
    MissingFill
    | MissingMovement
    | ForeignOrder
    | OrphanStop
    | OrphanOrder
    | OrderGone
    | OrderDiffers
    | PositionDiffers
    | WalletDiffers
    | Contradiction
)
