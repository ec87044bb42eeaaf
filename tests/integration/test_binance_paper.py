import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.endpoints import Endpoints
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.binance.modes import Mode, ensure_mode
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.paper.venue import PaperSettings, PaperVenue
from qt_ray.core.orders import Intent, OrderType, Side
from qt_ray.execution.precision import Unfit, fit
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Done, Refused
from qt_ray.execution.venue.contracts import Fees, instrument_of
from qt_ray.execution.venue.news import AccountNews, AlgoNews, News, OrderNews, StreamDown, StreamUp, Unreadable
from qt_ray.execution.venue.views import OrderView
from qt_ray.market.ticks import BestPrice, BookTick, Candle, MarketTrade, MarkTick

pytestmark = pytest.mark.integration

BTC = "BTCUSDT"
Story = Callable[[PaperVenue, BinanceSession], Awaitable[None]]


@asynccontextmanager
async def paper() -> AsyncIterator[tuple[PaperVenue, BinanceSession]]:
    venue = PaperVenue(PaperSettings(symbols=(BTC, "ETHUSDT"), step_ms=20))
    await venue.start()
    endpoints = Endpoints(venue.base_url, venue.ws_url, venue.base_url)
    session = await BinanceSession.open(endpoints, Signer(PAPER_KEY, PAPER_SECRET))
    try:
        yield venue, session
    finally:
        await session.close()
        await venue.stop()


def play(story: Story) -> None:
    async def whole() -> None:
        async with paper() as (venue, session):
            await asyncio.wait_for(story(venue, session), 30)

    asyncio.run(whole())


def named(number: int) -> str:
    return f"qt-trend-00000000000000000000-{number}"


async def value(session: BinanceSession, call: calls.Call) -> Any:
    """Return what the venue did or shows; all of it readable."""
    answer = await session.ask(call)
    assert isinstance(answer, Done), answer
    assert answer.unread == ()
    return answer.value


async def orders_at(session: BinanceSession) -> tuple[Intent, Intent, Intent]:
    """Return an entry, a resting order below it and a stop, on the venue's grid."""
    rules = (await value(session, calls.AskRules())).symbols[BTC]
    mark = (await value(session, calls.AskMarks()))[BTC].mark
    entry = Intent(named(0), BTC, Side.BUY, OrderType.MARKET, Decimal("0.0104"), "d", 1, 1)
    resting = replace(entry, client_id=named(1), type=OrderType.LIMIT, limit_price=mark * Decimal("0.97"))
    protects = {"type": OrderType.STOP_MARKET, "trigger_price": mark * Decimal("0.9"), "reduce_only": True}
    stop = replace(entry, client_id=named(2), side=Side.SELL, **protects)
    found = [fit(one, rules, mark) for one in (entry, resting, stop)]
    fitted = [one for one in found if not isinstance(one, Unfit)]
    assert len(fitted) == 3
    return fitted[0], fitted[1], fitted[2]


async def heard(news: AsyncIterator[News], enough: Callable[[list[News]], bool]) -> list[News]:
    """Return what is told until it is enough."""
    told: list[News] = []
    async for one in news:
        assert not isinstance(one, Unreadable), one
        told.append(one)
        if enough(told):
            break
    return told


def reports(told: Iterable[News], number: int) -> list[str]:
    return [one.event for one in told if isinstance(one, OrderNews) and one.client_id == named(number)]


def test_an_order_lives_and_dies_as_it_is_told() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        news = session.news()
        assert isinstance(await anext(news), StreamUp)
        entry, resting, stop = await orders_at(session)
        bought: OrderView = await value(session, calls.Place(entry))
        assert (bought.status, bought.executed) == ("FILLED", Decimal("0.010"))
        view = await value(session, calls.Place(resting))
        assert (view.status, view.limit_price) == ("NEW", resting.limit_price)
        amend = calls.Amend(BTC, named(1), Side.BUY, Decimal("0.02"), (resting.limit_price or 0) - 1)
        assert (await value(session, amend)).quantity == Decimal("0.02")
        assert [o.client_id for o in await value(session, calls.AskOpenOrders(BTC))] == [named(1)]
        assert (await value(session, calls.Cancel(BTC, named(1)))).status == "CANCELED"
        assert await session.ask(calls.Cancel(BTC, named(1))) == Refused(-2011, "Unknown order sent.")
        assert (await value(session, calls.Place(stop))).trigger_price == stop.trigger_price
        assert [o.client_id for o in await value(session, calls.AskOpenOrders(None, True))] == [named(2)]
        assert (await value(session, calls.Cancel(BTC, named(2), True))).status == "CANCELED"
        told = await heard(news, lambda told: [type(one) for one in told].count(AlgoNews) == 2)
        assert reports(told, 0) == ["NEW", "TRADE"]
        assert reports(told, 1) == ["NEW", "AMENDMENT", "CANCELED"]
        assert [one.status for one in told if isinstance(one, AlgoNews)] == ["NEW", "CANCELED"]
        (account,) = [one for one in told if isinstance(one, AccountNews)]
        (trade,) = await value(session, calls.AskTrades(BTC))
        (told_trade,) = [one.execution for one in told if isinstance(one, OrderNews) and one.execution]
        assert trade.execution == told_trade
        assert account.wallets == {"USDT": Decimal(10_000) - told_trade.fee}
        assert (await value(session, calls.AskAccount())).wallets == account.wallets
        (position,) = await value(session, calls.AskPositions())
        assert (position.quantity, position.entry) == (account.positions[0].quantity, account.positions[0].entry)
        (fee,) = await value(session, calls.AskIncome(0, "COMMISSION"))
        assert (fee.amount, fee.trade_id) == (-told_trade.fee, str(told_trade.trade_id))

    play(story)


