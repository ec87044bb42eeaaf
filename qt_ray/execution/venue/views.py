"""Views: what a venue shows when it is asked; exact, in its own words, whoever the order belongs to."""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.instruments import Bracket
from qt_ray.core.orders import Execution, OrderType, Side
from qt_ray.core.orders import PositionSide as PositionSide


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order as the venue has it; `status` is its own word, plain or algo.

    A conditional order that was triggered lives on as a plain one: `child_id` is that one's venue id.
    """

    venue_id: str
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    conditional: bool
    status: str
    quantity: Decimal
    executed: Decimal
    average_price: Decimal | None
    limit_price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    closes_position: bool
    position_side: PositionSide
    time_in_force: str
    created_ms: int
    updated_ms: int
    child_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TradeView:
    """One of our trades as the venue numbered it."""

    order_id: str
    symbol: str
    side: Side
    position_side: PositionSide
    execution: Execution
    realised: Decimal


@dataclass(frozen=True, slots=True)
class PositionView:
    """One position; signed quantity, long above zero."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry: Decimal
    mark: Decimal
    unrealised: Decimal
    liquidation: Decimal | None
    isolated_wallet: Decimal | None
    updated_ms: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """Balances by asset, and margin in the quote currency."""

    wallets: dict[str, Decimal]
    unrealised: Decimal
    margin_balance: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal
    can_trade: bool
    can_withdraw: bool


@dataclass(frozen=True, slots=True)
class IncomeView:
    """One movement of a wallet; `kind` is the venue's word (FUNDING_FEE, TRANSFER, COMMISSION, ...)."""

    id: int
    kind: str
    asset: str
    amount: Decimal
    symbol: str
    time_ms: int
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class SymbolMode:
    """A symbol's leverage and margin type on this account."""

    symbol: str
    leverage: int
    isolated: bool
    notional_max: Decimal


@dataclass(frozen=True, slots=True)
class ModeView:
    """How the account is set."""

    hedge: bool
    multi_assets: bool
    symbols: dict[str, SymbolMode]


@dataclass(frozen=True, slots=True)
class KeyView:
    """What a key may do; None where the venue does not say."""

    may_trade: bool
    may_withdraw: bool | None
    bound_to_addresses: bool | None


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """A symbol's filters as the venue has them now; `status` is TRADING or why not."""

    symbol: str
    status: str
    contract: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    market_step: Decimal
    market_quantity_max: Decimal
    notional_min: Decimal
    price_min: Decimal
    price_max: Decimal
    price_up: Decimal
    price_down: Decimal
    orders_max: int
    liquidation_rate: Decimal
    market_take_bound: Decimal
    order_types: tuple[str, ...]
    times_in_force: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RulesView:
    """Every symbol's rules, and how much may be asked: weight a minute, orders in ten seconds and a minute."""

    symbols: dict[str, SymbolRules]
    weight_minute: int
    orders_ten_seconds: int
    orders_minute: int
    server_ms: int


@dataclass(frozen=True, slots=True)
class BookView:
    """Best prices first, as (price, quantity); `update_id` is the last change it contains."""

    symbol: str
    update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarkView:
    """A symbol's mark and index price, and what funding it will pay next."""

    symbol: str
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class UsageView:
    """What the venue counted against us by its last answer, whoever of us asked; None where it did not say."""

    weight_minute: int | None
    orders_ten_seconds: int | None
    orders_minute: int | None
    at_ms: int

    def since(self, before: "UsageView | None") -> "UsageView":
        """Return what this says that was not said before: an old word would pass for one of the new window."""
        if before is None:
            return self
        return UsageView(
            self.weight_minute if self.weight_minute != before.weight_minute else None,
            self.orders_ten_seconds if self.orders_ten_seconds != before.orders_ten_seconds else None,
            self.orders_minute if self.orders_minute != before.orders_minute else None,
            self.at_ms,
        )


Brackets = dict[str, tuple[Bracket, ...]]
