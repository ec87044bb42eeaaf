"""The emergency stop as a part, a gateway at work: no entry once it is acknowledged, and flat whatever is away."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.core.errors import Invalid
from qt_ray.core.limits import EssLimits
from qt_ray.core.notices import EmergencyTripped
from qt_ray.core.payloads import EmergencyTriggered
from qt_ray.core.policy import Policy
from qt_ray.governance.rulebook_entries import Author
from qt_ray.risk.ess import Cause
from tests.integration.gateways import BTC, House, Reader, placed
from tests.integration.gateways import play as play_house
from tests.integration.stops import Guarded, until

pytestmark = pytest.mark.integration

ANN = Author("ann", is_person=True)


def play(folder: Path, story: Callable[[Guarded], Awaitable[None]], ess: EssLimits | None = None) -> None:
    async def inside(house: House) -> None:
        async with house.at_work() as gateway:
            await story(Guarded(house, gateway))
        assert not house.ends

    play_house(folder, inside, Policy(ess=ess or EssLimits()))


async def filled(guarded: Guarded) -> Reader:
    """Hold a position and an entry that rests."""
    house, reader = guarded.house, Reader()
    bought = house.entry(1)
    await placed(house, guarded.gateway, bought, house.resting(2))
    await house.read(guarded.gateway, reader, lambda: reader.held.get(BTC, 0) != 0)
    return reader


def is_flat(house: House) -> bool:
    exchange = house.venue.exchange
    held = exchange.positions(FIRST_ACCOUNT)
    return not any(one.held.quantity for one in held) and not exchange.open_orders(FIRST_ACCOUNT)


@pytest.mark.requirement("L2", "S3 EmergencyStop")
def test_a_trip_is_fenced_flat_and_told_with_real_numbers(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        house = guarded.house
        async with guarded.at_post() as stop:
            reader = await filled(guarded)
            await until(stop, lambda _: bool(stop._sentry.purse.held))
            with pytest.raises(Invalid, match="has a reason"):
                await stop.trip(Cause.MANUAL, " ", "ann")
            await stop.trip(Cause.MANUAL, "the exchange is odd", "ann")
            await until(stop, lambda found: found.facts["state"] == "COOLING_DOWN")
            assert house.store.is_emergency_mode()
            assert is_flat(house)
            late = house.entry(3)
            await placed(house, guarded.gateway, late)
            await house.read(guarded.gateway, reader, lambda: late.client_id in reader.ended())
            assert is_flat(house)
            assert reader.held[BTC] == 0
            (tripped,) = guarded.told("system.emergency.tripped")
            (triggered,) = guarded.told("system.emergency.triggered")
            assert isinstance(tripped, EmergencyTripped)
            assert (tripped.cause, tripped.by) == ("manual", "ann")
            assert isinstance(triggered, EmergencyTriggered)
            assert triggered.residual == {}  # whether we or the stop at the venue closed it, the crash decides
            assert triggered.orders_canceled >= 2
            assert [past.what for past in await stop.history()] == ["tripped", "flat"]
            assert (await stop.status()).is_latched
            assert (await stop.condition()).facts["mode"] == "EMERGENCY"
            with pytest.raises(Invalid, match="cooldown"):
                await stop.clear(Cause.MANUAL, "ann", "it is over")

    play(tmp_path, story)


def test_the_way_to_the_store_is_walked_before_an_emergency_needs_it(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        async with guarded.at_post() as stop:
            await until(stop, lambda _: guarded.line.walked > 0)
            assert not guarded.house.store.is_emergency_mode()

    play(tmp_path, story)


def test_a_store_that_is_away_delays_no_close_and_hears_of_it_later(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        house = guarded.house
        async with guarded.at_post() as stop:
            await filled(guarded)
            guarded.line.is_away = house.line.is_away = True
            await stop.trip(Cause.MANUAL, "now", "ann")
            await until(stop, lambda found: found.facts["state"] == "COOLING_DOWN")
            assert is_flat(house)
            assert not house.store.is_emergency_mode()
            guarded.line.is_away = False
            await until(stop, lambda _: house.store.is_emergency_mode())

    play(tmp_path, story)


def test_a_stop_that_died_half_way_is_finished_by_the_next_life(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        await filled(guarded)
        first, close = guarded.build()
        await first.trip(Cause.MANUAL, "now", "ann")  # and the process dies before anything was carried out
        await close()  # type: ignore[misc]
        assert not is_flat(guarded.house)
        async with guarded.at_post(armed=False) as second:
            assert (await second.condition()).facts["state"] == "TRIPPED/FLATTENING"
            await until(second, lambda found: found.facts["state"] == "COOLING_DOWN")
            assert is_flat(guarded.house)
            assert guarded.house.store.is_emergency_mode()
            assert [past.what for past in await second.history()] == ["tripped", "flat"]

    play(tmp_path, story)


@pytest.mark.scenario
@pytest.mark.requirement("Scenario-3")
def test_a_withdrawal_is_no_loss_and_a_loss_is_seen_by_its_own_eyes(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        house = guarded.house
        async with guarded.at_post() as stop:
            await filled(guarded)
            house.venue.control.do("deposit", {"amount": "-3000"})
            await until(stop, lambda found: Decimal(found.facts["equity"]) < 7_500)
            await stop._sentry.confirm()
            assert (await stop.condition()).facts["state"] == "ARMED"
            big = house.entry(7, "0.3")
            # The books may still be comparing what is left of the money, and a gateway says no rather than wait.
            await house.until(guarded.gateway, lambda found: found.facts["lets_entries"])
            await placed(house, guarded.gateway, big)
            await until(stop, lambda _: stop._sentry.purse.held.get(BTC, (0, 0))[0] > Decimal("0.3"))
            house.venue.control.do("jump", {"symbol": BTC, "factor": "0.93"})
            await until(stop, lambda found: found.facts["state"] == "COOLING_DOWN")
            assert {"flash_crash"} <= {*(await stop.condition()).facts["causes"]}
            assert is_flat(house)
            assert house.store.is_emergency_mode()
            (triggered,) = guarded.told("system.emergency.triggered")
            assert isinstance(triggered, EmergencyTriggered)
            assert triggered.residual == {}  # whether we or the stop at the venue closed it, the crash decides

    play(tmp_path, story)


def test_a_desk_that_falls_silent_is_an_emergency_and_one_that_never_was_is_none(tmp_path: Path) -> None:
    async def story(guarded: Guarded) -> None:
        house = guarded.house
        guarded.desk.is_away = True
        async with guarded.at_post() as stop:
            await asyncio.sleep(1.8)
            assert (await stop.condition()).facts["state"] == "ARMED"
            guarded.desk.is_away = False
            await until(stop, lambda _: not stop._roll._rounds.absent())
            guarded.desk.is_away = True
            await until(stop, lambda found: found.facts["state"] == "COOLING_DOWN")
            assert (await stop.condition()).facts["causes"] == ["heartbeat_lost"]
            guarded.desk.is_away = False
            await until(stop, lambda _: stop._roll._rounds.is_well(["Desk", "Gateway"]))
            await until(stop, lambda _: stop._vigil.readings(stop._clock()).heartbeat_age_ms < 1_000)  # type: ignore[operator]
            await stop.clear(Cause.HEARTBEAT_LOST, "ann", "it lives")
            assert not guarded.latch.state().closed
            assert not house.store.is_emergency_mode()
            await until(stop, lambda found: found.facts["mode"] == "NORMAL")
            assert guarded.told("system.emergency.cause_cleared")
            assert guarded.told("system.emergency.recovered")

    play(tmp_path, story, EssLimits(heartbeat_age_max_ms=1_500, cooldown_ms=0))
