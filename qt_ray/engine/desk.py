"""Desk: one fund's decisions as a fold of what it was told, and the errands that follow from them.

Every input is an entry, every output a function of the entries: whoever folds the same journal owes the same errands
under the same names. A decision is made again from what was recorded of it, also by the desk that has just made it:
what a chain of processes has answered is believed only if this process comes to the same rows.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from qt_ray.ai.forecast import Floats
from qt_ray.core.errors import Invalid
from qt_ray.core.ids import ClientOrderId, is_ours
from qt_ray.core.money import BPS, decimal
from qt_ray.engine import by_hand
from qt_ray.engine.columns import read, spelled
from qt_ray.engine.desk_entries import Began, Decided, Entry, Handed, Rated, Ruled, Told, Watched
from qt_ray.engine.desk_kept import Due, Kept
from qt_ray.engine.errands import Errands, Runner, Sent, Stamp, is_same
from qt_ray.engine.live import LiveFund, Wanted
from qt_ray.engine.pipeline import Decision, Guard, Opinion, Sizer, Snapshot
from qt_ray.engine.takeover import Difference, foreign, taken_over
from qt_ray.engine.tidings import Ended, Filled, Paid, Stand, Tiding
from qt_ray.engine.trips import Trip, Trips
from qt_ray.engine.world import state_bytes
from qt_ray.execution import sight
from qt_ray.execution.entries import Cause
from qt_ray.execution.slots import PER_SYMBOL, Kind, Place
from qt_ray.market.bars import Bars

DUE_MAX: Final = 1_000
COUNTED: Final = ("decisions", "wishes", "blocks", "orders", "fills", "dropped", "differences")
STREAK: Final = "losing streak"
CAUSES: Final = {Place.ENTRY: "signal", Place.STOP: "stop", Place.TARGET: "take_profit"}
# Whose orders close a position without the desk: the guard's stops, a person's word, the emergency stop.
GUARD: Final = "guard"
CLOSERS: Final = {by_hand.STRATEGY: "by_hand", sight.STRATEGY: "emergency"}
STRANGER: Final = "another's order"
NOTHING: Final = Errands()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an entry, for whoever tells of it."""

    decision: Decision | None = None
    stamp: Stamp | None = None
    fills: tuple[Filled, ...] = ()
    closed: tuple[Trip, ...] = ()
    differences: tuple[Difference, ...] = ()
    errands: Errands = NOTHING


