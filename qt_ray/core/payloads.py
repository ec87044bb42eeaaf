"""Payloads: what each kind of event says, as plain frozen values.

Quantities, prices and money are Decimal, moments are milliseconds, what a model believes is a float. A
field that is not known is None, never a constant that looks like a number.
"""

from dataclasses import dataclass
from decimal import Decimal

from qt_ray.core.orders import Order, Side


@dataclass(frozen=True, slots=True)
class Tick:
    """A price in the market; a quantity where it is the price of one trade."""

    symbol: str
    price: Decimal
    quantity: Decimal | None
    mark: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RegimeChanged:
    """A symbol's regime, before and after hysteresis let it change."""

    symbol: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SignalGenerated:
    """An opinion worth acting on until it expires."""

    signal_id: str
    symbol: str
    side: Side
    confidence: float
    expires_ms: int


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """What was wanted and what was granted, in signed quantities, and every rule that bound it."""

    decision_id: str
    account: str
    symbol: str
    cycle_ms: int
    wish: Decimal
    granted: Decimal
    confidence: float | None
    action: str
    binding: str
    bound: tuple[str, ...]
    policy_version: int
    epoch: int
    digest: str


@dataclass(frozen=True, slots=True)
class ExecutionRequested:
    """A granted decision on its way to the venue."""

    decision_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order as it stands after what was heard."""

    order: Order


@dataclass(frozen=True, slots=True)
class TradeExecuted:
    """One execution, as the venue numbered it."""

    client_id: str
    symbol: str
    side: Side
    trade_id: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realised: Decimal


@dataclass(frozen=True, slots=True)
class TradeClosed:
    """A round trip and what came of it."""

    trade: str
    symbol: str
    side: Side
    cause: str
    realised: Decimal
    fees: Decimal
    funding: Decimal
    r_multiple: Decimal | None
    held_ms: int


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position that was opened or closed; a closed one has quantity zero."""

    symbol: str
    quantity: Decimal
    average_entry: Decimal | None
    realised: Decimal


@dataclass(frozen=True, slots=True)
class EquityUpdated:
    """The account with marks; `transfers` is the running sum that performance must not count."""

    account: str
    equity: Decimal
    wallet: Decimal
    unrealised: Decimal
    transfers: Decimal


@dataclass(frozen=True, slots=True)
class RiskAlert:
    """Something a person should look at."""

    severity: str
    rule: str
    detail: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class RiskBlock:
    """A wish that a rule refused or shrank."""

    decision_id: str
    symbol: str
    reason: str
    wish: Decimal
    granted: Decimal
    layer: str


@dataclass(frozen=True, slots=True)
class DrawdownBreach:
    """Equity too far below its peak, confirmed."""

    account: str
    scope: str
    drawdown_bps: int
    limit_bps: int
    equity: Decimal
    peak: Decimal


@dataclass(frozen=True, slots=True)
class EmergencyTriggered:
    """The emergency stop has acted; `residual` is what could not be closed, by symbol."""

    severity: str
    reason: str
    drawdown_bps: int | None
    positions_closed: int
    orders_canceled: int
    residual: dict[str, Decimal]
    epoch: int


@dataclass(frozen=True, slots=True)
class EmergencyRecovered:
    """A person's reset, or one step of the ramp after it."""

    mode: str
    previous: str
    drawdown_bps: int | None
    by: str
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True)
class FieldChanged:
    """One field of the policy, each value in canonical spelling."""

    path: str
    old: str
    new: str
    direction: str


@dataclass(frozen=True, slots=True)
class PolicyUpdated:
    """A write of the policy: what changed, who wrote it, why, and who agreed where a second person had to."""

    version: int
    epoch: int
    digest: str
    updated_by: str
    reason: str
    changes: tuple[FieldChanged, ...]
    deed: str = "change"
    approved_by: str | None = None
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """Another active mode."""

    old: str
    new: str
    version: int
    updated_by: str


@dataclass(frozen=True, slots=True)
class ModelPromoted:
    """A model version that trades from now on."""

    model_name: str
    new_version: str
    old_version: str | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class ModelDrift:
    """A model, or what it is fed, is no longer what it was trained on."""

    model_name: str
    version: str
    measure: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class PredictionReady:
    """A forecast for one symbol; a member that abstained has no vote."""

    symbol: str
    cycle_ms: int
    score: float | None
    confidence: float | None
    votes: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class BusRecovered:
    """The bus is back, and what was kept meanwhile was replayed."""

    buffered: int
    replayed: int
    outage_ms: int


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """A part of the system got better or worse."""

    part: str
    old: str
    new: str
    detail: str
