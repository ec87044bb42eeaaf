"""Inquiry: everything that may be asked of the exchange. Asking changes nothing, and answers are copies."""

from decimal import Decimal

from qt_ray.core.errors import Invalid
from qt_ray.execution.exchange.account import Account
from qt_ray.execution.exchange.floor import Floor
from qt_ray.execution.exchange.funding import next_funding_ms
from qt_ray.execution.exchange.listing import Listing, Quote
from qt_ray.execution.exchange.margin import Figures, figures, totals
from qt_ray.execution.exchange.reports import (
    Depth,
    PositionFigures,
    Window,
    algos_of,
    depth_of,
    incomes_of,
    orders_of,
    position_figures,
    sides_of,
    trades_of,
)
from qt_ray.execution.exchange.values import Algo, Income, Order, Refusal, Setting, Trade

LATEST = Window()
DOES_NOT_EXIST = -2013, "Order does not exist."


class Inquiry:
    """The asking half of the exchange."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    @property
    def now_ms(self) -> int:
        """Return the exchange's time: the latest it was told."""
        return self._floor.now_ms

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the listed symbols."""
        return tuple(self._floor.markets)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the names of the accounts."""
        return tuple(self._floor.accounts)

    def listing(self, symbol: str) -> Listing:
        """Return a symbol as it is listed now; its brackets are part of it."""
        return self._floor.market(symbol).listing

    def last_quote(self, symbol: str) -> Quote | None:
        """Return the outside market as it was last quoted."""
        return self._floor.market(symbol).quote

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the last trade, zero before there is a quote."""
        return self._floor.market(symbol).last

    def next_funding_ms(self, symbol: str) -> int:
        """Return a symbol's next funding time."""
        return next_funding_ms(self._floor.now_ms, self.listing(symbol).funding_interval_ms)

    def depth(self, symbol: str, levels: int) -> Depth:
        """Return a symbol's book, outside and clients together."""
        return depth_of(self._floor, symbol, levels)

    def order(self, account: str, symbol: str, *, order_id: int | None = None, client_id: str | None = None) -> Order:
        """Return one order by its number, or the latest of its name."""
        order = self._account(account).find(symbol, order_id, client_id)
        if order is None:
            raise Refusal(*DOES_NOT_EXIST)
        return order.copy()

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return the plain orders that can still trade, oldest first."""
        found = self._account(account).open.values()
        return [order.copy() for order in found if symbol in (None, order.symbol)]

    def orders(self, account: str, symbol: str | None = None, window: Window = LATEST) -> list[Order]:
        """Return plain orders of every state, as far back as they are remembered."""
        return orders_of(self._account(account), symbol, window)

    def algo(self, account: str, *, algo_id: int | None = None, client_id: str | None = None) -> Algo:
        """Return one conditional order by its number, or the latest of its name."""
        algo = self._account(account).find_algo(algo_id, client_id)
        if algo is None:
            raise Refusal(*DOES_NOT_EXIST)
        return algo.copy()

    def open_algos(self, account: str, symbol: str | None = None) -> list[Algo]:
        """Return the conditional orders that wait, oldest first."""
        found = self._account(account).open_algos.values()
        return [algo.copy() for algo in found if symbol in (None, algo.wanted.symbol)]

    def algos(self, account: str, symbol: str | None = None, window: Window = LATEST) -> list[Algo]:
        """Return conditional orders of every state, as far back as they are remembered."""
        return algos_of(self._account(account), symbol, window)

    def trades(self, account: str, symbol: str, window: Window = LATEST, order_id: int | None = None) -> list[Trade]:
        """Return an account's trades of a symbol."""
        return trades_of(self._account(account), symbol, window, order_id)

    def incomes(
        self, account: str, symbol: str | None = None, kind: str | None = None, window: Window = LATEST
    ) -> list[Income]:
        """Return what moved an account's wallets."""
        return incomes_of(self._account(account), symbol, kind, window)

    def force_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return the orders by which an account was liquidated or deleveraged, oldest first."""
        return [order.copy() for order in self._account(account).forced if symbol in (None, order.symbol)]

    def positions(self, account: str, symbol: str | None = None) -> list[PositionFigures]:
        """Return the positions, flat ones too, of one symbol or of all that are listed."""
        found = self._account(account)
        return [
            position_figures(self._floor, found, self._floor.peek(found, name), side)
            for name in ([symbol] if symbol else self._floor.markets)
            for side in sides_of(found)
        ]

    def busy_symbols(self, account: str) -> list[str]:
        """Return the symbols in which an account holds or has open plain orders."""
        lines = self._account(account).lines
        return [name for name, line in lines.items() if line.open or not line.is_flat]

    def figures(self, account: str) -> dict[str, Figures]:
        """Return the figures of each asset of an account by itself."""
        found = self._account(account)
        quotes = {line.listing.quote for line in found.lines.values()}
        return {asset: figures(found, asset) for asset in sorted(quotes | set(found.wallets))}

    def totals(self, account: str) -> Figures:
        """Return the figures of a whole account, in USD."""
        found = self._account(account)
        return totals(found, self._floor.rates(found))

    def setting(self, account: str, symbol: str) -> Setting:
        """Return a symbol's leverage and margin type."""
        found = self._floor.peek(self._account(account), symbol).setting
        return Setting(found.leverage, found.isolated)

    def is_hedged(self, account: str) -> bool:
        """Return whether an account holds long and short side by side."""
        return self._account(account).hedge

    def burns_fees(self, account: str) -> bool:
        """Return whether an account pays its fees in BNB."""
        return self._account(account).burns_fees

    def is_multi_assets(self, account: str) -> bool:
        """Return whether an account pools the margin of all assets."""
        return self._account(account).multi_assets

    def _account(self, name: str) -> Account:
        account = self._floor.accounts.get(name)
        if account is None:
            raise Invalid(f"an account is opened before it is used, was {name!r}")
        return account
