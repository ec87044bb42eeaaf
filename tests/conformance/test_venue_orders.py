"""The venue port, whoever stands behind it: what orders do and how each call is answered."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from qt_ray.core.orders import OrderType, PositionSide, Side, TimeInForce
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.calls import Done, Refused
from tests.conformance.houses import BTC, ETH, HOUSES, House, limit, market, play, stop

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("kind", HOUSES),
    pytest.mark.requirement("S4 OrderGateway"),
]

D = Decimal
CONDITIONAL = [
    stop("c", "60000"),
    stop("c", "60000", type=OrderType.STOP, limit_price=D(59_900)),
    stop("c", "80000", type=OrderType.TAKE_PROFIT_MARKET),
    stop("c", "80000", type=OrderType.TAKE_PROFIT, limit_price=D(80_100)),
    stop("c", "80000", Side.BUY, reduce_only=False),
]


def test_a_market_order_is_filled_when_it_is_answered(kind: str) -> None:
    async def story(house: House) -> None:
        placed = await house.done(calls.Place(market("m")))
        assert (placed.status, placed.executed, placed.average_price) == ("FILLED", D("0.01"), D("70000.1"))
        assert (placed.limit_price, placed.trigger_price, placed.conditional) == (None, None, False)
        asked = await house.done(calls.AskOrder(BTC, "m"))
        assert (asked.venue_id, asked.status, asked.executed) == (placed.venue_id, "FILLED", D("0.01"))

    play(kind, story)


def test_a_limit_order_rests_and_is_asked_for_and_cancelled_by_our_name(kind: str) -> None:
    async def story(house: House) -> None:
        placed = await house.done(calls.Place(limit("l", "69000")))
        assert (placed.status, placed.limit_price, placed.time_in_force) == ("NEW", D(69_000), "GTC")
        assert [one.client_id for one in await house.done(calls.AskOpenOrders(BTC))] == ["l"]
        assert await house.done(calls.AskOpenOrders(ETH)) == ()
        assert [one.client_id for one in await house.done(calls.AskOpenOrders())] == ["l"]
        assert (await house.done(calls.Cancel(BTC, "l"))).status == "CANCELED"
        assert (await house.done(calls.AskOrder(BTC, "l"))).status == "CANCELED"
        assert await house.done(calls.AskOpenOrders()) == ()

    play(kind, story)


@pytest.mark.parametrize("conditional", [False, True])
def test_an_order_is_cancelled_by_the_venues_number(kind: str, conditional: bool) -> None:
    async def story(house: House) -> None:
        placed = await house.done(calls.Place(stop("n", "60000") if conditional else limit("n", "69000")))
        ended = await house.done(calls.CancelById(BTC, placed.venue_id, conditional))
        assert (ended.client_id, ended.status) == ("n", "CANCELED")
        assert await house.code(calls.CancelById(BTC, placed.venue_id, conditional)) == -2011

    play(kind, story)


@pytest.mark.parametrize("conditional", [False, True])
def test_nobody_knows_an_order_that_never_was(kind: str, conditional: bool) -> None:
    async def story(house: House) -> None:
        assert await house.code(calls.AskOrder(BTC, "never", conditional)) == -2013
        assert await house.code(calls.Cancel(BTC, "never", conditional)) == -2011
        if not conditional:
            assert await house.code(calls.Amend(BTC, "never", Side.BUY, D("0.01"), D(69_000))) == -2013

    play(kind, story)


def test_a_name_is_taken_while_its_order_is_open_and_no_longer(kind: str) -> None:
    async def story(house: House) -> None:
        for intent in (limit("twice", "69000"), stop("again", "60000")):
            conditional = intent.type.is_conditional
            first = await house.done(calls.Place(intent))
            assert await house.code(calls.Place(intent)) == -4116
            await house.done(calls.Cancel(BTC, intent.client_id, conditional))
            second = await house.done(calls.Place(intent))
            assert int(second.venue_id) > int(first.venue_id)
            asked = await house.done(calls.AskOrder(BTC, intent.client_id, conditional))
            assert (asked.venue_id, asked.status) == (second.venue_id, "NEW")

    play(kind, story)


def test_an_amended_order_keeps_its_number(kind: str) -> None:
    async def story(house: House) -> None:
        placed = await house.done(calls.Place(limit("a", "69000")))
        changed = await house.done(calls.Amend(BTC, "a", Side.BUY, D("0.02"), D(69_100)))
        assert (changed.venue_id, changed.quantity, changed.limit_price) == (placed.venue_id, D("0.02"), D(69_100))
        assert await house.code(calls.Amend(BTC, "a", Side.BUY, D("0.02"), D(69_100))) == -5027
        assert await house.code(calls.Amend(BTC, "a", Side.SELL, D("0.02"), D(69_200))) == -1117
        traded = await house.done(calls.Amend(BTC, "a", Side.BUY, D("0.02"), D(71_000)))
        assert traded.executed == D("0.02")

    play(kind, story)


def test_an_amendment_below_what_has_traded_ends_the_order(kind: str) -> None:
    async def story(house: House) -> None:
        house.move(D(70_000), depth="0.005")
        placed = await house.done(calls.Place(limit("a", "70000.1")))
        assert (placed.status, placed.executed) == ("PARTIALLY_FILLED", D("0.005"))
        ended = await house.done(calls.Amend(BTC, "a", Side.BUY, D("0.005"), D(70_000)))
        assert (ended.status, ended.executed) == ("CANCELED", D("0.005"))

    play(kind, story)


def test_immediate_or_cancel_takes_what_there_is_and_expires(kind: str) -> None:
    async def story(house: House) -> None:
        house.move(D(70_000), depth="0.004")
        taken = await house.done(calls.Place(limit("i", "70000.1", time_in_force=TimeInForce.IOC)))
        assert (taken.status, taken.executed) == ("EXPIRED", D("0.004"))
        none = await house.done(calls.Place(limit("j", "69000", time_in_force=TimeInForce.IOC)))
        assert (none.status, none.executed, none.average_price) == ("EXPIRED", 0, None)

    play(kind, story)


def test_fill_or_kill_is_all_or_a_refusal(kind: str) -> None:
    async def story(house: House) -> None:
        house.move(D(70_000), depth="0.004")
        assert await house.code(calls.Place(limit("f", "70000.1", time_in_force=TimeInForce.FOK))) == -5021
        assert await house.code(calls.AskOrder(BTC, "f")) == -2013
        house.move(D(70_000), depth="0.01")
        taken = await house.done(calls.Place(limit("f", "70000.1", time_in_force=TimeInForce.FOK)))
        assert (taken.status, taken.executed) == ("FILLED", D("0.01"))

    play(kind, story)


def test_a_maker_only_order_that_would_take_is_refused(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.code(calls.Place(limit("g", "70000.1", time_in_force=TimeInForce.GTX))) == -5022
        assert await house.code(calls.AskOrder(BTC, "g")) == -2013
        rests = await house.done(calls.Place(limit("g", "70000", time_in_force=TimeInForce.GTX)))
        assert (rests.status, rests.time_in_force) == ("NEW", "GTX")

    play(kind, story)


def test_a_reducing_order_closes_what_there_is_and_never_more(kind: str) -> None:
    async def story(house: House) -> None:
        reduce = market("r", Side.SELL, "0.05", reduce_only=True)
        assert await house.code(calls.Place(reduce)) == -2022
        await house.done(calls.Place(market("m")))
        closed = await house.done(calls.Place(reduce))
        assert (closed.reduce_only, closed.executed) == (True, D("0.01"))
        assert await house.done(calls.AskPositions()) == ()

    play(kind, story)


def test_an_entry_gives_way_to_our_own_resting_order(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(limit("mine", "70000", Side.SELL)))
        taker = await house.done(calls.Place(limit("mine-too", "70000")))
        assert (taker.status, taker.executed) == ("EXPIRED_IN_MATCH", 0)
        assert (await house.done(calls.AskOrder(BTC, "mine"))).status == "NEW"

    play(kind, story)


def test_a_batch_is_answered_element_by_element_in_the_order_asked(kind: str) -> None:
    async def story(house: House) -> None:
        wished = (limit("a", "69000"), limit("b", "90000"), limit("c", "69000.05"), limit("d", "69001"))
        placed = await house.done(calls.PlaceMany(wished))
        assert [one.code if isinstance(one, Refused) else one.value.client_id for one in placed] == [
            "a",
            -4016,
            -1111,
            "d",
        ]
        ended = await house.done(calls.CancelMany(BTC, ("d", "never", "a")))
        assert [one.code if isinstance(one, Refused) else one.value.status for one in ended] == [
            "CANCELED",
            -2011,
            "CANCELED",
        ]

    play(kind, story)


@pytest.mark.parametrize("count", [0, 6])
def test_a_batch_has_its_size_or_nothing_of_it_is_done(kind: str, count: int) -> None:
    async def story(house: House) -> None:
        wished = tuple(limit(f"b{at}", "69000") for at in range(count))
        assert isinstance(await house.session.ask(calls.PlaceMany(wished)), Refused)
        assert isinstance(await house.session.ask(calls.CancelMany(BTC, ("b",) * 2 * count)), Refused)
        assert await house.done(calls.AskOpenOrders()) == ()

    play(kind, story)


@pytest.mark.parametrize("intent", CONDITIONAL, ids=lambda intent: f"{intent.type} {intent.side}")
def test_a_conditional_order_waits_apart_from_the_plain_ones(kind: str, intent: calls.Intent) -> None:
    async def story(house: House) -> None:
        placed = await house.done(calls.Place(intent))
        assert (placed.conditional, placed.status, placed.type) == (True, "NEW", intent.type)
        assert (placed.trigger_price, placed.limit_price) == (intent.trigger_price, intent.limit_price)
        assert (placed.reduce_only, placed.child_id) == (intent.reduce_only, None)
        assert await house.done(calls.AskOpenOrders()) == ()
        assert [one.client_id for one in await house.done(calls.AskOpenOrders(BTC, True))] == ["c"]
        assert (await house.done(calls.AskOrder(BTC, "c", True))).venue_id == placed.venue_id
        assert (await house.done(calls.Cancel(BTC, "c", True))).status == "CANCELED"
        assert await house.done(calls.AskOpenOrders(None, True)) == ()

    play(kind, story)


def test_a_stop_that_would_fire_at_once_is_refused(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.code(calls.Place(stop("s", "70001"))) == -2021
        assert await house.code(calls.Place(stop("t", "69999", type=OrderType.TAKE_PROFIT_MARKET))) == -2021

    play(kind, story)


def test_a_stop_watches_the_mark_and_a_profit_the_last_price(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("m", quantity="0.03")))
        await house.done(calls.Place(stop("s", "69000")))
        await house.done(calls.Place(stop("t", "71000", type=OrderType.TAKE_PROFIT_MARKET)))
        house.move(D(68_900), mark=D(69_500))
        assert (await house.done(calls.AskOrder(BTC, "s", True))).status == "NEW"
        house.move(D(70_900), mark=D(71_500))
        assert (await house.done(calls.AskOrder(BTC, "t", True))).status == "NEW"
        house.move(D(69_500), mark=D(68_900))
        assert (await house.done(calls.AskOrder(BTC, "s", True))).status == "FINISHED"
        house.move(D(71_100), mark=D(70_500))
        assert (await house.done(calls.AskOrder(BTC, "t", True))).status == "FINISHED"

    play(kind, story)


def test_a_pulled_stop_lives_on_as_a_plain_order_under_our_name(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("m")))
        await house.done(calls.Place(stop("s", "69000")))
        house.move(D(68_900))
        pulled = await house.done(calls.AskOrder(BTC, "s", True))
        child = await house.done(calls.AskOrder(BTC, "s"))
        assert (pulled.status, pulled.child_id, pulled.executed) == ("FINISHED", child.venue_id, D("0.01"))
        assert (child.status, child.type, child.conditional) == ("FILLED", OrderType.MARKET, False)
        assert await house.code(calls.Cancel(BTC, "s", True)) == -2011

    play(kind, story)


def test_a_pulled_stop_that_finds_nothing_to_close_is_rejected_with_its_reason(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(stop("s", "69000")))
        house.move(D(68_900))
        pulled = await house.done(calls.AskOrder(BTC, "s", True))
        assert (pulled.status, pulled.child_id) == ("REJECTED", None)
        assert await house.code(calls.AskOrder(BTC, "s")) == -2013

    play(kind, story)


def test_sweeping_one_symbol_leaves_the_other_and_what_is_conditional(kind: str) -> None:
    async def story(house: House) -> None:
        there = replace(limit("there", "69000"), symbol=ETH)
        for intent in (limit("a", "69000"), limit("b", "71000", Side.SELL), there, stop("s", "60000")):
            await house.done(calls.Place(intent))
        assert await house.done(calls.CancelAll(BTC)) is None
        assert [one.client_id for one in await house.done(calls.AskOpenOrders())] == ["there"]
        assert [one.client_id for one in await house.done(calls.AskOpenOrders(None, True))] == ["s"]
        assert await house.done(calls.CancelAll(BTC, conditional=True)) is None
        assert await house.done(calls.AskOpenOrders(None, True)) == ()

    play(kind, story)


def test_a_countdown_sweeps_plain_orders_unless_it_is_disarmed(kind: str) -> None:
    async def story(house: House) -> None:
        there = replace(limit("there", "69000"), symbol=ETH)
        async with house.ear() as ear:
            for intent in (limit("here", "69000"), there, stop("s", "60000")):
                await house.done(calls.Place(intent))
            assert await house.done(calls.Countdown(BTC, 60_000)) is None
            await house.done(calls.Countdown(ETH, 400))
            await house.done(calls.Countdown(ETH, 0))
            await house.done(calls.Countdown(BTC, 500))
            house.elapse(600)
            await ear.words("here CANCELED CANCELED")
        assert [one.client_id for one in await house.done(calls.AskOpenOrders())] == ["there"]
        assert [one.client_id for one in await house.done(calls.AskOpenOrders(None, True))] == ["s"]

    play(kind, story)


def test_what_the_filters_forbid_is_refused_by_number(kind: str) -> None:
    async def story(house: House) -> None:
        house.move(D(3_000), ETH)
        wrong = {
            -1111: limit("w", "69000.05"),
            -4016: limit("w", "90000"),
            -4024: limit("w", "50000", Side.SELL),
            -4164: replace(limit("w", "3000", quantity="0.001"), symbol=ETH),
            -2019: market("w", quantity="90"),
            -1121: replace(limit("w", "69000"), symbol="NEVERUSDT"),
        }
        found = {code: await house.code(calls.Place(intent)) for code, intent in wrong.items()}
        assert found == {code: code for code in wrong}

    play(kind, story)


def test_hedged_the_side_of_the_position_says_what_closes(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.SetHedgeMode(True))
        long = {"position_side": PositionSide.LONG}
        opened = await house.done(calls.Place(market("o", **long)))
        assert (opened.position_side, opened.status) == (PositionSide.LONG, "FILLED")
        await house.done(calls.Place(market("p", Side.SELL, position_side=PositionSide.SHORT)))
        sides = {one.side: one.quantity for one in await house.done(calls.AskPositions())}
        assert sides == {PositionSide.LONG: D("0.01"), PositionSide.SHORT: D("-0.01")}
        assert await house.code(calls.Place(market("q"))) == -4061
        await house.done(calls.Place(market("r", Side.SELL, reduce_only=True, **long)))
        held = {one.side: one.quantity for one in await house.done(calls.AskPositions())}
        assert held[PositionSide.LONG] == 0

    play(kind, story)


def test_calls_at_one_moment_are_each_answered(kind: str) -> None:
    async def story(house: House) -> None:
        names = [f"n{at}" for at in range(10)]
        asked = [house.session.ask(calls.Place(limit(name, "69000"))) for name in names]
        answers = await asyncio.gather(*asked)
        assert [one.value.client_id for one in answers if isinstance(one, Done)] == names
        assert {one.client_id for one in await house.done(calls.AskOpenOrders())} == set(names)

    play(kind, story)
