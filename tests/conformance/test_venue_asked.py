"""The venue port, whoever stands behind it: what is shown when it is asked, and what setting something changes."""

from decimal import Decimal

import pytest

from qt_ray.adapters.paper.listings import listings
from qt_ray.core.errors import Invalid
from qt_ray.core.orders import PositionSide, Side
from qt_ray.execution.venue import calls
from qt_ray.execution.venue.contracts import Fees, instrument_of
from qt_ray.execution.venue.views import KeyView
from tests.conformance.houses import ACCOUNT, BTC, ETH, HOUSES, PRICE, WALLET, House, limit, market, play

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", HOUSES)]

D = Decimal


def test_trades_are_paged_from_a_number_on(kind: str) -> None:
    async def story(house: House) -> None:
        for at in range(5):
            await house.done(calls.Place(market(f"m{at}", Side.SELL if at % 2 else Side.BUY)))
        whole = await house.done(calls.AskTrades(BTC))
        numbers = [one.execution.trade_id for one in whole]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 5
        paged: list[int] = []
        while page := await house.done(calls.AskTrades(BTC, from_id=paged[-1] + 1 if paged else 0, limit=2)):
            assert len(page) <= 2
            paged += [one.execution.trade_id for one in page]
        assert paged == numbers
        newest = await house.done(calls.AskTrades(BTC, limit=1))
        assert [one.execution.trade_id for one in newest] == numbers[-1:]
        assert await house.done(calls.AskTrades(ETH)) == ()
        since = whole[0].execution.time_ms
        assert await house.done(calls.AskTrades(BTC, since_ms=since)) == whole
        assert await house.done(calls.AskTrades(BTC, since_ms=house.now_ms() + 60_000)) == ()

    play(kind, story)


def test_a_trade_says_all_that_it_did(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("in")))
        house.move(D(71_000))
        closed = await house.done(calls.Place(market("out", Side.SELL, reduce_only=True)))
        _, trade = await house.done(calls.AskTrades(BTC))
        assert (trade.order_id, trade.side, trade.position_side) == (closed.venue_id, Side.SELL, PositionSide.BOTH)
        done = trade.execution
        assert (done.quantity, done.price, done.maker, done.fee_asset) == (D("0.01"), D("70999.9"), False, "USDT")
        assert done.fee == (done.quantity * done.price * D("0.0005")).quantize(D("1e-8"))
        assert trade.realised == D("9.998")

    play(kind, story)


def test_income_adds_up_to_what_the_wallet_became(kind: str) -> None:
    async def story(house: House) -> None:
        await house.done(calls.Place(market("in")))
        house.world(lambda exchange, now_ms: exchange.fund(BTC, D("0.001"), now_ms))
        house.world(lambda exchange, now_ms: exchange.deposit(ACCOUNT, "USDT", D(500), now_ms))
        house.move(D(71_000))
        await house.done(calls.Place(market("out", Side.SELL, reduce_only=True)))
        moved = await house.done(calls.AskIncome(0))
        kinds = ["COMMISSION", "FUNDING_FEE", "TRANSFER", "REALIZED_PNL", "COMMISSION"]
        assert [one.kind for one in moved] == kinds
        assert [bool(one.trade_id) for one in moved] == [True, False, False, True, True]
        wallet = (await house.done(calls.AskAccount())).wallets["USDT"]
        assert wallet == WALLET + sum(one.amount for one in moved)
        (funding,) = await house.done(calls.AskIncome(0, "FUNDING_FEE"))
        assert (funding.amount, funding.symbol, funding.asset) == (D("-0.7"), BTC, "USDT")
        assert len({one.id for one in moved}) == 5
        assert len(await house.done(calls.AskIncome(0, limit=2))) == 2
        assert await house.done(calls.AskIncome(house.now_ms() + 60_000)) == ()

    play(kind, story)


