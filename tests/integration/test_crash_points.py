"""A trader in a process of its own, killed in the middle of things: nothing is lost, doubled or forgotten."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from qt_ray.core.orders import OrderType
from tests.crash.metronome import COUNT
from tests.crash.points import NAMES, POINTS
from tests.crash.trader import come_to_rest
from tests.crash.trial import Trial, starved, tried
from tests.integration.accounts import PATIENCE_S, account_at, entry, venue_open

pytestmark = pytest.mark.integration

AT_A_TIME = 4


@pytest.mark.requirement("L7")
@pytest.mark.timeout(300)
def test_a_trader_killed_at_any_point_of_an_orders_life_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async def story() -> list[Trial]:
        free = asyncio.Semaphore(AT_A_TIME)

        async def one(number: int) -> Trial:
            async with free:
                folder = tmp_path / POINTS[number].name
                folder.mkdir()
                return await tried(POINTS[number], number, folder)

        return await asyncio.gather(*map(one, range(len(POINTS))))

    found = asyncio.run(story())
    assert {trial.point: trial.broken for trial in found} == {point.name: [] for point in POINTS}
    assert sum(trial.trades for trial in found) > 20


def test_a_day_that_comes_to_a_point_less_often_than_asked_is_lived_anew(tmp_path: Path) -> None:
    decided = replace(NAMES["p0"], most=COUNT + 1)
    found = asyncio.run(tried(decided, COUNT, tmp_path))
    assert (found.nth, found.broken) == ((COUNT + 1) // 2, [])


def test_an_entry_that_the_gateway_tries_again_by_itself_does_not_outlive_the_day(tmp_path: Path) -> None:
    async def story() -> str:
        async with venue_open() as venue, account_at(venue, tmp_path / "journal") as stage:
            price = (venue.exchange.last_price("BTCUSDT") * Decimal("0.98")).quantize(Decimal("0.1"))
            again = replace(entry(1, "0.01"), type=OrderType.LIMIT, limit_price=price)
            again = replace(again, client_id=again.client_id.removesuffix("0") + "1")
            stage.account.gateway.take(partial(stage.account.gateway.engine.want, again))
            working = asyncio.create_task(asyncio.sleep(PATIENCE_S))
            await asyncio.wait_for(come_to_rest(stage.account, working), PATIENCE_S)
            working.cancel()
            return stage.account.gateway.engine.book.orders[again.client_id].order.kind

    assert asyncio.run(story()) == "cancelled"


@pytest.mark.requirement("L7")
def test_a_trader_whose_disk_is_full_ends_and_its_successor_knows_everything(tmp_path: Path) -> None:
    found = asyncio.run(starved(5, tmp_path, file_bytes_max=4_000))
    assert found.broken == []
    assert found.trades > 0
