"""Account: the rows that risk reads and the ledger writes.

One `Book` per symbol and one `Account` per fund say what is owned, owed and protected. They are plain packed
rows, so a compiled cycle updates them in place, a snapshot is a copy and a digest is a hash of their bytes.
"""

from qt_ray.core.records import F64, I32, I64, U8


class Book:
    """One symbol's position: signed steps, its signed cost, its working entry and its protection."""

    position: I64
    cost: I64
    inflight: I64
    stop: I64
    target: I64
    risk: I64
    best: I64
    entry: I64
    opened_ts: I64
    opened_cycle: I64
    minute_ts: I64
    minute_orders: I32
    minute_orders_before: I32
    repeat_side: I32
    repeat_count: I32
    repeat_ts: I64
    order_ts: I64
    order_quantity: I64
    slipped_ts: I64
    spent: I32
    partials: U8
    entry_regime: U8
    disabled: U8
    spare: U8


class Quote:
    """One symbol as the market shows it now; ticks, steps and parts, zero where unknown."""

    ts: I64
    last: I64
    mark: I64
    atr: I64
    depth: I64
    volume_day: I64
    funding: I64
    funding_known: U8
    regime: U8
    valid: U8
    spare: U8
    atr_bps: I32


class Account:
    """The fund's money and exposure, as of `ts`."""

    ts: I64
    wallet: I64
    equity: I64
    equity_before: I64
    unrealised: I64
    realised: I64
    fees: I64
    funding: I64
    slippage: I64
    transfers: I64
    gross: I64
    net: I64
    maintenance: I64
    next_order: I64
    cycle: I64
    ten_ts: I64
    ten_orders: I32
    ten_orders_before: I32
    margin_bps: I32
    positions: I32
    policy_version: I32
    policy_epoch: I32
    stop_hits: I32
    stop_hits_before: I32
    stop_window_ts: I64
    tripped_ts: I64
    settled_ts: I64
    trips: I32
    resets: I32
    ess: U8
    tripped_by: U8
    allow_new: U8
    killed: U8
    governor_bps: I32
    liquidations: I32


class Forecast:
    """One symbol's opinion in one cycle; a NaN score abstains."""

    score: F64
    confidence: F64
    agreement: I32
    members: I32
