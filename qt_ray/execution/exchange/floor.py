"""Floor: everything the exchange holds, and the one place from which it speaks.

Parts of the exchange are functions over the floor. Each change is told here, with copies, in the order in which it
happened; numbers are given out here, and only upwards.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from qt_ray.execution.exchange.account import Account, Board, Line
from qt_ray.execution.exchange.book import Book
from qt_ray.execution.exchange.listing import Listing
from qt_ray.execution.exchange.timers import Due, Timer, Timers
from qt_ray.execution.exchange.told import AccountTold, AlgoTold, OrderTold, Told
from qt_ray.execution.exchange.triggers import Triggers
from qt_ray.execution.exchange.values import (
    ZERO,
    Algo,
    AlgoState,
    Happened,
    Income,
    Order,
    Refusal,
    Setting,
    TimeInForce,
    Trade,
)
from qt_ray.execution.venue.views import PositionSide

LEVERAGE_FIRST = 20
ONE = Decimal(1)
USD = ("USDT", "USDC")


@dataclass(slots=True)
class Numbers:
    """The last number given of each kind."""

    order: int = 0
    trade: int = 0
    algo: int = 0
    income: int = 0

    def next_order(self) -> int:
        """Return the next order's number."""
        self.order += 1
        return self.order

    def next_trade(self) -> int:
        """Return the next trade's number."""
        self.trade += 1
        return self.trade

    def next_algo(self) -> int:
        """Return the next conditional order's number."""
        self.algo += 1
        return self.algo

    def next_income(self) -> int:
        """Return the next income's number."""
        self.income += 1
        return self.income


@dataclass(slots=True)
class Market(Board):
    """One symbol: its board and book, its triggers and who holds a position in it."""

    book: Book = field(default_factory=Book)
    triggers: Triggers = field(default_factory=Triggers)
    holders: dict[str, Account] = field(default_factory=dict)


class Floor:
    """The state of the exchange."""

    __slots__ = ("accounts", "markets", "now_ms", "numbers", "timers", "told")

    def __init__(self, listings: list[Listing], start_ms: int, numbers: Numbers) -> None:
        self.markets = {listing.symbol: Market(listing) for listing in listings}
        self.accounts: dict[str, Account] = {}
        self.now_ms, self.numbers = start_ms, numbers
        self.timers = Timers()
        self.told: list[Told] = []

    def market(self, symbol: str) -> Market:
        """Return a listed symbol's market."""
        market = self.markets.get(symbol)
        if market is None:
            raise Refusal(-1121, "Invalid symbol.")
        return market

    def line(self, account: Account, symbol: str) -> Line:
        """Return an account's line in a symbol, opened when first needed."""
        line = account.lines.get(symbol)
        if line is None:
            line = account.lines[symbol] = self.peek(account, symbol)
        return line

    def peek(self, account: Account, symbol: str) -> Line:
        """Return an account's line in a symbol, or what it would be."""
        market = self.market(symbol)
        first = min(LEVERAGE_FIRST, max(tier.leverage_max for tier in market.listing.brackets))
        return account.lines.get(symbol) or Line(market, Setting(first))

    def retire(self, account: Account, order: Order, line: Line) -> None:
        """Hold an order as ended, and end its timer."""
        if order.time_in_force is TimeInForce.GTD:
            self.timers.void(Timer(Due.GOOD_TILL, order.symbol, account.name, order.id))
        account.retire(order, line)

    def leave(self, account: Account, algo: Algo) -> None:
        """Let a conditional order wait no more, and end its timer."""
        self.timers.void(Timer(Due.ALGO_GOOD_TILL, algo.wanted.symbol, account.name, algo.id))
        account.leave(algo)

    def rates(self, account: Account) -> dict[str, Decimal]:
        """Return what each asset of an account is worth in USD: quote assets one, others their index."""
        return {asset: self.rate(asset) for asset in account.wallets}

    def rate(self, asset: str) -> Decimal:
        """Return what an asset is worth in USD, nothing if nobody quotes it."""
        if asset in USD:
            return ONE
        found = (self.markets.get(f"{asset}{quote}") for quote in USD)
        return next((market.quote.index for market in found if market and market.quote), ZERO)

    def tell_order(self, line: Line, happened: Happened, order: Order, trade: Trade | None = None) -> None:
        """Tell what happened to an order."""
        self.told.append(
            OrderTold(order.account, happened, order.copy(), trade, line.bids, line.asks, self.now_ms),
        )

    def tell_algo(self, account: Account, algo: Algo, state: AlgoState, reason: str = "") -> None:
        """Move a conditional order to a state and tell it."""
        algo.state, algo.updated_ms, algo.reason = state, self.now_ms, reason
        self.told.append(AlgoTold(account.name, algo.copy(), self.now_ms))

    def tell_account(
        self,
        account: Account,
        reason: str,
        assets: tuple[str, ...],
        change: Decimal,
        line: Line | None = None,
        *sides: PositionSide,
    ) -> None:
        """Tell wallets, and the positions that changed with them; a change not by trading is of the first."""
        self.told.append(
            AccountTold(
                account.name,
                reason,
                {asset: account.wallets.get(asset, ZERO) for asset in assets},
                {assets[0]: change} if change else {},
                tuple(line.shown(side) for side in sides) if line else (),
                self.now_ms,
                {asset: account.cross_wallet(asset) for asset in assets},
            )
        )

    def pay(
        self, account: Account, kind: str, asset: str, amount: Decimal, symbol: str = "", trade_id: str = ""
    ) -> None:
        """Move a wallet and remember why."""
        account.wallets[asset] = account.wallets.get(asset, ZERO) + amount
        number = self.numbers.next_income()
        account.incomes.append(Income(number, kind, asset, amount, symbol, trade_id or kind, self.now_ms, trade_id))