class DeskBook:
    """A desk's state: `told` is the last tiding's number, `seen_ms` the last bar's open, `due` what is owed."""

    def __init__(self, began: Began) -> None:
        self.began, self.fund = began, LiveFund(began.setup, began.interval_ms, began.start_ms)
        self.runner, self.trips = Runner(), Trips()
        self.ruled: Ruled | None = None
        self.stamp: Stamp | None = None
        self.told, self.seen_ms = 0, -1
        self.due: tuple[Due, ...] = ()
        self.counts: Counter[str] = Counter()

    @classmethod
    def resumed(cls, kept: Kept) -> "DeskBook":
        """Return the desk that was kept."""
        book = cls(kept.began)
        if kept.ruled is not None:
            book._rule(kept.ruled)
        state = read(kept.world, "u1", (-1,)).tobytes()
        if len(state) != len(state_bytes(book.fund.world)):
            raise Invalid("snapshot: the state of a fund of this version, was of another")
        book.fund.restored(state, kept.cycles)
        book.told, book.seen_ms, book.stamp, book.due = kept.told, kept.seen_ms, kept.stamp, kept.due
        book.runner, book.trips, book.counts = Runner(kept.rounds), Trips(kept.trips), Counter(kept.counts)
        return book

    @property
    def kept(self) -> Kept:
        """Return all state."""
        return Kept(
            began=self.began,
            ruled=self.ruled,
            told=self.told,
            seen_ms=self.seen_ms,
            cycles=self.fund.cycles,
            stamp=self.stamp,
            rounds=self.runner.rounds,
            trips=self.trips.open,
            due=self.due,
            counts=dict(self.counts),
            world=spelled(np.frombuffer(state_bytes(self.fund.world), "u1")),
        )

    @property
    def positions(self) -> Mapping[str, Decimal]:
        """Return what is held of every symbol, as far as the desk knows."""
        return {symbol: self._position(symbol) for symbol in self.began.symbols}

    @property
    def facts(self) -> dict[str, Any]:
        """Return plain facts for whoever asks how it goes."""
        account: Any = self.fund.world.account[0]
        return {
            **{name: self.counts[name] for name in COUNTED},
            "seen_ms": self.seen_ms,
            "told": self.told,
            "due": len(self.due),
            "equity": str(decimal(int(account["equity"]))),
            "exposure_share_bps": self._exposure_share_bps(account),
            "positions": sum(held != 0 for held in self.positions.values()),
            "losing_streak": self.counts[STREAK],
        }

    def _exposure_share_bps(self, account: Any) -> int | None:
        """Return how much of the gross exposure that the limits permit is taken; nothing of nothing is not known."""
        limits: Any = self.fund.world.limits[0]
        permitted = int(account["equity"]) * int(limits["gross_bps"])
        return int(account["gross"]) * BPS * BPS // permitted if permitted > 0 else None

    def snapshot(self, bars: Bars, features: Floats, past: Bars | None = None) -> Snapshot:
        """Return what a decision on a bar may know; the desk itself stays as it is."""
        twin = self.fund.twin()
        twin.observed(bars)
        return Snapshot(bars, features, twin.world, past, self.told)

    def weighed(self, entry: Decided) -> Decision:
        """Make a decision again from what was recorded of it; the desk itself stays as it is."""
        count, bars = len(self.began.symbols), entry.row.bars(self.began.symbols, self.began.interval_ms)
        snapshot = self.snapshot(bars, np.zeros((1, count, 0)))
        sized = Sizer().size(Opinion(snapshot, entry.thought.forecasts(count), entry.thought.version))
        sized.world.wishes[:], sized.world.causes[:] = entry.thought.wished(count)
        return Guard().review(sized, entry.hindrance)

    def take(self, entry: Entry, weighed: Decision | None = None) -> Outcome:
        """Take an entry in and return what came of it; a decision need not be weighed again if it was already."""
        match entry:
            case Decided():
                return self._decide(entry, weighed or self.weighed(entry))
            case Told():
                return self._hear(entry.tidings)
            case Watched():
                self._watch(entry.rows.bars(self.began.symbols, self.began.interval_ms))
            case Ruled():
                self._rule(entry)
            case Rated():
                self._rate(entry.rates)
            case Handed():
                self.due = self.due[entry.count :]
            case Began():
                raise Invalid("journal: a desk begins once")
        return Outcome()

    def _decide(self, entry: Decided, decision: Decision) -> Outcome:
        if decision.digest() != entry.digest:
            raise Invalid(f"a decision made again is the same, {entry.digest[:16]} was {decision.digest()[:16]}")
        bars = decision.sized.opinion.snapshot.bars
        self.fund.observed(bars)
        self.fund.adopt(decision)
        self.seen_ms = int(bars.ts[-1])
        self.stamp = self._stamped()
        self._bound()
        self.counts["decisions"] += 1
        self.counts["wishes"] += int((decision.rows["wish"] != 0).sum())
        self.counts["blocks"] += int((decision.rows["bound"] != 0).sum())
        return Outcome(decision, self.stamp, errands=self._owe())

    def _bound(self) -> None:
        """Let only so many orders open something in one cycle: those decided first, which are the most confident."""
        new = [one for one in self.fund.wanted() if one.place is Place.ENTRY and not one.reduce_only]
        fresh = sorted((one for one in new if not self._is_under_way(one)), key=lambda one: one.number)
        for one in fresh[self.began.openings_max :]:
            self.fund.ended(one.symbol, one.place)
            self.counts["dropped"] += 1

    def _is_under_way(self, one: Wanted) -> bool:
        return any(sent.place is one.place and is_same(sent, one) for sent in self.runner.of(one.symbol))

    def _watch(self, bars: Bars) -> None:
        for at in range(len(bars)):
            self.fund.observed(bars.window(at, at + 1))
        self.seen_ms = int(bars.ts[-1])

    def _rule(self, ruled: Ruled) -> None:
        self.ruled = ruled
        self.fund.governed(ruled.policy, ruled.ess, ruled.governor_bps)

    def _rate(self, rates: Mapping[str, Decimal]) -> None:
        for symbol in rates.keys() & set(self.began.symbols):
            self.fund.rated(symbol, rates[symbol])

    def _hear(self, tidings: tuple[Tiding, ...]) -> Outcome:
        fills, closed, differences = list[Filled](), list[Trip](), list[Difference]()
        news = [one for one in tidings if one.number > self.told or isinstance(one.what, Stand)]
        if not news:
            return Outcome()
        for tiding in news:
            match tiding.what:
                case Filled():
                    fills.append(tiding.what)
                    closed.extend(self._fill(tiding.what))
                case Ended():
                    self._end(self.runner.sent(tiding.what.client_id))
                case Paid():
                    self._pay(tiding.what)
                case Stand():
                    differences.extend(self._stand(tiding.what))
            self.told = tiding.number
        return Outcome(None, self.stamp, tuple(fills), tuple(closed), tuple(differences), self._owe())

    def _fill(self, told: Filled) -> tuple[Trip, ...]:
        """Book a trade at the place that it fills; of a protective stop, whose name is not ours, by what it does."""
        self.counts["fills"] += 1
        if told.symbol not in self.began.symbols:
            self.fund.funded(told.realised - told.fee)
            return ()
        before = self._position(told.symbol)
        where = self.runner.traded(told.client_id, told.quantity)
        if where is None and self._is_stop(told):
            where = (told.symbol, Place.STOP)
        if where is None:
            foreign(self.fund, told)
        else:
            self.fund.filled(*where, told.ts_ms, told.quantity, told.price, told.fee, maker=told.maker)
        cause = CLOSERS.get(_strategy(told), STRANGER) if where is None else CAUSES[where[1]]
        closed = self.trips.filled(told, before, self._position(told.symbol), self._risk(told.symbol), cause)
        for trip in closed:
            self.counts[STREAK] = self.counts[STREAK] + 1 if trip.result < 0 else 0
        return closed

    def _end(self, sent: Sent | None) -> None:
        """Take in that an order is no more; a wish that has replaced it meanwhile goes on."""
        if sent is None:
            return
        self.runner.ended(sent.client_id)
        wanted = (one for one in self.fund.wanted() if (one.symbol, one.place) == (sent.symbol, sent.place))
        if any(is_same(sent, one) for one in wanted):
            self.fund.ended(sent.symbol, sent.place)

    def _pay(self, paid: Paid) -> None:
        if paid.cause == Cause.TRANSFERS:
            self.fund.transferred(paid.amount)
        else:
            self.fund.funded(paid.amount)
            self.trips.paid(paid)

    def _stand(self, stand: Stand) -> tuple[Difference, ...]:
        """Believe the books, and which orders are at work; what was owed is owed no more, it follows anew."""
        found = taken_over(self.fund, stand)
        for sent in self.runner.lost(stand.working):
            self._end(sent)
        self.trips.stood(self.positions, stand.ts_ms)
        self.due = ()
        self.counts["differences"] += len(found)
        return found

    def _owe(self) -> Errands:
        """Owe what is to be done so that the venue holds what is wanted; before a policy is known, nothing is."""
        stamp = self.stamp or self._stamped()
        if stamp is None:
            return NOTHING
        errands = self.runner.run(self.fund.wanted(), stamp)
        if errands != NOTHING:
            if len(self.due) >= DUE_MAX:
                raise Invalid(f"at most {DUE_MAX} errands wait for the gateway")
            self.due = (*self.due, Due(errands, stamp))
            self.counts["orders"] += len(errands.place)
        return errands

    def _stamped(self) -> Stamp | None:
        if self.ruled is None or self.seen_ms < 0:
            return None
        policy, close_ms = self.ruled.policy, self.seen_ms + self.began.interval_ms
        return Stamp(self.began.account, self.began.strategy, close_ms, policy.version, policy.epoch)

    def _is_stop(self, told: Filled) -> bool:
        i, _ = self.fund.place_of(told.symbol)
        slots: Any = self.fund.world.slots
        slot = slots[i * PER_SYMBOL + int(Place.STOP)]
        protects = slot["kind"] != Kind.NONE and int(slot["quantity"]) * told.quantity > 0
        return bool(protects) and _strategy(told) == GUARD

    def _position(self, symbol: str) -> Decimal:
        i, instrument = self.fund.place_of(symbol)
        books: Any = self.fund.world.books
        return instrument.quantity(int(books[i]["position"]))

    def _risk(self, symbol: str) -> Decimal:
        i, instrument = self.fund.place_of(symbol)
        books: Any = self.fund.world.books
        return instrument.price(int(books[i]["risk"]))


def _strategy(told: Filled) -> str:
    """Return whose order has traded, by its name; nothing if the name is not ours."""
    return ClientOrderId.parse(told.client_id).strategy if is_ours(told.client_id) else ""
