"""Takeover: what nobody here asked for happened to the account, and the fund takes it as it is.

The venue is the truth about positions and money. A trade of an order that is not ours is booked like any other. Where
the books say something else than the fund believes, the fund believes the books from then on: it invents no fill that
could explain it, and says what was different.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qt_ray.core.compiled import compiled
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import decimal, money
from qt_ray.core.records import Rows, empty
from qt_ray.engine import mark
from qt_ray.engine.live import LiveFund
from qt_ray.engine.settle import follow, guard_levels
from qt_ray.engine.tidings import Filled, Holding, Stand
from qt_ray.engine.world import World
from qt_ray.execution.exits import protect
from qt_ray.execution.fills import Cause
from qt_ray.execution.ledger import apply_fill
from qt_ray.execution.slots import Slot

BY_EMERGENCY: Final = int(Cause.EMERGENCY)
# Each fill may round by 1e-8 here and there; what is more than dust has a cause.
DUST: Final = Decimal("0.001")
FLAT: Final = Holding(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Difference:
    """What the fund believed, and what the books say: a symbol's position, or the wallet."""

    what: str
    believed: Decimal
    found: Decimal

    def __str__(self) -> str:
        return f"{self.what}: {self.found} in the books, {self.believed} was believed"


@compiled
def held(world: World, i: int, position: int, cost: int, ts: int) -> None:
    """Hold a position as it stands, and protect what was not held before."""
    book, quote = world.books[i], world.quotes[i]
    before = book.position
    book.position, book.cost = position, cost
    if position == 0:
        book.stop = book.target = book.risk = 0
    elif before == 0 or (before > 0) != (position > 0):
        price = abs(cost) // (abs(position) * world.instruments[i].unit)
        protect(book, world.exits[quote.regime], quote.atr, 0, price, ts, quote.regime)
        book.opened_cycle = world.account[0].cycle
        book.spent = 0
    guard_levels(world, i, i * 3, ts, book.opened_cycle)


@compiled
def traded(world: World, i: int, slots: Rows[Slot], ts: int, quantity: int, price: int, fee: int) -> None:
    """Book a trade of an order that is not ours, and let protection follow."""
    book, account, slot = world.books[i], world.account[0], slots[0]
    before = book.position
    apply_fill(book, account, world.instruments[i].unit, quantity, price, 0)
    account.wallet -= fee
    account.fees += fee
    slot.cause, slot.decided = BY_EMERGENCY, account.cycle
    follow(world, i, slot, before, price, ts)


@compiled
def revalued(world: World) -> None:
    """Value the account at the marks that are known."""
    before = world.account[0].equity_before
    mark.account(world, world.account[0].ts)
    world.account[0].equity_before = before


def foreign(fund: LiveFund, told: Filled) -> None:
    """Take in a trade of an order that is not ours: another program's, a person's, the emergency stop's."""
    i, instrument = fund.place_of(told.symbol)
    slots: Any = empty(Slot, 1)
    steps = instrument.steps(abs(told.quantity)) * (1 if told.quantity > 0 else -1)
    traded(fund.world, i, slots, told.ts_ms, steps, instrument.ticks(told.price), money(told.fee))


def taken_over(fund: LiveFund, stand: Stand) -> tuple[Difference, ...]:
    """Let the fund hold what the books say, and return what it had believed otherwise."""
    found = [*_positions(fund, stand), *_wallet(fund, stand)]
    revalued(fund.world)
    return tuple(found)


def _positions(fund: LiveFund, stand: Stand) -> Iterator[Difference]:
    books: Any = fund.world.books
    for i, instrument in enumerate(fund.instruments):
        holding = stand.holdings.get(instrument.symbol, FLAT)
        believed = int(books[i]["position"])
        steps = int(holding.quantity / instrument.step)
        if steps == believed:
            continue
        held(fund.world, i, steps, _cost(instrument, steps, holding), stand.ts_ms)
        yield Difference(instrument.symbol, instrument.quantity(believed), holding.quantity)
    for symbol in sorted(stand.holdings.keys() - {one.symbol for one in fund.instruments}):
        yield Difference(symbol, Decimal(0), stand.holdings[symbol].quantity)


def _wallet(fund: LiveFund, stand: Stand) -> Iterator[Difference]:
    account: Any = fund.world.account[0]
    believed = int(account["wallet"])
    # What nobody can explain is a result like any other, so that a loss cannot hide behind a word such as transfer.
    account["wallet"] += money(stand.wallet) - believed
    account["realised"] += money(stand.wallet) - believed
    if abs(stand.wallet - decimal(believed)) > DUST:
        yield Difference("wallet", decimal(believed), stand.wallet)


def _cost(instrument: Instrument, steps: int, holding: Holding) -> int:
    return money(instrument.quantity(steps) * holding.entry)
