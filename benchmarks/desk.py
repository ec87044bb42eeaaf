"""Desk: an account at work on a paper venue in a process of its own, and the venue's log as the only judge.

What the venue accepted and traded is read from the file that it appends to, so that judging costs it nothing and
believes neither us nor what it answers.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import ClientSession

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.trading.account_loop import AccountLoop, Keeping
from qt_ray.adapters.trading.opening import rules_of, told
from qt_ray.core.errors import Invariant
from qt_ray.core.ids import ClientOrderId, intent_id
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Execution, Filled, Intent, OrderType, Rejected, Side, progress_of
from qt_ray.execution.entries import Traded
from qt_ray.execution.gateway.effects import Declined, Effect
from qt_ray.execution.gateway.fence import Gate, ungated
from qt_ray.execution.gateway.rules import Allowance, Rules
from qt_ray.execution.venue.calls import AskBook
from qt_ray.execution.venue.views import BookView, SymbolRules
from qt_ray.jobs.drill import venue_process
from tests.integration.accounts import EPOCH, at_work, until

SYMBOL: Final = "BTCUSDT"
LOOK_S: Final = 0.001
REST_S: Final = 0.3
# The desk's venue refuses nobody, so that runs follow each other without waiting for what a minute allows.
RULES: Final = Rules(Limits(orders_per_minute_symbol_max=1_200, duplicate_window_ms=0), Allowance(weight_minute=10**6))
# And a socket that a run closed is each time the first for a long while, not one of a row that is to be spared.
PACE: Final = Pace(steady_s=0.1)

Fill = tuple[int, Decimal, Decimal, Decimal, str]


def fill_of(execution: Execution) -> Fill:
    """Return what makes one trade itself: number, quantity, price and fee."""
    return execution.trade_id, execution.quantity, execution.price, execution.fee, execution.fee_asset


@dataclass(slots=True)
class Log:
    """The venue's own record, read as it grows: orders and trades by client id."""

    path: Path
    accepted: dict[str, int] = field(default_factory=dict)
    trades: dict[str, set[Fill]] = field(default_factory=dict)
    _read: int = 0

    def look(self) -> None:
        """Read what was appended since the last time."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            self._take(orjson.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        name = line["client_id"]
        if line["kind"] == "trade":
            amounts = (Decimal(line[part]) for part in ("quantity", "price", "fee"))
            self.trades.setdefault(name, set()).add((line["trade_id"], *amounts, line["fee_asset"]))
        elif line["kind"] in ("order", "algo"):
            self.accepted[name] = self.accepted.get(name, 0) + 1


@dataclass(slots=True)
class Desk:
    """The account, our session, the venue's control port and its log."""

    account: AccountLoop
    session: BinanceSession
    rules: SymbolRules
    log: Log
    control: str
    http: ClientSession
    declined: str = ""
    _wanted: int = 0

    def overhear(self, effect: Effect, at_ms: int) -> None:
        """Remember why the gateway declined an intent."""
        if isinstance(effect, Declined):
            self.declined = effect.reason

    async def two_levels(self, more: int = 1) -> Intent:
        """Return a market order that takes the whole best level and `more` steps of the next: two partial fills."""
        shown: BookView = await told(self.session, AskBook(SYMBOL, 5))
        held = self.account.custody.books.position(SYMBOL).quantity
        side, levels = (Side.BUY, shown.asks) if held <= 0 else (Side.SELL, shown.bids)
        self._wanted += 1
        decision = f"desk{self._wanted}"
        return Intent(
            client_id=str(ClientOrderId("desk", intent_id(decision, "entry"))),
            symbol=SYMBOL,
            side=side,
            type=OrderType.MARKET,
            quantity=levels[0][1] + self.rules.step * more,
            decision_id=decision,
            policy_version=1,
            epoch=EPOCH,
        )

    def want(self, intent: Intent) -> None:
        """Let an approved intent in."""
        self.account.gateway.take(partial(self.account.gateway.engine.want, intent))

    def agrees(self, intent: Intent) -> bool:
        """Return whether order, books and venue tell the same of a whole order, trade by trade and fee by fee."""
        self.log.look()
        tracked = self.account.gateway.engine.book.orders.get(intent.client_id)
        if tracked is None or isinstance(tracked.order, Rejected):
            raise Invariant(f"desk: an order is sent, was not: {tracked and tracked.order} {self.declined}")
        theirs = self.log.trades.get(intent.client_id, set())
        if sum((fill[1] for fill in theirs), Decimal(0)) != intent.quantity:
            return False
        progress = progress_of(tracked.order)
        ours = set(map(fill_of, progress.executions)) if progress else set()
        return isinstance(tracked.order, Filled) and ours == theirs == self._posted(tracked.plain_id)

    def is_rejected(self, intent: Intent) -> bool:
        """Return whether an order is known never to have been one, here and there."""
        self.log.look()
        order = self.account.gateway.engine.book.orders[intent.client_id].order
        return isinstance(order, Rejected) and intent.client_id not in self.log.accepted

    def difference(self) -> int:
        """Return how many trades of the whole session are in the books or in the log alone."""
        self.log.look()
        return len(self._posted(None) ^ {fill for fills in self.log.trades.values() for fill in fills})

    def doubled(self) -> int:
        """Return how many orders the venue accepted more than once."""
        return sum(count > 1 for count in self.log.accepted.values())

    async def rest(self) -> None:
        """Wait until another entry may be sent, and protection has come to rest."""
        await until(lambda: self.account.is_ready)
        await asyncio.sleep(REST_S)
        await until(lambda: self.account.is_ready)

    async def tell(self, verb: str, door: str, said: Mapping[str, Any] | None = None) -> None:
        """Tell the venue's control port what to do."""
        async with self.http.request(verb, self.control + door, data=orjson.dumps(said) if said else None) as answer:
            if answer.status != 200:
                raise Invariant(f"desk: the control port does as it is told, was {await answer.text()}")

    def _posted(self, order_id: str | None) -> set[Fill]:
        trades: Iterable[Traded] = (e for e in self.account.custody.books.entries if isinstance(e, Traded))
        return {fill_of(trade.execution) for trade in trades if order_id in (None, trade.order_id)}


@asynccontextmanager
async def at_desk(folder: Path, seed: int = 7, gate: Gate = ungated) -> AsyncIterator[Desk]:
    """Yield a desk whose account may send entries, as far as a gate lets it."""
    path = folder / "trades.jsonl"
    async with venue_process(0, seed, "--trade-log", str(path)) as doors, ClientSession() as http:
        endpoints = Endpoints(doors.rest, doors.streams, doors.rest)
        session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET), pace=PACE)
        opening = AccountLoop.open(folder / "journal", session, (SYMBOL,), RULES, Keeping(), gate=gate)
        async with at_work(session, opening) as (account, _):
            rules = (await rules_of(session)).symbols[SYMBOL]
            desk = Desk(account, session, rules, Log(path), doors.control, http)
            account.gateway.listen(desk.overhear)
            await desk.rest()
            yield desk
