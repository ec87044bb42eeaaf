"""Books: the exact ledger of one account, a fold of entries that were each told at least once.

Every amount is posted twice, to a wallet and to its cause, so a wallet is always what it began with plus transfers,
realised, funding and the rest, minus fees, to the last digit. The same entry again changes nothing; another one under
the same name is a breach, for either the venue or we are wrong about the past. Positions follow the venue's trade
numbers and not the order of hearing, so every order of the same entries leaves the same books.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter
from typing import Final

from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid, Invariant
from qt_ray.core.orders import ZERO, Side
from qt_ray.core.positions import EXACT, Position
from qt_ray.execution.entries import Cause, Moved, Opening, Traded, trade_key
from qt_ray.execution.standing import Held, Proven, Shelf, Standing
from qt_ray.execution.venue.views import PositionSide

Key = tuple[str, PositionSide]

# The venue rounds each trade's profit to 1e-8, from an average price that it rounds as well.
ROUNDING: Final = Decimal("1e-7")


class Books:
    """What an account owns and how it came by it."""

    def __init__(self, opening: Opening, quotes: Mapping[str, str]) -> None:
        """Open the books; `quotes` names the asset in which each symbol pays its profit."""
        self.opening = opening
        self._quotes = dict(quotes)
        self._known = Shelf()
        self._fills: dict[Key, list[tuple[int, str, Traded]]] = {}
        # Of fills that lie on the shelf, the last of each position; until an older one is heard they need no reading.
        self._lasts: dict[Key, tuple[int, str]] = {}
        self._start = {
            (held.symbol, held.side): _carried(held.symbol, held.quantity, held.entry) for held in opening.positions
        }
        self._positions: dict[Key, Position] = dict(self._start)
        self._wallets: dict[str, Decimal] = dict(opening.wallets)
        self._causes: dict[tuple[Cause, str], Decimal] = {}

    @classmethod
    def of(cls, opening: Opening, quotes: Mapping[str, str], entries: Iterable[Traded | Moved]) -> "Books":
        """Return the books that entries leave."""
        books = cls(opening, quotes)
        for entry in entries:
            books.post(entry)
        return books

    @classmethod
    def resumed(cls, standing: Standing, quotes: Mapping[str, str], shelf: Shelf) -> "Books":
        """Return the books as they stood, with the entries that had led there on a shelf."""
        books = cls(standing.opening, quotes)
        books._known = shelf
        books._wallets = dict(standing.wallets)
        books._causes = {(cause, asset): amount for cause, asset, amount in standing.causes}
        for held in standing.positions:
            key = held.symbol, held.side
            books._positions[key] = Position(held.symbol, held.quantity, held.cost, held.cash)
            if held.name:
                books._lasts[key] = held.trade_id, held.name
        return books

    def standing(self, proven: Proven) -> Standing:
        """Return what all entries so far have led to."""
        causes = tuple((cause, asset, amount) for (cause, asset), amount in self._causes.items())
        positions = []
        for (symbol, side), held in self._positions.items():
            trade_id, name = self._last((symbol, side)) or (-1, "")
            positions.append(Held(symbol, side, held.quantity, held.cost, held.cash, trade_id, name))
        return Standing(self.opening, self.wallets, causes, tuple(positions), proven)

    @property
    def wallets(self) -> dict[str, Decimal]:
        """Return what each wallet holds, by asset."""
        return dict(self._wallets)

    @property
    def positions(self) -> dict[Key, Position]:
        """Return what is held, without what is flat."""
        return {key: held for key, held in self._positions.items() if not held.is_flat}

    @property
    def foreign(self) -> tuple[Traded, ...]:
        """Return the trades that orders of others made, by symbol and number."""
        return tuple(entry for entry in self.entries if isinstance(entry, Traded) and entry.foreign)

    @property
    def entries(self) -> tuple[Traded | Moved, ...]:
        """Return every entry by name, however it was heard."""
        return tuple(self._known)

    def quoted(self, quotes: Mapping[str, str]) -> None:
        """Take in newly listed symbols; in what asset a known one pays never changes."""
        self._quotes = {**quotes, **self._quotes}

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Position:
        """Return what is held of a symbol, exact; fees are kept by asset and not with positions."""
        return self._positions.get((symbol, side), Position(symbol))

    def total(self, cause: Cause, asset: str) -> Decimal:
        """Return by how much a cause has changed a wallet; fees paid are negative here."""
        return self._causes.get((cause, asset), ZERO)

    def knows(self, entry: Traded | Moved) -> bool:
        """Return whether posting would change nothing: it is in the books, or lies before them."""
        known = self._known.get(entry.key)
        if known is None:
            return self._lies_before(entry)
        # A trade first seen without its order counts as foreign until its order is known to be ours.
        return not (isinstance(known, Traded) and isinstance(entry, Traded) and known.foreign and not entry.foreign)

    def holds(self, name: str) -> bool:
        """Return whether an entry of this name is in the books."""
        return name in self._known

    def has_trade(self, symbol: str, trade_id: int, side: Side) -> bool:
        """Return whether a trade is in the books, or lies before them."""
        before = trade_id <= self.opening.cursors.get(symbol, -1)
        return before or trade_key(symbol, trade_id, side) in self._known

    def trade(self, symbol: str, trade_id: int, side: Side) -> Traded | None:
        """Return a trade in the books."""
        found = self._known.get(trade_key(symbol, trade_id, side))
        return found if isinstance(found, Traded) else None

    def contradiction(self, entry: Traded | Moved) -> str | None:
        """Return how an entry contradicts the books, or nothing if it does not."""
        known = self._known.get(entry.key)
        if known is None or known.content == entry.content:
            return None
        return f"{entry.key}: a name in the books means one thing, {known.content}, was {entry.content}"

    def admit(self, entry: Traded | Moved) -> None:
        """Refuse an entry that cannot be posted; whoever keeps a journal asks before he writes."""
        contradiction = self.contradiction(entry)
        if contradiction is not None:
            raise Invariant(contradiction)
        if isinstance(entry, Traded) and entry.symbol not in self._quotes:
            raise Invalid(f"{entry.symbol}: a symbol in the books has a known quote asset")

    def post(self, entry: Traded | Moved) -> bool:
        """Post an entry and return whether it changed anything; one that contradicts the books stops everything."""
        self.admit(entry)
        if self.knows(entry):
            return False
        if entry.key not in self._known:
            self._book(entry)
        self._known.put(entry)
        return True

    def check(self) -> None:
        """Prove that wallets tie to their causes, and what was realised to what was paid and received."""
        self._read_fills()
        for asset, wallet in self._wallets.items():
            caused = (amount for (_, of), amount in self._causes.items() if of == asset)
            owed = _sum((self.opening.wallets.get(asset, ZERO), *caused))
            if wallet != owed:
                raise Invariant(f"{asset}: a wallet is what it began with and what moved it, {owed}, was {wallet}")
        for key, held in self._flat_again():
            told = _sum(entry.realised for _, _, entry in self._fills[key])
            apart = abs(EXACT.subtract(told, held.realised))
            if apart > ROUNDING * len(self._fills[key]):
                raise Invariant(
                    f"{key[0]}: a flat position realised what it paid and received, {held.realised}, was {told}"
                )

    def digest(self) -> str:
        """Return the digest of everything the books say."""
        return digest(
            (self.opening, self.entries, self._wallets, [self._positions[key] for key in sorted(self._positions)])
        )

    def _flat_again(self) -> list[tuple[Key, Position]]:
        """Return the positions that were held and are flat now; only of these is all profit realised."""
        return [(key, held) for key, held in self._positions.items() if held.is_flat and key in self._fills]

    def _lies_before(self, entry: Traded | Moved) -> bool:
        if isinstance(entry, Traded):
            cursor = self.opening.cursors.get(entry.symbol)
            if cursor is None:
                return entry.execution.time_ms < self.opening.at_ms
            return entry.execution.trade_id <= cursor
        return entry.time_ms <= self.opening.at_ms

    def _book(self, entry: Traded | Moved) -> None:
        if isinstance(entry, Traded):
            self._trade(entry)
        else:
            self._move(entry.cause, entry.asset, entry.amount)

    def _trade(self, entry: Traded) -> None:
        self._move(Cause.REALISED, self._quotes[entry.symbol], entry.realised)
        self._move(Cause.FEES, entry.execution.fee_asset, -entry.execution.fee)
        self._hold(entry)

    def _hold(self, entry: Traded) -> None:
        key = (entry.symbol, entry.position_side)
        place = (entry.execution.trade_id, entry.key, entry)
        last = self._last(key)
        if last is None or last < place[:2]:
            self._fills.setdefault(key, []).append(place)
            self._positions[key] = _applied(self.position(*key), entry)
            return
        self._read_fills()
        fills = self._fills[key]
        insort(fills, place, key=itemgetter(0, 1))
        held = self._start.get(key, Position(entry.symbol))
        for _, _, fill in fills:
            held = _applied(held, fill)
        self._positions[key] = held

    def _last(self, key: Key) -> tuple[int, str] | None:
        """Return the place of a position's last fill, if it has one."""
        fills = self._fills.get(key)
        return fills[-1][:2] if fills else self._lasts.get(key)

    def _read_fills(self) -> None:
        """Read the fills that lie on the shelf, because one that comes before some of them was heard."""
        if not self._lasts:
            return
        self._lasts, self._fills = {}, {}
        for entry in self._known:
            if isinstance(entry, Traded):
                fills = self._fills.setdefault((entry.symbol, entry.position_side), [])
                fills.append((entry.execution.trade_id, entry.key, entry))
        for fills in self._fills.values():
            fills.sort(key=itemgetter(0, 1))

    def _move(self, cause: Cause, asset: str, amount: Decimal) -> None:
        self._wallets[asset] = EXACT.add(self._wallets.get(asset, ZERO), amount)
        self._causes[cause, asset] = EXACT.add(self.total(cause, asset), amount)


def _applied(held: Position, entry: Traded) -> Position:
    return held.apply_fill(entry.side, replace(entry.execution, fee=ZERO))


def _carried(symbol: str, quantity: Decimal, entry: Decimal) -> Position:
    cost = EXACT.multiply(quantity, entry)
    return Position(symbol, quantity, cost, EXACT.minus(cost))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
