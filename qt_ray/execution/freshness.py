"""Freshness: an entry rests on prices that are young; an old price, or one that nobody vouches for, is no price.

A price is as old as the venue's own time on it, or as the moment it came in if that is earlier, so a feed that cannot
keep up is found out by what it brings. What was never heard is as old as the watch itself: a feed that does not begin
shuts entries out as surely as one that has stopped.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from qt_ray.core.limits import Limits
from qt_ray.market.ticks import BestPrice, BookLost, BookTick, MarkTick, Tick


class Part(StrEnum):
    """What a decision may rest on."""

    BEST = "best price"
    BOOK = "book"
    MARK = "mark price"


@dataclass(slots=True)
class Sight:
    """The last price that was good: its time, and why and since when it is not believed any more."""

    time_ms: int
    is_heard: bool = False
    lost: str = ""
    lost_ms: int = 0


class Freshness:
    """The ages of what is watched, by symbol; entries end with the shorter limits, resting ones with the longest."""

    def __init__(self, symbols: Iterable[str], parts: Iterable[Part], limits: Limits, at_ms: int) -> None:
        watched = tuple(parts)
        self._seen = {symbol: {part: Sight(at_ms) for part in watched} for symbol in symbols}
        self.bad_ms: dict[tuple[str, Part], int] = {}

        self.govern(limits)

    def govern(self, limits: Limits) -> None:
        """Let other limits count, for what was heard before as well."""
        book_ms = limits.book_age_max_ms
        self._ages = {Part.BEST: book_ms, Part.BOOK: book_ms, Part.MARK: limits.mark_age_max_ms}
        self._cancel_ms = limits.entry_cancel_age_ms

    @property
    def symbols(self) -> Iterable[str]:
        """Return what is watched."""
        return self._seen.keys()

    def heard(self, tick: Tick, at_ms: int) -> None:
        """Take in what a feed tells; what is not a price of something watched changes nothing."""
        if isinstance(tick, BookLost):
            self.lost(tick.symbol, Part.BOOK, tick.reason, at_ms)
        elif isinstance(tick, BestPrice):
            if tick.bid < tick.ask:
                self._renew(tick.symbol, Part.BEST, tick.time_ms, at_ms)
            else:
                self.lost(tick.symbol, Part.BEST, f"a bid reached an ask, {tick.bid} and {tick.ask}", at_ms)
        elif isinstance(tick, BookTick):
            self._renew(tick.symbol, Part.BOOK, tick.time_ms, at_ms)
        elif isinstance(tick, MarkTick):
            self._renew(tick.symbol, Part.MARK, tick.time_ms, at_ms)

    def lost(self, symbol: str, part: Part, reason: str, at_ms: int) -> None:
        """Believe a price no longer, however young it is, until the next good one."""
        sight = self._sight(symbol, part)
        if sight is not None and not sight.lost:
            sight.lost, sight.lost_ms = reason, at_ms

    def why_not(self, symbol: str, at_ms: int) -> str | None:
        """Return why no entry of a symbol may rest on what is known of its prices, or nothing."""
        if symbol not in self._seen:
            return f"no entry in {symbol}, whose prices nobody watches"
        for part, sight in self._seen[symbol].items():
            if sight.lost:
                return f"no entry in {symbol} without its {part}: {sight.lost}"
            age_ms = at_ms - sight.time_ms
            if not sight.is_heard:
                return f"no entry in {symbol} before its {part} is heard"
            if age_ms > self._ages[part]:
                return f"no entry in {symbol} on a {part} older than {self._ages[part]} ms, was {age_ms}"
        return None

    def is_blind(self, symbol: str, at_ms: int) -> bool:
        """Return whether a price has been old for so long that what rests on it must not stay at the venue."""
        return any(at_ms - sight.time_ms > self._cancel_ms for sight in self._seen.get(symbol, {}).values())

    def _renew(self, symbol: str, part: Part, time_ms: int, at_ms: int) -> None:
        sight = self._sight(symbol, part)
        if sight is None:
            return
        if sight.lost:
            longest = self.bad_ms.get((symbol, part), 0)
            self.bad_ms[symbol, part] = max(longest, at_ms - sight.lost_ms)
        # What is told twice, or late, makes a price no younger and no older.
        known_ms = sight.time_ms if sight.is_heard else 0
        sight.time_ms, sight.is_heard, sight.lost = max(known_ms, min(time_ms, at_ms)), True, ""

    def _sight(self, symbol: str, part: Part) -> Sight | None:
        return self._seen.get(symbol, {}).get(part)
