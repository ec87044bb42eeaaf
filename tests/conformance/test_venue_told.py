"""The venue port, whoever stands behind it: what an account is told unasked, and in which order."""

from decimal import Decimal

import pytest

from qt_ray.core.orders import OrderType, Side
from qt_ray.execution.exchange.listing import Level, Quote
from qt_ray.execution.exchange.values import NewOrder
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.news import AccountNews, AlgoNews, LeverageNews, News, OrderNews
from tests.conformance.houses import ACCOUNT, BTC, HOUSES, WALLET, House, limit, market, play, stop, words

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", HOUSES)]

D = Decimal


def test_each_fill_is_told_by_the_account_first_and_then_by_its_order(kind: str) -> None:
    async def story(house: House) -> None:
        asks = (Level(D("70000.1"), D("0.004")), Level(D("70000.2"), D("0.004")), Level(D("70000.3"), D(1)))
        deep = Quote(BTC, (Level(D("69999.9"), D(1)),), asks, D(70_000), D(70_000), D(70_000), D(0), 1)
        house.world(lambda exchange, now_ms: exchange.quote(deep, now_ms))
        async with house.ear() as ear:
            placed = await house.done(calls.Place(market("m")))
            assert await ear.words("m TRADE FILLED") == [
                "m NEW NEW",
                "account ORDER",
                "m TRADE PARTIALLY_FILLED",
                "account ORDER",
                "m TRADE PARTIALLY_FILLED",
                "account ORDER",
                "m TRADE FILLED",
            ]
        fills = [one.execution for one in ear.told if isinstance(one, OrderNews) and one.execution]
        assert [(one.price, one.quantity) for one in fills] == [
            (D("70000.1"), D("0.004")),
            (D("70000.2"), D("0.004")),
            (D("70000.3"), D("0.002")),
        ]
        assert {one.venue_id for one in ear.told if isinstance(one, OrderNews)} == {placed.venue_id}
        assert fills == [one.execution for one in await house.done(calls.AskTrades(BTC))]

    play(kind, story)


