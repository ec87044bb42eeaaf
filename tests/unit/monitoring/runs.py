"""A small honest fund for tests: given bars and targets it trades, pays and writes the rows a run has.

Orders decided at one close fill whole at the next open, one half-spread worse; positions are kept at average
cost in whole units, so every number in a report can be checked against this page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from qt_ray.core.instruments import Bracket, Instrument
from qt_ray.core.records import empty
from qt_ray.engine.rows import Action, CycleRow, DecisionRow
from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause, Fill
from qt_ray.market.bars import Bars
from qt_ray.market.regime import Regime
from qt_ray.risk.reasons import Reason

START_MS = 1_672_531_200_000  # 2023-01-01
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
UNIT = 10**8


def instrument(symbol: str, tick: str = "0.01", step: str = "0.001") -> Instrument:
    """Return a plain contract."""
    some = Decimal("1000")
    return Instrument(
        symbol,
        Decimal(tick),
        Decimal(step),
        Decimal(step),
        some,
        some,
        Decimal("5"),
        Decimal(tick),
        Decimal("1000000"),
        Decimal("0.0002"),
        Decimal("0.0005"),
        Decimal("0.0125"),
        (Bracket(Decimal(0), 20, Decimal("0.005"), Decimal(0)),),
    )


def bars_of(*closes: Any, interval_ms: int = DAY, start_ms: int = START_MS, names: Any = None) -> Bars:
    """Return bars that open at the close before and stay between the two."""
    close = np.column_stack([np.asarray(c, dtype=np.float64) for c in closes])
    before = np.vstack((close[:1], close[:-1]))
    symbols = names or tuple(f"S{number}USDT" for number in range(close.shape[1]))
    ts = start_ms + np.arange(len(close), dtype=np.int64) * interval_ms
    high, low = np.fmax(close, before), np.fmin(close, before)
    return Bars(tuple(symbols), interval_ms, ts, before, high, low, close, np.ones_like(close))


@dataclass
class Fund:
    """The fund's books while a run is made."""

    bars: Bars
    instruments: tuple[Instrument, ...]
    initial: int
    fee_ppm: int = 0
    spread_ticks: int = 0
    wallet: int = 0
    peak: int = 0
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MONEY, 0))
    fills: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.instruments)
        self.wallet = self.peak = self.initial
        self.position, self.cost = [0] * count, [0] * count
        self.last = [0] * count

    def ticks(self, symbol: int, price: float) -> int:
        return round(price / float(self.instruments[symbol].tick))

    def trade(self, row: int, symbol: int, target: int, cause: int, ts: int, decided: int) -> None:
        """Fill the difference to `target` at the open of `row`."""
        quantity = target - self.position[symbol]
        arrival = self.ticks(symbol, self.bars.open[row, symbol])
        price = arrival + (self.spread_ticks if quantity > 0 else -self.spread_ticks)
        unit = int(self.instruments[symbol].unit_exact)
        before, notional = self.position[symbol], price * unit
        closing = min(abs(quantity), abs(before)) if before * quantity < 0 else 0
        side = 1 if before > 0 else -1
        released = self.cost[symbol] * closing // abs(before) if before else 0
        realised = side * closing * notional - released
        opening = abs(quantity) - closing
        self.cost[symbol] += (1 if quantity > 0 else -1) * opening * notional - released
        self.position[symbol] = target
        fee = abs(quantity) * notional * self.fee_ppm // 1_000_000
        slippage = (price - arrival) * quantity * unit
        self.wallet += realised - fee
        for name, value in (("realised", realised), ("fees", fee), ("slippage", slippage)):
            self.totals[name] += value
        order = len(self.fills) + 1
        self.fills.append(
            (
                ts,
                decided,
                order,
                quantity,
                price,
                arrival,
                fee,
                realised,
                target,
                symbol,
                cause,
                order % 3 == 0,
            )
        )

    def values(self, row: int) -> tuple[int, int, int]:
        """Return equity, gross and net at the close of `row`."""
        worth = []
        for symbol, ins in enumerate(self.instruments):
            close = self.bars.close[row, symbol]
            if np.isfinite(close):
                self.last[symbol] = self.ticks(symbol, close)
            worth.append(self.position[symbol] * self.last[symbol] * int(ins.unit_exact))
        return self.wallet + sum(worth) - sum(self.cost), sum(map(abs, worth)), sum(worth)


