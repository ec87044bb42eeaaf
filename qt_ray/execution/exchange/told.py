"""Told: what the exchange tells, in the order in which it happened, to the account it belongs to or to everybody.

Every change of an order, a wallet or a position is told once and carries copies, so a listener who kept all that it
was told holds what the exchange holds.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.execution.exchange.values import ZERO, Algo, Happened, Held, Order, Trade


@dataclass(frozen=True, slots=True)
class OrderTold:
    """Something happened to a plain order; `trade` is set when it traded."""

    account: str
    happened: Happened
    order: Order
    trade: Trade | None
    bid_notional: Decimal
    ask_notional: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class AlgoTold:
    """Something happened to a conditional order."""

    account: str
    algo: Algo
    time_ms: int


@dataclass(frozen=True, slots=True)
class AccountTold:
    """Balances and positions after a change, only what changed; `changes` are those not caused by trading.

    `cross` is each wallet without what isolated positions hold of it.
    """

    account: str
    reason: str
    wallets: dict[str, Decimal]
    changes: dict[str, Decimal]
    positions: tuple[Held, ...]
    time_ms: int
    cross: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingTold:
    """Leverage (of a symbol) or multi-asset mode (of none) was set."""

    account: str
    symbol: str | None
    leverage: int
    multi_assets: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarginCallTold:
    """Positions near liquidation, and what the cross wallet holds against them."""

    account: str
    positions: tuple[Held, ...]
    time_ms: int
    cross_wallet: Decimal = ZERO
    maintenance: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class TradeTold:
    """The market traded; everybody hears it."""

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class LiquidationTold:
    """Somebody was liquidated; everybody hears it."""

    symbol: str
    order: Order
    time_ms: int


Told = OrderTold | AlgoTold | AccountTold | SettingTold | MarginCallTold | TradeTold | LiquidationTold
