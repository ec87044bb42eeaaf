"""Live: the same cycle over a market that is still going on and a venue that is real.

What a simulated venue would have done to the fund between two bars, the real one tells: fills, fees, payments. They go
into the same rows, protection follows them by the same rule, and then the same `decide` runs. So a fund that is told
what its simulated twin was told decides the same, bit for bit. Whether to stop is not decided here: the emergency
stop says so, and here it is a state like any other.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.sizing import sizer_rows
from qt_ray.core.compiled import compiled
from qt_ray.core.errors import Invalid
from qt_ray.core.instruments import Instrument
from qt_ray.core.money import money
from qt_ray.core.policy import Policy
from qt_ray.engine import mark
from qt_ray.engine.decide import decide
from qt_ray.engine.pipeline import Decision, abstained
from qt_ray.engine.settle import follow, learn_funding, written
from qt_ray.engine.setup import Setup, open_world, regime_rows
from qt_ray.engine.tapes import Block, tape_of
from qt_ray.engine.world import Journal, Tape, World, adopt, build_journal, copied, restore
from qt_ray.execution.fills import Cause
from qt_ray.execution.ledger import apply_fill
from qt_ray.execution.simulated import Execution
from qt_ray.execution.slots import PER_SYMBOL, Kind, Place, clear
from qt_ray.market.bars import Bars
from qt_ray.risk.drawdown import observe as observe_drawdown
from qt_ray.risk.drawdown import transfer
from qt_ray.risk.ess import EssState
from qt_ray.risk.in_force import limits_in_force

FILLS_MAX = 4_096
NONE, MARKET, STOP = int(Kind.NONE), int(Kind.MARKET), int(Kind.STOP)


@compiled
def observe(world: World, tape: Tape, cycle: int) -> None:
    """Take one closed bar: prices, what the account is worth at them, and how far that is below its peaks."""
    fund = world.account[0]
    ts = tape.ts[0] + world.venue[0].interval_ms
    fund.cycle = cycle
    for i in range(len(world.books)):
        if tape.funding.shape[0] > 0 and tape.funding[0, i] == tape.funding[0, i]:
            learn_funding(world, tape, 0, i)
        mark.quote(world, tape, 0, i, ts)
    mark.account(world, ts)
    observe_drawdown(world.drawdown[0], world.limits[0], fund.equity, ts, True)


@compiled
def fill(
    world: World, journal: Journal, i: int, place: int, ts: int, quantity: int, price: int, fee: int, maker: int
) -> None:
    """Book what the venue told of one of our orders, at its fee, and let protection follow."""
    book, account, slot = world.books[i], world.account[0], world.slots[i * PER_SYMBOL + place]
    before = book.position
    _, realised = apply_fill(book, account, world.instruments[i].unit, quantity, price, 0)
    account.wallet -= fee
    account.fees += fee
    slot.quantity -= quantity
    if slot.kind == STOP and slot.quantity != 0:
        slot.kind = MARKET
    written(world, journal, i, slot, ts, Execution(quantity, price, maker), fee, realised)
    follow(world, i, slot, before, price, ts)
    if slot.quantity == 0 and place == 0:
        clear(slot)
        slot.order = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that is to be at the venue: which place of which symbol it fills, and what it is."""

    symbol: str
    place: Place
    kind: Kind
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    cause: Cause
    number: int


