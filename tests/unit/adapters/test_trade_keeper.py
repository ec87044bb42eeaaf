"""The trade store of a running fund is kept beside everything else, and proves that it works when asked."""

import asyncio
from pathlib import Path

import pytest

from qt_ray.adapters.sqlite_trades import SqliteTrades
from qt_ray.adapters.trade_keeper import PROBE, TradeKeeper
from qt_ray.core.errors import Retryable
from qt_ray.core.orders import Side
from qt_ray.governance.trade_state import KEPT_MS, Trade, TradeStatus
from tests.conformance.bus_memory import MemoryBus
from tests.conformance.trade_memory import MemoryTrades
from tests.unit.monitoring import happenings as told

pytestmark = [pytest.mark.unit, pytest.mark.p0_patches]


@pytest.mark.requirement("P0-04")
def test_rows_follow_the_bus_and_survive_the_keeper(tmp_path: Path) -> None:
    async def story() -> None:
        bus = MemoryBus()
        keeper = TradeKeeper(lambda: SqliteTrades(tmp_path / "trades.db"))
        running = asyncio.create_task(keeper.run(bus, "trades"))
        while "trades" not in bus.groups:
            await asyncio.sleep(0)
        await bus.publish([told.submitted(), told.filled()])
        while bus.groups["trades"].next < 2 or bus.groups["trades"].pending:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running])
        again = TradeKeeper(lambda: SqliteTrades(tmp_path / "trades.db"))
        assert [trade.status for trade in await again.open_trades()] == [TradeStatus.OPEN]

    asyncio.run(story())


def test_what_another_life_told_late_opens_no_trade_in_this_one() -> None:
    async def story() -> None:
        store = MemoryTrades()
        keeper = TradeKeeper(lambda: store, since_ms=100)
        await keeper.commit(told.submitted(99))
        assert not keeper.knows(told.submitted(99))
        assert await keeper.open_trades() == ()
        await keeper.commit(told.submitted(100))
        assert len(await keeper.open_trades()) == 1

    asyncio.run(story())


def test_a_store_that_is_away_is_opened_when_it_is_back() -> None:
    async def story() -> None:
        store, is_away = MemoryTrades(), [True]

        def opened() -> MemoryTrades:
            if is_away[0]:
                raise Retryable("redis: a trade is answered, it was not")
            return store

        keeper = TradeKeeper(opened)
        with pytest.raises(Retryable):
            await keeper.commit(told.submitted())
        with pytest.raises(Retryable):
            await keeper.probe(1)
        is_away[0] = False
        await keeper.commit(told.submitted())
        assert len(await keeper.open_trades()) == 1

    asyncio.run(story())


def test_a_probe_writes_reads_and_leaves_nothing_behind() -> None:
    async def story() -> None:
        store = MemoryTrades()
        keeper = TradeKeeper(lambda: store)
        await keeper.probe(1)
        assert store.get(PROBE) is None
        store.save(Trade(PROBE, "PROBE", Side.BUY, told.ONE, PROBE, 1, 1))
        await keeper.probe(2)
        assert store.get(PROBE) is None

    asyncio.run(story())


def test_a_probe_notices_a_store_that_forgets() -> None:
    class Forgetful(MemoryTrades):
        def get(self, trade_id: str) -> Trade | None:
            return None

    with pytest.raises(Retryable, match="read as it was written"):
        asyncio.run(TradeKeeper(Forgetful).probe(1))


def test_old_trades_are_forgotten_and_vanished_ones_closed() -> None:
    async def story() -> None:
        store = MemoryTrades()
        keeper = TradeKeeper(lambda: store)
        for happened in (told.submitted(), told.filled(), told.held(20, 0)):
            await keeper.commit(happened)
        assert await keeper.settle(10**6) == 0
        assert await keeper.open_trades() == ()
        assert await keeper.settle(10**6 + KEPT_MS) == 1

    asyncio.run(story())
