"""Greater orders over real sockets: each style in its turn, never above its parent, and told what it cost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.venue import PaperSettings
from qt_ray.adapters.trading.smart_loop import SmartLoop
from qt_ray.core.ids import decision_id
from qt_ray.core.orders import Intent, OrderType
from qt_ray.execution.gateway.smart import Style, Tactics, Urgency
from tests.integration.accounts import SYMBOLS, Stage, account_at, entry, venue_open

pytestmark = [pytest.mark.integration, pytest.mark.requirement("S4 SmartExecution")]

SPREAD = Tactics(
    impact_free_bps=Decimal(0),
    impact_max_bps=Decimal(0),
    depth_share_max=Decimal("0.0001"),
    parts_max=3,
    part_every_ms=50,
)
REST = replace(SPREAD, impact_max_bps=Decimal(1_000))
Story = Callable[[Stage], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        settings = PaperSettings(symbols=SYMBOLS, seed=7, step_ms=0)
        async with venue_open(settings) as venue, account_at(venue, folder) as stage:
            await asyncio.wait_for(story(stage), 20)

    asyncio.run(whole())


def held(stage: Stage) -> Decimal:
    return stage.venue.exchange.positions(FIRST_ACCOUNT, "BTCUSDT")[0].held.quantity


def wanted(quantity: str = "0.012") -> Intent:
    intent = entry(1, quantity)
    assert intent.type is OrderType.MARKET
    return replace(intent, decision_id=decision_id("fund", 1, "BTCUSDT", 1))


def test_what_cannot_wait_is_taken_at_once_and_its_slippage_is_that_of_the_trades(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        smart = SmartLoop(stage.account, stage.session, Tactics())
        done = await smart.carry(wanted(), Urgency.NOW, 5_000)
        assert (done.plan.style, done.declined) == (Style.MARKET, "")
        trades = stage.venue.exchange.trades(FIRST_ACCOUNT, "BTCUSDT")
        paid = sum(t.quantity * t.price for t in trades)
        assert done.slippage.executed == Decimal("0.012")
        assert done.slippage.cost == paid - done.slippage.executed * done.plan.arrival
        assert done.slippage.cost > 0

    play(tmp_path, story)


def test_over_time_every_part_trades_and_their_sum_is_the_order(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        smart = SmartLoop(stage.account, stage.session, SPREAD)
        done = await smart.carry(wanted(), Urgency.SOON, 10_000)
        assert done.plan.style is Style.TWAP
        assert len(done.plan.parts) == 3
        assert done.slippage.executed == held(stage) == Decimal("0.012")

    play(tmp_path, story)


@pytest.mark.parametrize(("urgency", "style"), [(Urgency.SOON, Style.LIMIT), (Urgency.PATIENT, Style.ICEBERG)])
def test_a_maker_that_nobody_meets_is_ended_when_patience_is(tmp_path: Path, urgency: Urgency, style: Style) -> None:
    async def story(stage: Stage) -> None:
        smart = SmartLoop(stage.account, stage.session, REST)
        carrying = asyncio.create_task(smart.carry(wanted(), urgency, 700))
        await stage.until(lambda: bool(stage.venue.exchange.open_orders(FIRST_ACCOUNT)))
        assert len(stage.venue.exchange.open_orders(FIRST_ACCOUNT)) == 1
        done = await carrying
        assert done.plan.style is style
        assert done.slippage.executed == held(stage) == 0
        assert not stage.venue.exchange.open_orders(FIRST_ACCOUNT)

    play(tmp_path, story)


def test_a_part_that_is_declined_ends_the_order_with_its_reason(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        smart = SmartLoop(stage.account, stage.session, Tactics())
        done = await smart.carry(replace(wanted(), epoch=99), Urgency.NOW, 5_000)
        assert "an entry is of the epoch in force" in done.declined
        assert done.slippage.executed == 0

    play(tmp_path, story)
