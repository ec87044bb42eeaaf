"""An emergency of the job that carries it out, with its own key: second causes, crashes, revoked keys, odd sizes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.flattener import Means, RealClock, flatten
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperVenue
from qt_ray.core.orders import Intent, OrderType, PositionSide, Side
from qt_ray.execution.flatten import Flattening
from qt_ray.execution.venue.calls import Answer, AskPositions, Call, CancelAll, Place, Refused, SetHedgeMode
from qt_ray.execution.venue.news import News
from qt_ray.jobs.emergency import Order, resume, stop
from qt_ray.risk.ess import Emergency, EssState
from tests.integration.emergencies import SYMBOLS, ess_of, is_flat, named, open_all, play, value

pytestmark = pytest.mark.integration

BTC = "BTCUSDT"
UNLIMITED = 10**9
# Before the first cancel, during the first look, at each of the closes, and before the venue has shown that it is flat.
CALLS_CUT = (1, 4, 7, 8, 10)


class Meddled:
    """A session that does something before each call is asked; what it returns may keep the call from ever leaving."""

    def __init__(self, session: BinanceSession, meddle: Callable[[Call], asyncio.Event | None]) -> None:
        self._session, self._meddle = session, meddle

    async def ask(self, call: Call) -> Answer[Any]:
        if (never := self._meddle(call)) is not None:
            await never.wait()
        return await self._session.ask(call)

    def news(self) -> AsyncIterator[News]:
        return self._session.news()

    async def close(self) -> None:
        await self._session.close()


def order_in(folder: Path) -> Order:
    return Order("main", folder / "latch.json", "drawdown", "machine", SYMBOLS)


def unheard(emergency: Emergency, at_ms: int) -> None:
    assert emergency.state.is_latched


def test_45_a_venue_that_hangs_and_cuts_half_of_all_connections_ends_flat(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        async with ess_of(venue) as ess:
            venue.faults.add(Rule(Deed.DELAY_BEFORE, method="GET", path="*positionRisk", nth=1, delay_ms=3_500))
            venue.faults.add(Rule(Deed.DROP_BEFORE, path="/fapi/*", probability=0.25))
            venue.faults.add(Rule(Deed.DROP_AFTER, path="/fapi/*", probability=0.25))
            report, emergency = await stop(ess, order_in(tmp_path), unheard)
            venue.faults.remove()
        assert (report.flat_ms or 0) - report.tripped_ms < 30_000
        assert emergency.state is EssState.COOLING_DOWN
        assert await is_flat(session)

    play(story)


def test_46_a_close_that_fails_is_tried_again_though_a_second_activation_arrives_meanwhile(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        venue.faults.add(Rule(Deed.DROP_BEFORE, method="POST", path="/fapi/v1/order", count=2))
        flattening = Flattening("main", 1, 1, SYMBOLS, {}, now_ms())

        def again(call: Call) -> None:
            if isinstance(call, Place):
                flattening.activate(now_ms())

        means = Means(Latch(tmp_path / "latch.json"), RealClock(), lambda signal, at_ms: None)
        report = await flatten(Meddled(session, again), flattening, means, "drawdown", "machine")
        assert report.attempts >= 2
        assert await is_flat(session)

    play(story)


def test_46_two_emergencies_at_once_end_flat_and_turn_nothing_round(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        async with ess_of(venue) as ess:
            both = (stop(one, order_in(tmp_path), unheard) for one in (session, ess))
            reports = [report for report, _ in await asyncio.gather(*both)]
        assert all(report.residual == () for report in reports)
        assert await is_flat(session)

    play(story)


def test_47_an_order_that_fills_while_its_cancel_is_under_way_is_closed_too(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        jumped: list[Call] = []

        def crash(call: Call) -> None:
            if isinstance(call, CancelAll) and not jumped:
                jumped.append(call)
                venue.control.do("jump", {"symbol": BTC, "factor": "0.9"})

        await stop(Meddled(session, crash), order_in(tmp_path), unheard)
        assert jumped
        assert await is_flat(session)

    play(story)


def test_48_a_crash_at_any_step_leaves_the_latch_closed_and_the_restart_ends_what_was_begun(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        venue.hall.limits.weight_minute = UNLIMITED
        for step in CALLS_CUT:
            await open_all(session, scene=step)
            order = replace(order_in(tmp_path), latch=tmp_path / f"latch-{step}.json")
            await cut_short(session, order, step)
            remembered = Latch(order.latch).state()
            assert (remembered.closed, remembered.epoch) == (True, 1)
            states: list[EssState] = []
            found = await resume(session, order, lambda emergency, at_ms, to=states: to.append(emergency.state))
            assert found is not None
            assert states[0] is EssState.FLATTENING
            assert states[-1] is EssState.COOLING_DOWN
            assert (Latch(order.latch).state().epoch, Latch(order.latch).state().reason) == (2, "drawdown")
            assert await is_flat(session)

    play(story)


async def cut_short(session: BinanceSession, order: Order, step: int) -> None:
    """Stop until the call of that number is about to leave, and die there."""
    reached, never, calls = asyncio.Event(), asyncio.Event(), [0]

    def die(call: Call) -> asyncio.Event | None:
        calls[0] += 1
        if calls[0] < step:
            return None
        reached.set()
        return never

    task = asyncio.create_task(stop(Meddled(session, die), order, unheard))
    await asyncio.wait_for(reached.wait(), 20)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_a_restart_without_an_emergency_begins_none(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        assert await resume(session, order_in(tmp_path), unheard) is None

    play(story)


def test_when_the_traders_key_is_revoked_in_mid_position_the_emergency_stops_own_key_flattens(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        venue.control.do("key", {})
        refused = await session.ask(AskPositions())
        assert isinstance(refused, Refused)
        assert refused.code == -2015
        async with ess_of(venue) as ess:
            await stop(ess, order_in(tmp_path), unheard)
            assert await is_flat(ess)

    play(story)


@pytest.mark.parametrize("parts", [{}, {BTC: Decimal(100)}, {BTC: Decimal("0.004")}], ids=["unknown", "old", "known"])
def test_a_position_larger_than_one_market_order_may_be_is_closed_in_parts(
    tmp_path: Path, parts: dict[str, Decimal]
) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        venue.control.do("relist", {"symbol": BTC, "market_quantity_max": "0.004"})
        report, _ = await stop(session, replace(order_in(tmp_path), parts=parts), unheard)
        assert report.closes >= 4
        assert await is_flat(session)

    play(story)


def test_both_sides_of_hedge_mode_are_closed_in_parts_with_their_orders(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await value(session, SetHedgeMode(hedge=True))
        await open_all(session, PositionSide.LONG)
        short = Intent(
            named(90), BTC, Side.SELL, OrderType.MARKET, Decimal("0.02"), "d", 1, 1, position_side=PositionSide.SHORT
        )
        await value(session, Place(short))
        venue.control.do("relist", {"symbol": BTC, "market_quantity_max": "0.008"})
        await stop(session, order_in(tmp_path), unheard)
        assert await is_flat(session)

    play(story)


def test_dust_below_the_least_order_is_closed_as_well(tmp_path: Path) -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        await open_all(session)
        venue.control.do("relist", {"symbol": BTC, "notional_min": "50000"})
        await stop(session, order_in(tmp_path), unheard)
        assert await is_flat(session)

    play(story)