def test_the_account_tells_wallet_and_position_as_they_are_afterwards(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            await house.done(calls.Place(market("m")))
            await ear.words("m TRADE FILLED")
        (account,) = [one for one in ear.told if isinstance(one, AccountNews)]
        (trade,) = await house.done(calls.AskTrades(BTC))
        assert account.wallets == {"USDT": WALLET - trade.execution.fee}
        assert account.changes == {}
        (held,) = account.positions
        assert (held.symbol, held.quantity, held.entry) == (BTC, D("0.01"), D("70000.1"))

    play(kind, story)


def test_a_resting_order_is_told_from_birth_to_end(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            await house.done(calls.Place(limit("l", "69000")))
            await house.done(calls.Amend(BTC, "l", Side.BUY, D("0.02"), D(69_100)))
            house.move(D(69_000), depth="0.005")
            await house.done(calls.Cancel(BTC, "l"))
            found = await ear.words("l CANCELED CANCELED")
        assert found[:2] == ["l NEW NEW", "l AMENDMENT NEW"]
        assert found[2:-1] == ["account ORDER", "l TRADE PARTIALLY_FILLED"]
        fill = next(one for one in ear.told if isinstance(one, OrderNews) and one.execution)
        assert (fill.execution.maker, fill.execution.price) == (True, D(69_100))  # type: ignore[union-attr]
        amended = next(one for one in ear.told if isinstance(one, OrderNews) and one.event == "AMENDMENT")
        assert (amended.quantity, amended.limit_price) == (D("0.02"), D(69_100))

    play(kind, story)


def test_a_stop_is_told_to_its_end_and_its_fills_bear_our_name(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("m")))
        async with house.ear() as ear:
            await house.done(calls.Place(stop("s", "69000")))
            house.move(D(68_900))
            assert await ear.words("s algo FINISHED") == [
                "s algo NEW",
                "s algo TRIGGERING",
                "s algo TRIGGERED",
                "s NEW NEW",
                "account ORDER",
                "s TRADE FILLED",
                "s algo FINISHED",
            ]
        child = next(one for one in ear.told if isinstance(one, OrderNews))
        ends = [one for one in ear.told if isinstance(one, AlgoNews)]
        assert [one.child_id for one in ends] == [None, None, child.venue_id, child.venue_id]
        assert (ends[0].trigger_price, ends[0].reduce_only, child.type) == (D(69_000), True, OrderType.MARKET)

    play(kind, story)


def test_a_stop_that_finds_nothing_to_close_says_why(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            await house.done(calls.Place(stop("s", "69000")))
            house.move(D(68_900))
            assert await ear.words("s algo REJECTED") == ["s algo NEW", "s algo TRIGGERING", "s algo REJECTED"]
        last = ear.told[-1]
        assert isinstance(last, AlgoNews)
        assert last.reason

    play(kind, story)


def test_an_ended_order_says_so_whoever_ended_it(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            for name in ("a", "b"):
                await house.done(calls.Place(limit(name, "69000")))
            await house.done(calls.Place(stop("s", "60000")))
            await house.done(calls.CancelAll(BTC))
            await house.done(calls.CancelAll(BTC, True))
            found = await ear.words("s algo CANCELED")
        assert found[3:] == ["a CANCELED CANCELED", "b CANCELED CANCELED", "s algo CANCELED"]

    play(kind, story)


def test_funding_is_told_with_what_it_took(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("m")))
        before = (await house.done(calls.AskAccount())).wallets["USDT"]
        async with house.ear() as ear:
            house.world(lambda exchange, now_ms: exchange.fund(BTC, D("0.001"), now_ms))
            await ear.words("account FUNDING_FEE")
        (told,) = [one for one in ear.told if isinstance(one, AccountNews)]
        assert (told.changes, told.wallets) == ({"USDT": D("-0.7")}, {"USDT": before - D("0.7")})

    play(kind, story)


def test_money_that_comes_from_outside_is_told(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            house.world(lambda exchange, now_ms: exchange.deposit(ACCOUNT, "USDT", D(250), now_ms))
            await ear.words("account DEPOSIT")
        (told,) = ear.told
        assert isinstance(told, AccountNews)
        assert (told.wallets, told.changes, told.positions) == ({"USDT": WALLET + 250}, {"USDT": D(250)}, ())

    play(kind, story)


def test_an_order_that_we_never_sent_is_told_like_our_own(kind: str) -> None:
    async def story(house: House) -> None:
        wanted = NewOrder(BTC, Side.BUY, OrderType.LIMIT, D("0.01"), D(69_000), client_id="somebody")
        async with house.ear() as ear:
            house.world(lambda exchange, now_ms: exchange.place(ACCOUNT, wanted, now_ms))
            await ear.words("somebody NEW NEW")
        (shown,) = await house.done(calls.AskOpenOrders())
        assert (shown.client_id, shown.limit_price) == ("somebody", D(69_000))
        assert (await house.done(calls.CancelById(BTC, shown.venue_id))).status == "CANCELED"

    play(kind, story)


def test_leverage_is_told_whoever_sets_it(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as ear:
            await house.done(calls.SetLeverage(BTC, 5))
            house.world(lambda exchange, now_ms: exchange.set_leverage(ACCOUNT, BTC, 7, now_ms))
            told = await ear.until(lambda told: len(told) == 2)
        assert [(one.symbol, one.leverage) for one in told if isinstance(one, LeverageNews)] == [(BTC, 5), (BTC, 7)]

    play(kind, story)


def forced(told: list[News]) -> list[OrderNews]:
    return [one for one in told if isinstance(one, OrderNews) and one.client_id.startswith("autoclose-")]


def closed(told: list[News]) -> Decimal:
    return sum((one.execution.quantity for one in forced(told) if one.execution), D(0))


def test_a_liquidation_is_warned_of_and_told_under_the_venues_name(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.SetLeverage(BTC, 50))
        await house.done(calls.Place(market("m", quantity="40")))
        await house.done(calls.Place(limit("l", "67000")))
        async with house.ear() as ear:
            house.move(D(68_000))
            house.move(D(67_500))
            told = await ear.until(lambda told: closed(told) == 40)
        assert {one.event for one in forced(told)} == {"NEW", "CALCULATED"}
        heard = words(told)
        assert heard.index("MarginCallNews") < heard.index("l EXPIRED EXPIRED") < told.index(forced(told)[0])
        assert [one for one in await house.done(calls.AskPositions()) if one.quantity] == []

    play(kind, story)


def test_two_listeners_hear_the_same(kind: str) -> None:
    async def story(house: House) -> None:
        async with house.ear() as one, house.ear() as other:
            await house.done(calls.Place(market("m")))
            assert await one.words("m TRADE FILLED") == await other.words("m TRADE FILLED")
            assert one.told == other.told

    play(kind, story)
