"""Exchange: one futures exchange as one value machine. Same calls at the same times, same state and same words.

Whoever drives it brings the time, the market and the clients' wishes; it answers with copies or a `Refusal`, and what
everybody must hear waits in `drain`, in the order in which it happened. Timers that are due act before any call does.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.core.orders import Side
from qt_ray.execution.exchange import liquidation, settings
from qt_ray.execution.exchange.account import Account
from qt_ray.execution.exchange.algos import cancel_algos, fire, place_algo
from qt_ray.execution.exchange.checks import TRADED
from qt_ray.execution.exchange.clockwork import run_due, start_funding
from qt_ray.execution.exchange.ending import cancel, end_algo
from qt_ray.execution.exchange.floor import Floor, Market, Numbers
from qt_ray.execution.exchange.funding import charge
from qt_ray.execution.exchange.inquiry import DOES_NOT_EXIST, Inquiry
from qt_ray.execution.exchange.listing import Listing, Quote
from qt_ray.execution.exchange.matching import hit, sweep
from qt_ray.execution.exchange.orders import amend, cancel_all, checked, delist, place
from qt_ray.execution.exchange.timers import Due, Timer
from qt_ray.execution.exchange.told import Told
from qt_ray.execution.exchange.values import Algo, AlgoState, NewAlgo, NewOrder, Order, Refusal, Setting
from qt_ray.execution.venue.views import PositionSide

UNKNOWN_ORDER = -2011, "Unknown order sent."
COUNTDOWN_MAX_MS = 86_400_000


class Exchange(Inquiry):
    """The whole exchange; every `account` is a name that was opened."""

    def __init__(self, listings: Iterable[Listing], start_ms: int, first_ids: tuple[int, int, int] = (1, 1, 1)) -> None:
        order, trade, algo = first_ids
        super().__init__(Floor(list(listings), start_ms, Numbers(order - 1, trade - 1, algo - 1)))
        for symbol in self.symbols:
            start_funding(self._floor, symbol)

    # The world

    def relist(self, listing: Listing) -> None:
        """Change a symbol's filters, status, fees or brackets, or list a new one.

        Orders end with a symbol's trading, and leverage comes down with its brackets.
        """
        market = self._floor.markets.get(listing.symbol)
        if market is None:
            self._floor.markets[listing.symbol] = Market(listing)
            start_funding(self._floor, listing.symbol)
        else:
            market.listing = listing
            settings.lower_leverage(self._floor, listing.symbol)
            if listing.status not in TRADED:
                delist(self._floor, listing.symbol)

    def quote(self, quote: Quote, now_ms: int) -> None:
        """Let the outside market move: resting orders it crosses trade, triggers fire, thin margins end."""
        self.advance(now_ms)
        market = self._floor.market(quote.symbol)
        market.quote, market.last, market.mark = quote, quote.last, quote.mark
        market.book.bids.show(quote.bids)
        market.book.asks.show(quote.asks)
        market.book.update_id += 1
        sweep(self._floor, market)
        self._settle(market)

    def print_trade(self, symbol: str, price: Decimal, quantity: Decimal, aggressor: Side, now_ms: int) -> None:
        """Let the outside trade: resting orders in its way trade first, triggers fire."""
        self.advance(now_ms)
        market = self._floor.market(symbol)
        hit(self._floor, market, price, quantity, aggressor)
        self._settle(market)

    def advance(self, now_ms: int) -> None:
        """Let time pass: what is due by now happens, each at its own moment; time never goes back."""
        for symbol in run_due(self._floor, now_ms):
            self._settle(self._floor.markets[symbol])

    def fund(self, symbol: str, rate: Decimal | None, now_ms: int) -> None:
        """Let a symbol's funding be paid out of turn, at a rate of its own if one is given."""
        self.advance(now_ms)
        market = self._floor.market(symbol)
        if rate is not None and market.quote is not None:
            market.quote = replace(market.quote, funding_rate=rate)
        charge(self._floor, market)
        self._settle(market)

    def drain(self) -> list[Told]:
        """Return everything told since the last time, in order."""
        told, self._floor.told = self._floor.told, []
        return told

    # Accounts

    def open_account(self, name: str, wallets: dict[str, Decimal]) -> None:
        """Open an account with these balances."""
        if name in self._floor.accounts:
            raise Invalid(f"an account is opened once, was {name!r}")
        self._floor.accounts[name] = Account(name, wallets)

    def deposit(self, account: str, asset: str, amount: Decimal, now_ms: int, reason: str = "DEPOSIT") -> None:
        """Move a balance from or to outside, below zero for a withdrawal; margin is not asked."""
        self.advance(now_ms)
        found = self._account(account)
        self._floor.pay(found, "TRANSFER", asset, amount)
        self._floor.tell_account(found, reason, (asset,), amount)
        for symbol in [name for name, line in found.lines.items() if not line.is_flat]:
            self._settle(self._floor.markets[symbol])

    # Plain orders

    def place(self, account: str, wanted: NewOrder, now_ms: int) -> Order:
        """Place a plain order and return it as matching left it."""
        self.advance(now_ms)
        order = place(self._floor, self._account(account), wanted)
        fire(self._floor, self._floor.markets[wanted.symbol])
        return order.copy()

    def test(self, account: str, wanted: NewOrder, now_ms: int) -> None:
        """Check a plain order as `place` would, and do nothing."""
        self.advance(now_ms)
        checked(self._floor, self._account(account), wanted)

    def cancel(
        self, account: str, symbol: str, now_ms: int, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order:
        """Cancel an open order."""
        self.advance(now_ms)
        found = self._account(account)
        order = found.find_open(symbol, order_id, client_id, *UNKNOWN_ORDER)
        cancel(self._floor, found, order)
        return order.copy()

    def cancel_all(self, account: str, symbol: str, now_ms: int) -> list[Order]:
        """Cancel every plain order of a symbol; conditional ones stay."""
        self.advance(now_ms)
        return [order.copy() for order in cancel_all(self._floor, self._account(account), symbol)]

    def amend(
        self,
        account: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        now_ms: int,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
    ) -> Order:
        """Change an open order; down to what has traded already, it is cancelled."""
        self.advance(now_ms)
        found = self._account(account)
        order = found.find_open(symbol, order_id, client_id, *DOES_NOT_EXIST)
        amend(self._floor, found, order, side, quantity, price)
        fire(self._floor, self._floor.markets[symbol])
        return order.copy()

    def countdown(self, account: str, symbol: str, after_ms: int, now_ms: int) -> None:
        """Cancel the symbol's plain orders unless this is said again in time; 0 disarms.

        Conditional orders stay: they are what protects a position whose owner has fallen silent.
        """
        self.advance(now_ms)
        self._account(account)
        self._floor.market(symbol)
        if not 0 <= after_ms <= COUNTDOWN_MAX_MS:
            raise Refusal(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        timer = Timer(Due.COUNTDOWN, symbol, account)
        if after_ms:
            self._floor.timers.set(self.now_ms + after_ms, timer)
        else:
            self._floor.timers.void(timer)

    # Conditional orders

    def place_algo(self, account: str, wanted: NewAlgo, now_ms: int) -> Algo:
        """Place a conditional order."""
        self.advance(now_ms)
        return place_algo(self._floor, self._account(account), wanted).copy()

    def cancel_algo(
        self, account: str, now_ms: int, *, algo_id: int | None = None, client_id: str | None = None
    ) -> Algo:
        """Cancel a conditional order that still waits."""
        self.advance(now_ms)
        found = self._account(account)
        algo = found.find_algo(algo_id, client_id)
        if algo is None or not algo.is_open:
            raise Refusal(*UNKNOWN_ORDER)
        end_algo(self._floor, found, algo, AlgoState.CANCELED)
        return algo.copy()

    def cancel_algos(self, account: str, symbol: str, now_ms: int) -> list[Algo]:
        """Cancel every conditional order of a symbol."""
        self.advance(now_ms)
        return [algo.copy() for algo in cancel_algos(self._floor, self._account(account), symbol)]

    # Settings

    def set_leverage(self, account: str, symbol: str, leverage: int, now_ms: int) -> Setting:
        """Set a symbol's leverage and return its setting."""
        self.advance(now_ms)
        found = settings.set_leverage(self._floor, self._account(account), symbol, leverage)
        return Setting(found.leverage, found.isolated)

    def set_isolated(self, account: str, symbol: str, isolated: bool, now_ms: int) -> None:
        """Set a symbol's margin type."""
        self.advance(now_ms)
        settings.set_isolated(self._floor, self._account(account), symbol, isolated)

    def set_hedge(self, account: str, hedge: bool, now_ms: int) -> None:
        """Set the position mode."""
        self.advance(now_ms)
        settings.set_hedge(self._account(account), hedge)

    def set_multi_assets(self, account: str, multi_assets: bool, now_ms: int) -> None:
        """Set the margin mode of all assets."""
        self.advance(now_ms)
        settings.set_multi_assets(self._floor, self._account(account), multi_assets)

    def set_fee_burn(self, account: str, burns: bool, now_ms: int) -> None:
        """Pay fees in BNB while there is enough of it, a tenth less, or in the quote asset."""
        self.advance(now_ms)
        self._account(account).burns_fees = burns

    def move_margin(self, account: str, symbol: str, side: PositionSide, amount: Decimal, now_ms: int) -> None:
        """Add margin to an isolated position, or take it back below zero."""
        self.advance(now_ms)
        settings.move_margin(self._floor, self._account(account), symbol, side, amount)

    def deleverage(
        self, account: str, symbol: str, side: PositionSide, quantity: Decimal, price: Decimal, now_ms: int
    ) -> Order:
        """Close a part of a position as automatic deleveraging does."""
        self.advance(now_ms)
        order = liquidation.deleverage(self._floor, self._account(account), symbol, side, quantity, price)
        return order.copy()

    def _settle(self, market: Market) -> None:
        """Let stops act before liquidation does, and again on what that did to prices."""
        fire(self._floor, market)
        for symbol in liquidation.watch(self._floor, market):
            fire(self._floor, self._floor.markets[symbol])