def test_batches_answer_in_order_and_the_rest_is_swept() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        _, resting, stop = await orders_at(session)
        good, huge = replace(resting, client_id=named(3)), replace(resting, client_id=named(4), quantity=Decimal(900))
        placed = await value(session, calls.PlaceMany((good, huge)))
        assert [type(one) for one in placed] == [Done, Refused]
        cancelled = await value(session, calls.CancelMany(BTC, (named(9), named(3))))
        assert [type(one) for one in cancelled] == [Refused, Done]
        await value(session, calls.Place(resting))
        assert isinstance(await session.ask(calls.Place(resting)), Refused)
        await value(session, calls.Place(replace(stop, reduce_only=False)))
        await value(session, calls.Countdown(BTC, 60_000))
        await value(session, calls.CancelAll(BTC))
        await value(session, calls.CancelAll(BTC, True))
        assert await value(session, calls.AskOpenOrders()) == ()
        assert await value(session, calls.AskOpenOrders(None, True)) == ()
        assert (await value(session, calls.AskOrder(BTC, named(1)))).status == "CANCELED"

    play(story)


def test_the_account_is_set_and_every_rule_becomes_an_instrument() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        differences = await ensure_mode(session, Mode({BTC: 5, "ETHUSDT": 20}, isolated=True))
        assert isinstance(differences, list)
        assert {one.setting: one.mended for one in differences} == {
            f"{BTC} leverage": True,
            f"{BTC} margin": True,
            "ETHUSDT margin": True,
        }
        assert await ensure_mode(session, Mode({BTC: 5}, isolated=True)) == []
        rules, brackets = await value(session, calls.AskRules()), await value(session, calls.AskBrackets())
        for symbol, found in rules.symbols.items():
            instrument_of(found, brackets[symbol], Fees(Decimal("0.0002"), Decimal("0.0005")))
        key = await value(session, calls.AskKey())
        assert (key.may_trade, key.may_withdraw) == (True, False)
        assert abs(await value(session, calls.AskTime()) - venue.hall.market_ms()) < 1_000
        assert (session.usage().weight_minute or 0) > 0

    play(story)


def test_the_market_is_heard_whole() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        wanted = {BestPrice, BookTick, MarketTrade, MarkTick, Candle}
        trades: list[int] = []
        async for tick in session.market(Wanted((BTC,), frozenset(Stream))).listen():
            assert not isinstance(tick, Unreadable), tick
            wanted.discard(type(tick))
            if isinstance(tick, MarketTrade):
                trades.append(tick.id)
            if isinstance(tick, BookTick):
                assert tick.bids[0][0] < tick.asks[0][0]
            if not wanted and len(trades) >= 5:
                break
        assert trades == list(range(trades[0], trades[0] + len(trades)))

    play(story)


def test_sockets_that_the_venue_closes_leave_a_told_gap() -> None:
    async def story(venue: PaperVenue, session: BinanceSession) -> None:
        news = session.news()
        await anext(news)
        venue.front.close(lambda listener: True)
        told = await heard(news, lambda told: isinstance(told[-1], StreamUp))
        assert [type(one) for one in told] == [StreamDown, StreamUp]
        entry, _, _ = await orders_at(session)
        await value(session, calls.Place(entry))
        told = await heard(news, lambda told: "TRADE" in reports(told, 0))
        assert reports(told, 0) == ["NEW", "TRADE"]

    play(story)
