"""Inquest: what a venue says happened to an account, against what the fund's files say, while its parts are killed.

The venue is asked with a session of the inquest's own, books and journals are read off the disk, and the sums are the
checker's, which shares no code with either. A fund at work is a step ahead of whoever looks, so a difference counts
once it has stayed for as long as a restart may take.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Final

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.trading.opening import told
from qt_ray.adapters.trading.places import Places
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.orders import OrderType
from qt_ray.execution.sight import STRATEGY as FLATTENING
from qt_ray.execution.venue.calls import AskAccount, AskOpenOrders, AskPositions
from qt_ray.execution.venue.views import OrderView, PositionView
from qt_ray.jobs.drill import Doors
from tests.crash.checker import Story, doubled, fills_differ, gaps, journal_story, orphans, venue_story

CURRENCY: Final = "USDT"
SETTLES_S: Final = 20.0
LOOK_S, LOOK_S_MAX = 0.1, 2.0
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Finding:
    """How long it took until nothing differed any more, and what still did when the time was over."""

    settled_s: float
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account stands at the venue, as its REST tells."""

    wallet: Decimal
    positions: tuple[PositionView, ...]
    waiting: tuple[OrderView, ...]


class Inquest:
    """Looks at one account from outside, as often as it is asked to."""

    def __init__(self, session: BinanceSession, places: Places, trade_log: Path) -> None:
        self._session, self._places, self._log = session, places, trade_log

    @classmethod
    async def open(cls, doors: Doors, places: Places, trade_log: Path) -> "Inquest":
        """Return an inquest with a session of its own."""
        endpoints = Endpoints(doors.rest, doors.streams, doors.rest)
        return cls(await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET)), places, trade_log)

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    @property
    def venue(self) -> Story:
        """Return what the venue has written down until now."""
        return venue_story(self._log)

    async def settled(self, within_s: float = SETTLES_S) -> Finding:
        """Look until nothing differs, or until a difference has stayed for so long."""
        began, wait_s = perf_counter(), LOOK_S
        while broken := await self._differences():
            if perf_counter() - began > within_s:
                return Finding(perf_counter() - began, tuple(broken))
            # Questions are counted for the address that they come from, which is the fund's own.
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LOOK_S_MAX)
        return Finding(perf_counter() - began)

    async def _differences(self) -> list[str]:
        """Read the files, and ask the venue once they agree with each other."""
        try:
            journal = journal_story(self._places.journal)
            found = list(stories_differ(self.venue, journal))
            return found or list(standing_differs(journal, await self._standing()))
        except (Invalid, Retryable, OSError) as error:
            return [f"V1 books and venue can be read, {error}"]

    async def _standing(self) -> Standing:
        account = await told(self._session, AskAccount())
        held = [view for view in await told(self._session, AskPositions()) if view.quantity != 0]
        asked = [await told(self._session, AskOpenOrders(view.symbol, conditional=True)) for view in held]
        return Standing(account.wallets.get(CURRENCY, ZERO), tuple(held), tuple(one for many in asked for one in many))


def stories_differ(venue: Story, journal: Story) -> Iterator[str]:
    """Yield all in which what the venue has written down and what the gateway has differ."""
    yield from fills_differ(venue, journal)
    yield from doubled(venue)
    # What an emergency closes is in the record of the emergency, and in no journal of the gateway's.
    yield from (said for said in orphans(venue, journal) if f" qt-{FLATTENING}-" not in said)


def standing_differs(journal: Story, standing: Standing) -> Iterator[str]:
    """Yield all in which the journal differs from how the account stands, and what stands without a stop."""
    yield from positions_differ(journal, standing.positions)
    yield from wallet_differs(journal, standing.wallet)
    yield from unprotected(standing)


def positions_differ(journal: Story, positions: Iterable[PositionView]) -> Iterator[str]:
    """V2: what the journal's trades sum up to is what the venue holds."""
    theirs, ours = {view.symbol: view.quantity for view in positions}, dict[str, Decimal]()
    for line in journal.of("traded"):
        sign = 1 if line["side"] == "BUY" else -1
        ours[line["symbol"]] = ours.get(line["symbol"], ZERO) + sign * Decimal(line["execution"]["quantity"])
    ours = {symbol: quantity for symbol, quantity in ours.items() if quantity}
    if theirs != ours:
        yield f"V2 {shown(theirs)} was {shown(ours)}"


def wallet_differs(journal: Story, wallet: Decimal) -> Iterator[str]:
    """V3: the venue's wallet is the opening's, plus what trades realised less their fees, plus what else moved it."""
    (opening,) = journal.of("opening")
    ours = Decimal(opening["wallets"][CURRENCY])
    ours += sum((Decimal(line["realised"]) - Decimal(line["execution"]["fee"]) for line in journal.of("traded")), ZERO)
    ours += sum((Decimal(line["amount"]) for line in journal.of("moved") if line["asset"] == CURRENCY), ZERO)
    if wallet != ours:
        yield f"V3 {wallet} was {ours}"


def unprotected(standing: Standing) -> Iterator[str]:
    """V9: every position has stops at the venue that can only lessen it, and that cover all of it."""
    for view in standing.positions:
        covered = sum((one.quantity for one in standing.waiting if _protects(one, view)), ZERO)
        if covered < abs(view.quantity):
            yield f"V9 {view.symbol} holds {view.quantity}, stops cover {covered}"


def bare_ms(venue: Story, kills: Iterable[tuple[int, int]]) -> tuple[list[float], list[float]]:
    """Return the times for which a new position had no stop: those that no kill of its guardian touched, and others."""
    calm, hurt, spans = list[float](), list[float](), tuple(kills)
    for since_ms, until_ms in gaps(venue):
        is_hurt = any(since_ms <= ready_ms and until_ms >= killed_ms for killed_ms, ready_ms in spans)
        (hurt if is_hurt else calm).append(float(until_ms - since_ms))
    return calm, hurt


def shown(positions: Mapping[str, Decimal]) -> str:
    """Return positions as one word for each."""
    return " ".join(f"{symbol}:{quantity}" for symbol, quantity in sorted(positions.items())) or "flat"


def _protects(order: OrderView, position: PositionView) -> bool:
    is_stop = order.type is OrderType.STOP_MARKET and order.reduce_only
    return is_stop and order.symbol == position.symbol and order.side.sign * position.quantity < 0
