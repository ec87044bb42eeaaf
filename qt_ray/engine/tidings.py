"""Tidings: what the keeper of an account's books tells whoever decides for it, numbered so that nothing is told twice.

Numbers grow by the journal that the books rest on, so a tiding has the same number in every life of both ends. Who
asks says what he knows already, and hears all that came after it, in order; who has been away for too long, or begins,
hears a `Stand` instead: what the account holds now, whatever led there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Filled:
    """An order of ours traded, signed; the fee is in the fund's own currency."""

    kind: ClassVar[str] = "filled"
    client_id: str
    symbol: str
    ts_ms: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    trade_id: int
    maker: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """An order of ours is at the venue no more, whatever of it has traded."""

    kind: ClassVar[str] = "ended"
    client_id: str
    symbol: str
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Paid:
    """The wallet moved without a trade: funding, a transfer, or what the venue names otherwise."""

    kind: ClassVar[str] = "paid"
    cause: str
    amount: Decimal
    ts_ms: int
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as it stands: signed quantity, and the average price of its entry."""

    quantity: Decimal
    entry: Decimal


@dataclass(frozen=True, slots=True)
class Stand:
    """What the account holds now, in the fund's own currency; the orders of ours that are still at work."""

    kind: ClassVar[str] = "stand"
    wallet: Decimal
    holdings: Mapping[str, Holding]
    working: tuple[str, ...]
    ts_ms: int


What = Filled | Ended | Paid | Stand


@dataclass(frozen=True, slots=True)
class Tiding:
    """One thing that happened, at its place."""

    number: int
    what: What