MONEY = ("realised", "fees", "funding", "slippage", "transfers")
Targets = Mapping[int, Mapping[int, int]]


def make_run(
    bars: Bars,
    targets: Targets,
    *,
    instruments: tuple[Instrument, ...] | None = None,
    initial: int = 10_000 * UNIT,
    fee_ppm: int = 0,
    spread_ticks: int = 0,
    funding: Mapping[int, int] | None = None,
    transfers: Mapping[int, int] | None = None,
    causes: Mapping[tuple[int, int], Cause] | None = None,
    mark: Callable[[np.ndarray, np.ndarray], None] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Run:
    """Return a run in which `targets[row][symbol]` steps were decided at the close of `row`.

    `mark(cycles, decisions)` may write what the builder does not know (rules, regimes, the emergency stop).
    """
    known = instruments or tuple(instrument(symbol) for symbol in bars.symbols)
    fund = Fund(bars, known, initial, fee_ppm, spread_ticks)
    cycles, decisions = empty(CycleRow, len(bars)), empty(DecisionRow, len(bars) * len(known))
    table = decisions.reshape(len(bars), len(known))
    day_start, waiting, decided = initial, {}, 0
    for row in range(len(bars)):
        opens = int(bars.ts[row])
        for symbol, target in waiting.items():
            if target != fund.position[symbol]:
                cause = int((causes or {}).get((row, symbol), Cause.SIGNAL))
                fund.trade(row, symbol, target, cause, opens, row - 1)
        for name, moves in (("funding", funding), ("transfers", transfers)):
            moved = (moves or {}).get(row, 0)
            fund.wallet += moved
            fund.totals[name] += moved
        equity, gross, net = fund.values(row)
        decided = opens + bars.interval_ms
        day_start = equity if opens % DAY == 0 else day_start
        fund.peak = max(fund.peak, equity)
        cycle = cycles[row]
        for name, value in {
            "ts": decided, "wallet": fund.wallet, "equity": equity, "gross": gross, "net": net, **fund.totals,
            "day_start": day_start, "peak": fund.peak, "positions": sum(map(bool, fund.position)),
            "drawdown_bps": (fund.peak - equity) * 10_000 // fund.peak, "policy_version": 1, "ess": 1,
        }.items():  # fmt: skip
            cycle[name] = value
        table[row]["regime"] = Regime.NORMAL
        table[row]["wish"] = table[row]["granted"] = fund.position
        waiting = dict(targets.get(row, {}))
        for symbol, target in waiting.items():
            table[row, symbol]["wish"] = table[row, symbol]["granted"] = target
            table[row, symbol]["action"] = Action.ENTER if target else Action.CLOSE
            table[row, symbol]["score"], table[row, symbol]["confidence"] = np.sign(target) * 0.4, 0.62
    if mark is not None:
        mark(cycles, table)
    rows = empty(Fill, len(fund.fills))
    for at, values in enumerate(fund.fills):
        rows[at] = values
    digests = {"bars": bars.digest(), "cycles": "0" * 64}
    return Run(bars, known, parameters or {}, digests, initial, cycles, decisions, rows)


def bind(decision: np.void, granted: int, *reasons: Reason) -> None:
    """Write that rules bound a wish; the first of them is the binding one."""
    decision["granted"] = granted
    decision["bound"] = sum(1 << reason for reason in reasons)
    decision["binding"] = reasons[0]
    if granted == 0:
        decision["action"] = Action.REFUSED