def test_a_position_is_shown_at_the_mark(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.done(calls.AskPositions()) == ()
        await house.done(calls.Place(market("m", Side.SELL, "0.02")))
        house.move(D(69_000))
        (held,) = await house.done(calls.AskPositions(BTC))
        assert (held.symbol, held.side, held.quantity) == (BTC, PositionSide.BOTH, D("-0.02"))
        assert (held.entry, held.mark, held.unrealised) == (D("69999.9"), D(69_000), D("19.998"))
        assert (held.isolated_wallet, held.liquidation is not None) == (None, True)
        assert held.liquidation > held.mark
        assert await house.done(calls.AskPositions(ETH)) == ()

    play(kind, story)


def test_an_isolated_position_has_a_wallet_of_its_own(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.done(calls.SetMargin(BTC, True)) is None
        await house.done(calls.SetLeverage(BTC, 10))
        await house.done(calls.Place(market("m")))
        (held,) = await house.done(calls.AskPositions())
        assert held.isolated_wallet == D("70.0001")
        assert await house.code(calls.SetMargin(BTC, False)) == -4048

    play(kind, story)


def test_the_account_holds_its_margin_apart(kind: str) -> None:
    async def story(house: House) -> None:
        fresh = await house.done(calls.AskAccount())
        assert (fresh.wallets, fresh.available) == ({"USDT": WALLET}, WALLET)
        assert (fresh.can_trade, fresh.initial_margin, fresh.unrealised) == (True, 0, 0)
        await house.done(calls.SetLeverage(BTC, 10))
        await house.done(calls.Place(market("m")))
        await house.done(calls.Place(limit("l", "69000")))
        house.move(D(70_100))
        found = await house.done(calls.AskAccount())
        assert found.unrealised == D("0.999")
        assert found.initial_margin == D("0.01") * 70_100 / 10 + D(690) / 10
        assert found.margin_balance == found.wallets["USDT"] + found.unrealised
        assert found.available == found.margin_balance - found.initial_margin
        assert found.maintenance_margin > 0

    play(kind, story)


def test_leverage_and_margin_are_read_back_as_they_were_set(kind: str) -> None:
    async def story(house: House) -> None:
        fresh = await house.done(calls.AskMode())
        assert (fresh.hedge, fresh.multi_assets, set(fresh.symbols)) == (False, False, {BTC, ETH})
        assert (fresh.symbols[BTC].leverage, fresh.symbols[BTC].isolated) == (20, False)
        shown = await house.done(calls.SetLeverage(BTC, 5))
        assert (shown.symbol, shown.leverage) == (BTC, 5)
        assert shown.notional_max > fresh.symbols[BTC].notional_max
        await house.done(calls.SetMargin(ETH, True))
        await house.done(calls.SetHedgeMode(True))
        found = await house.done(calls.AskMode())
        assert (found.hedge, found.symbols[BTC]) == (True, shown)
        assert (found.symbols[ETH].isolated, found.symbols[BTC].isolated) == (True, False)

    play(kind, story)


def test_what_is_so_already_or_cannot_be_is_refused(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.code(calls.SetMargin(BTC, False)) == -4046
        assert await house.code(calls.SetHedgeMode(False)) == -4059
        assert await house.code(calls.SetLeverage(BTC, 500)) == -4028
        await house.done(calls.Place(limit("l", "69000")))
        assert await house.code(calls.SetMargin(BTC, True)) == -4047
        assert await house.code(calls.SetHedgeMode(True)) == -4067
        await house.done(calls.CancelAll(BTC))
        await house.done(calls.Place(market("m")))
        assert await house.code(calls.SetHedgeMode(True)) == -4068

    play(kind, story)


def test_rules_and_brackets_are_those_of_the_listing(kind: str) -> None:
    async def story(house: House) -> None:
        rules, brackets = await house.done(calls.AskRules()), await house.done(calls.AskBrackets())
        limits = (rules.weight_minute, rules.orders_ten_seconds, rules.orders_minute)
        assert limits == (2_400, 300, 1_200)
        assert set(rules.symbols) == set(brackets) == {BTC, ETH}
        for symbol, listing in listings((BTC, ETH)).items():
            found = rules.symbols[symbol]
            assert (found.status, found.contract, found.quote) == ("TRADING", "PERPETUAL", "USDT")
            sizes = (found.tick, found.step, found.quantity_min, found.notional_min, found.orders_max)
            wanted = (listing.tick, listing.step, listing.quantity_min, listing.notional_min, listing.orders_max)
            assert sizes == wanted
            assert [one.leverage_max for one in brackets[symbol]] == [t.leverage_max for t in listing.brackets]
            instrument = instrument_of(found, brackets[symbol], Fees(listing.maker_rate, listing.taker_rate))
            assert instrument.symbol == symbol

    play(kind, story)


def test_the_book_has_our_own_orders_in_it(kind: str) -> None:
    async def story(house: House) -> None:
        before = await house.done(calls.AskBook(BTC, 5))
        assert (before.bids, before.asks) == (((D("69999.9"), D(100)),), ((D("70000.1"), D(100)),))
        await house.done(calls.Place(limit("l", "70000", quantity="0.5")))
        after = await house.done(calls.AskBook(BTC, 5))
        assert after.bids == ((D(70_000), D("0.5")), (D("69999.9"), D(100)))
        assert after.update_id > before.update_id
        assert await house.code(calls.AskBook("NEVERUSDT", 5)) == -1121

    play(kind, story)


def test_a_book_is_as_deep_as_was_asked_and_no_depth_is_asked_that_a_venue_does_not_show(kind: str) -> None:
    async def story(house: House) -> None:
        for away in range(1, 8):
            price = str(69_990 - away)
            await house.done(calls.Place(limit(f"b{away}", price, quantity="0.01")))
        shown = {levels: await house.done(calls.AskBook(BTC, levels)) for levels in calls.LEVELS}
        assert {levels: len(book.bids) for levels, book in shown.items()} == {n: min(n, 8) for n in calls.LEVELS}
        assert all(book.bids == shown[1_000].bids[:levels] for levels, book in shown.items())
        for levels in (0, 7, 5_000):
            with pytest.raises(Invalid, match=f"5, 10, 20, 50, 100, 500, 1000 levels deep, was {levels}"):
                calls.AskBook(BTC, levels)

    play(kind, story)


def test_marks_are_shown_for_every_symbol(kind: str) -> None:
    async def story(house: House) -> None:
        house.move(D(70_500), mark=D(70_400))
        marks = await house.done(calls.AskMarks())
        assert set(marks) == {BTC, ETH}
        found = marks[BTC]
        assert (found.mark, found.index, found.funding_rate) == (D(70_400), D(70_400), D("0.0001"))
        assert marks[ETH].mark == PRICE
        assert found.next_funding_ms % 28_800_000 == 0
        assert 0 < found.next_funding_ms - house.now_ms() <= 28_800_000

    play(kind, story)


def test_the_clock_is_the_venues(kind: str) -> None:
    async def story(house: House) -> None:
        assert abs(await house.done(calls.AskTime()) - house.now_ms()) < 1_000

    play(kind, story)


def test_a_key_says_what_it_may_do(kind: str) -> None:
    async def story(house: House) -> None:
        assert await house.done(calls.AskKey()) == KeyView(True, False, True)

    play(kind, story)


def test_a_symbol_that_nobody_lists_is_refused_wherever_it_is_named(kind: str) -> None:
    async def story(house: House) -> None:
        never = "NEVERUSDT"
        for call in (
            calls.AskOpenOrders(never),
            calls.AskOpenOrders(never, True),
            calls.AskTrades(never),
            calls.CancelAll(never),
            calls.CancelAll(never, True),
            calls.Countdown(never, 1_000),
            calls.SetLeverage(never, 5),
            calls.SetMargin(never, True),
        ):
            assert await house.code(call) == -1121, call

    play(kind, story)
