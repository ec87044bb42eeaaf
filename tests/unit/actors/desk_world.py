"""A world for desks: a market that closes bars when told to, and an account whose orders trade at the last close."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from qt_ray.actors.chain import FusedChain
from qt_ray.actors.living import Living
from qt_ray.ai.baselines import EmaCross
from qt_ray.core.errors import Retryable
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.orders import Execution, Intent, Side
from qt_ray.core.policy import Policy
from qt_ray.core.positions import Position
from qt_ray.engine.desk_entries import Began, Ruled
from qt_ray.engine.errands import Errands, Stamp
from qt_ray.engine.pipeline import Decision, Forecaster, Guard, Opinion, Sized, Sizer, Snapshot
from qt_ray.engine.setup import Setup
from qt_ray.engine.tidings import Ended, Filled, Holding, Stand, Tiding, What
from qt_ray.execution.stops import StopPlan
from qt_ray.market.bars import Bars
from qt_ray.risk.ess import EssState
from qt_ray.risk.hindrance import Hindrance
from tests.unit.engine.funds import lively

GUARD = str(ClientOrderId("guard", intent_id("decision", "stop")))
FEE = Decimal("0.0004")


def living(part: str = "Desk") -> Living:
    return Living(part, was_reconstructed=False)


@dataclass
class Market:
    """Bars up to `shown`; `clock` stands a moment after the last close."""

    bars: Bars
    shown: int

    def clock(self) -> int:
        return int(self.bars.ts[self.shown - 1]) + self.bars.interval_ms + 50

    async def rows(self, after_ms: int, wait_ms: int) -> Bars | None:
        await asyncio.sleep(0)
        first = int(np.searchsorted(self.bars.ts, after_ms, "right"))
        return self.bars.window(max(first, self.shown - 1_500), self.shown) if first < self.shown else None

    async def rates(self) -> Mapping[str, Decimal]:
        return {symbol: Decimal("0.0001") for symbol in self.bars.symbols}


@dataclass
class Account:
    """An account that outlives desks: orders trade whole at the last close, stops when a bar passes them."""

    market: Market
    wallet: Decimal = Decimal(10_000)
    tidings_told: list[Tiding] = field(default_factory=list)
    held: dict[str, Position] = field(default_factory=dict)
    placed: dict[str, Intent] = field(default_factory=dict)
    stops: dict[str, StopPlan] = field(default_factory=dict)
    working: list[str] = field(default_factory=list)
    is_away: bool = False
    handed: int = 0

    async def errands(self, errands: Errands, stamp: Stamp) -> None:
        self._present()
        self.handed += 1
        for intent in errands.place:
            if intent.client_id not in self.placed:
                self.placed[intent.client_id] = intent
                self._take(intent)
        for client_id in errands.end:
            self._end(client_id)
        for symbol, plan in errands.stops.items():
            self.stops.pop(symbol, None)
            if plan is not None:
                self.stops[symbol] = plan

    async def tidings(self, after: int, wait_ms: int) -> tuple[Tiding, ...]:
        await asyncio.sleep(0)
        self._present()
        if after == 0:
            holdings = {
                s: Holding(p.quantity, p.average_entry or Decimal(0)) for s, p in self.held.items() if p.quantity
            }
            return (Tiding(self._last, Stand(self.wallet, holdings, tuple(self.working), self.market.clock())),)
        return tuple(one for one in self.tidings_told if one.number > after)

    def pass_bar(self) -> None:
        """Let the newest bar trigger stops."""
        at = self.market.shown - 1
        for symbol, plan in list(self.stops.items()):
            held, i = self.held.get(symbol, Position(symbol)), self.market.bars.symbols.index(symbol)
            low, high = (Decimal(str(getattr(self.market.bars, side)[at, i])) for side in ("low", "high"))
            if (held.quantity > 0 and low <= plan.price) or (held.quantity < 0 and high >= plan.price):
                del self.stops[symbol]
                self._trade(GUARD, symbol, -held.quantity, plan.price)

    @property
    def _last(self) -> int:
        return self.tidings_told[-1].number if self.tidings_told else 1

    def _present(self) -> None:
        if self.is_away:
            raise Retryable("Gateway.errands: somebody is there, was RayActorError")

    def _take(self, intent: Intent) -> None:
        i = self.market.bars.symbols.index(intent.symbol)
        if intent.limit_price is not None:
            self.working.append(intent.client_id)
            return
        price = Decimal(str(self.market.bars.close[self.market.shown - 1, i]))
        self._trade(intent.client_id, intent.symbol, intent.side.sign * intent.quantity, price)
        self._tell(Ended(intent.client_id, intent.symbol, self.market.clock()))

    def _end(self, client_id: str) -> None:
        if client_id in self.working:
            self.working.remove(client_id)
            self._tell(Ended(client_id, self.placed[client_id].symbol, self.market.clock()))

    def _trade(self, client_id: str, symbol: str, quantity: Decimal, price: Decimal) -> None:
        before = self.held.get(symbol, Position(symbol))
        fee = abs(quantity * price * FEE).quantize(Decimal("1e-8"))
        done = Execution(
            len(self.tidings_told) + 1, abs(quantity), price, Decimal(0), "USDT", self.market.clock(), False
        )
        after = before.apply_fill(Side.BUY if quantity > 0 else Side.SELL, done)
        realised = (after.realised - before.realised).quantize(Decimal("1e-8"))
        self.held[symbol] = after
        self.wallet += realised - fee
        told = (quantity, price, fee, realised, done.trade_id, False)
        self._tell(Filled(client_id, symbol, self.market.clock(), *told))

    def _tell(self, what: What) -> None:
        self.tidings_told.append(Tiding(self._last + 1, what))


@dataclass
class Law:
    """A policy that everybody knows."""

    policy: Policy
    closed: str | None = None

    def ruled(self) -> Ruled | None:
        return Ruled(self.policy, EssState.ARMED, 10_000)

    def why_closed(self) -> str | None:
        return self.closed


class FreeGuard:
    """A guard that knows nothing beside the fund."""

    async def review(self, sized: Sized, closed: str = "") -> Decision:
        return Guard().review(sized, Hindrance(closed=closed))


class Stages:
    """The first two stages, as parts have them."""

    def __init__(self, symbols: int) -> None:
        self.forecaster = Forecaster(EmaCross(symbols, 3, 8), "ema/1")

    async def predict(self, snapshot: Snapshot) -> Opinion:
        return self.forecaster.predict(snapshot)

    async def size(self, opinion: Opinion) -> Sized:
        return Sizer().size(opinion)


def fused(symbols: int) -> FusedChain:
    stages = Stages(symbols)
    return FusedChain(stages, stages, FreeGuard())


@dataclass
class World:
    """A market, an account and a law, which outlive every desk."""

    bars: Bars
    setup: Setup
    market: Market
    account: Account
    law: Law

    async def began(self) -> Began:
        return Began("main", "trend", self.setup, self.bars.interval_ms, 0, 10)

    def close_bar(self) -> None:
        self.market.shown += 1
        self.account.pass_bar()


def world(count: int = 300, symbols: int = 3, shown: int = 100) -> World:
    bars, setup = lively(count, symbols)
    market = Market(bars, shown)
    return World(bars, setup, market, Account(market), Law(setup.policy))