class LiveFund:
    """One account's fund: tell it what the venue told, give it a bar, and read what it wants at the venue."""

    def __init__(self, setup: Setup, interval_ms: int, start_ms: int) -> None:
        """Begin flat, with the setup's money."""
        self.world = open_world(setup, interval_ms, start_ms)
        self.instruments, self._sizer = setup.instruments, setup.sizer
        self._index = {instrument.symbol: at for at, instrument in enumerate(setup.instruments)}
        self._interval_ms = interval_ms
        self._cycle = 0
        self._fills = build_journal(1, 1, FILLS_MAX)

    @property
    def cycles(self) -> int:
        """Return how many bars were taken."""
        return self._cycle

    def decided(self, block: Block) -> NDArray[np.void]:
        """Take one closed bar and the opinions on it, and return what was decided about each symbol."""
        self.observed(block.bars)
        tape, journal = tape_of(Block(0, block.bars, block.forecasts)), build_journal(1, len(self.instruments), 1)
        decide(self.world, tape, journal, 0)
        rows: NDArray[np.void] = journal.decisions[0]
        return rows

    def observed(self, bars: Bars) -> None:
        """Take one closed bar: prices, and what the account is worth at them."""
        if len(bars) != 1:
            raise Invalid(f"a live fund takes a bar at a time, were {len(bars)}")
        observe(self.world, tape_of(Block(0, bars, abstained(bars))), self._cycle)
        self._cycle += 1

    def adopt(self, decision: Decision) -> None:
        """Be as was decided about the fund as it stands; nothing may have been told to it since."""
        adopt(self.world, decision.world)

    def restored(self, state: bytes, cycles: int) -> None:
        """Be as a fund of the same setup was after so many bars."""
        restore(self.world, state)
        self._cycle = cycles

    def twin(self) -> "LiveFund":
        """Return another fund that is the same now."""
        other = copy(self)
        other.world, other._fills = copied(self.world), build_journal(1, 1, FILLS_MAX)
        return other

    def filled(
        self,
        symbol: str,
        place: Place,
        ts: int,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        *,
        maker: bool = False,
    ) -> None:
        """Take in an execution of one of our orders, signed, with the fee in the fund's own currency."""
        i, instrument = self.place_of(symbol)
        steps, ticks = _whole(quantity / instrument.step, "quantity"), instrument.ticks(price)
        self._fills.filled[0] %= FILLS_MAX
        fill(self.world, self._fills, i, int(place), ts, steps, ticks, money(fee), int(maker))

    def funded(self, amount: Decimal) -> None:
        """Take in a payment of funding, positive if it was received."""
        _add(self.world.account, "wallet", money(amount))
        _add(self.world.account, "funding", money(amount))

    def rated(self, symbol: str, rate: Decimal) -> None:
        """Take in at which rate funding will settle next."""
        i, _ = self.place_of(symbol)
        quote: Any = self.world.quotes[i]
        quote["funding"], quote["funding_known"] = money(rate), 1

    def transferred(self, amount: Decimal) -> None:
        """Take in a deposit, or a withdrawal; neither is profit or loss."""
        _add(self.world.account, "wallet", money(amount))
        _add(self.world.account, "transfers", money(amount))
        move_peaks(self.world, money(amount))

    def ended(self, symbol: str, place: Place) -> None:
        """Take in that an order of ours is at the venue no more."""
        i, _ = self.place_of(symbol)
        slot: Any = self.world.slots[i * PER_SYMBOL + int(place)]
        clear(slot)

    def governed(self, policy: Policy, ess: EssState, governor_bps: int) -> None:
        """Take in the policy in force, where the emergency stop is, and what the governor leaves of a size."""
        account, instruments, limits = self.world.account, self.world.instruments, self.world.limits
        _put(limits, limits_in_force(policy).row[0])
        _put(self.world.regime_params, regime_rows(policy)[0])
        sizers: Any = self.world.sizers
        sizers[...] = sizer_rows(self.instruments, self._sizer, policy.risk.scaling)
        for name, value in (
            ("allow_new", int(policy.allow_new_trades)),
            ("ess", int(ess)),
            ("governor_bps", governor_bps),
            ("policy_version", policy.version),
            ("policy_epoch", policy.epoch),
        ):
            _put_in(account, name, value)
        _put_in(instruments, "allowed", [int(policy.may_trade(one.symbol)) for one in self.instruments])

    def wanted(self) -> Iterator[Wanted]:
        """Yield every order that is to be at the venue now."""
        slots: Any = self.world.slots
        for at in np.flatnonzero((slots["kind"] != NONE) & (slots["quantity"] != 0)):
            slot, instrument = slots[at], self.instruments[at // PER_SYMBOL]
            yield Wanted(
                symbol=instrument.symbol,
                place=Place(int(at) % PER_SYMBOL),
                kind=Kind(int(slot["kind"])),
                quantity=instrument.quantity(int(slot["quantity"])),
                price=instrument.price(int(slot["price"])),
                reduce_only=bool(slot["reduce_only"]),
                cause=Cause(int(slot["cause"])),
                number=int(slot["order"]),
            )

    def place_of(self, symbol: str) -> tuple[int, Instrument]:
        """Return where a symbol stands in every column, and its units."""
        if symbol not in self._index:
            raise Invalid(f"{symbol}: a fund trades the symbols of its setup, {', '.join(self._index)}")
        i = self._index[symbol]
        return i, self.instruments[i]


@compiled
def move_peaks(world: World, amount: int) -> None:
    """Let the peaks follow a transfer."""
    transfer(world.drawdown[0], amount)


def _whole(steps: Decimal, what: str) -> int:
    if steps != int(steps):
        raise Invalid(f"{what}: whole steps, was {steps}")
    return int(steps)


def _put(rows: Any, row: Any) -> None:
    rows[0] = row


def _put_in(rows: Any, name: str, value: Any) -> None:
    rows[name] = value


def _add(rows: Any, name: str, amount: int) -> None:
    rows[name] += amount
