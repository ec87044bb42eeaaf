"""Hall: the exchange and everything around it that all doors share, and the one place where news goes out.

Two times are kept apart: the wall's, by which requests are signed and limits count, and the market's, which may run
faster. At speed one they are the same. The market's never goes back.
"""

from collections.abc import Callable, Collection
from decimal import Decimal

import orjson

from qt_ray.adapters.paper.board import Board, Row
from qt_ray.adapters.paper.faults import Faults
from qt_ray.adapters.paper.feed import MARK_MS, Feed
from qt_ray.adapters.paper.hub import Hub, Message
from qt_ray.adapters.paper.keys import KeyRing
from qt_ray.adapters.paper.limits import Limits
from qt_ray.adapters.paper.listen_keys import ListenKey, ListenKeys
from qt_ray.adapters.paper.refusals import denied
from qt_ray.adapters.paper.stream_faults import FaultyOutlet
from qt_ray.adapters.paper.stream_names import Kind, Stream
from qt_ray.adapters.paper.trade_log import TradeLog
from qt_ray.adapters.paper.user_events import UserEvents
from qt_ray.execution.exchange.exchange import Exchange
from qt_ray.execution.exchange.listing import Listing, Quote
from qt_ray.execution.exchange.told import LiquidationTold, Told, TradeTold
from qt_ray.execution.exchange.values import ZERO

FUNDING_GRID_MS = 3_600_000


class Clock:
    """The wall's time, which a test may put wrong, and the market's, which runs at its own speed."""

    def __init__(self, now_ms: Callable[[], int], speed: float) -> None:
        self._now_ms, self._speed, self._started = now_ms, speed, now_ms()
        self._latest = self._started
        self.skew_ms = 0

    def wall(self) -> int:
        """Return the time by which requests are dated."""
        return self._now_ms() + self.skew_ms

    def market(self) -> int:
        """Return the time by which the market lives."""
        passed = self._now_ms() - self._started
        self._latest = max(self._latest, self._started + int(passed * self._speed))
        return self._latest


class Hall:
    """What is behind the doors."""

    def __init__(
        self,
        exchange: Exchange,
        listings: dict[str, Listing],
        clock: Clock,
        limits: Limits,
        listen_keys: ListenKeys,
        faults: Faults,
        close: Callable[[str], None],
        log: TradeLog | None = None,
        mark_ms: int = MARK_MS,
    ) -> None:
        self.exchange, self.listings, self.clock = exchange, listings, clock
        self.limits, self.listen_keys, self.faults = limits, listen_keys, faults
        self.keys, self.board, self.hub = KeyRing(), Board(listings), Hub(self._begin)
        self.outlet = FaultyOutlet(faults, self.hub.publish, close)
        self.feed = Feed(exchange, listings, self.board, self.hub, self._say, mark_ms)
        self._log, self._events = log, UserEvents()
        self._funded = clock.market() // FUNDING_GRID_MS

    def now(self) -> int:
        """Return the time by which requests are dated."""
        return self.clock.wall()

    def market_ms(self) -> int:
        """Return the market's time."""
        return self.clock.market()

    def row(self, symbol: str) -> Row:
        """Return a symbol's row of the board."""
        row = self.board.rows.get(symbol)
        if row is None:
            raise denied(-1121)
        return row

    def relist(self, listing: Listing) -> None:
        """List a symbol anew, or differently."""
        self.listings[listing.symbol] = listing
        self.exchange.relist(listing)

    def open_interest(self, symbol: str) -> Decimal:
        """Return what the day traded, a stand-in for the contracts that all the others hold open."""
        day = self.board.rows[symbol].day(self.market_ms())
        return ZERO if day is None else day.volume

    def quote(self, quote: Quote, now_ms: int) -> None:
        """Let the outside market move."""
        self.board.show(quote)
        self.exchange.quote(quote, now_ms)

    def publish(self, symbols: Collection[str], now_ms: int) -> None:
        """Tell everybody what came of a turn of the market in which these symbols moved."""
        self.board.roll(now_ms)
        self._fund(now_ms)
        self.feed.best(symbols, now_ms)
        self.tell()
        self.feed.tick(symbols, now_ms)
        self.hub.flush()

    def tell(self) -> None:
        """Tell everybody what the exchange has told since the last time."""
        told = self.exchange.drain()
        if not told:
            return
        for account, event, body in self._events.of(told, self._hears):
            self.tell_account(account, event, body)
        for each in told:
            if self._log is not None:
                self._log.tell(each)
            self._tell_all(each)
        self.hub.flush_soon()

    def tell_account(self, account: str, event: str, body: dict[str, object]) -> None:
        """Tell those who listen to an account."""
        name = self.listen_keys.living(account)
        if name is not None:
            self._say(Message(name, event, orjson.dumps(body), Kind.USER))

    def expire(self, now_ms: int) -> None:
        """Let listen keys whose time is over end, and say so on them."""
        for key in self.listen_keys.expire(now_ms):
            self.farewell(key, now_ms)

    def farewell(self, key: ListenKey, now_ms: int) -> None:
        """Say on a listen key that it has ended."""
        body = {"e": "listenKeyExpired", "E": now_ms, "listenKey": key.name}
        self._say(Message(key.name, "listenKeyExpired", orjson.dumps(body), Kind.USER))
        self.hub.flush()

    def _hears(self, account: str) -> bool:
        name = self.listen_keys.living(account)
        return name is not None and self.hub.wants(name)

    def _begin(self, stream: Stream) -> None:
        self.feed.begin(stream)

    def _say(self, message: Message) -> None:
        self.outlet.tell(message, self.now())

    def _tell_all(self, told: Told) -> None:
        if isinstance(told, TradeTold):
            self.feed.trade(self.board.take(told))
        elif isinstance(told, LiquidationTold):
            self.board.liquidations.append(told)
            self.feed.liquidation(told)

    def _fund(self, now_ms: int) -> None:
        """Remember the rate of each funding time that has passed."""
        for hour in range(self._funded + 1, now_ms // FUNDING_GRID_MS + 1):
            self._funded = hour
            for listing in self.listings.values():
                if hour * FUNDING_GRID_MS % listing.funding_interval_ms == 0:
                    self.board.rows[listing.symbol].pay(hour * FUNDING_GRID_MS)
