"""A trader in a process of its own, killed in the middle of things: nothing is lost, doubled or forgotten."""

import asyncio
from pathlib import Path

import pytest

from tests.crash.points import POINTS
from tests.crash.trial import Trial, starved, tried

pytestmark = pytest.mark.integration

AT_A_TIME = 4


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


def test_a_trader_whose_disk_is_full_ends_and_its_successor_knows_everything(tmp_path: Path) -> None:
    found = asyncio.run(starved(5, tmp_path, file_bytes_max=4_000))
    assert found.broken == []
    assert found.trades > 0
