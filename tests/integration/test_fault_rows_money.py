"""The fault table's rows about money and the venue's rules, each over real sockets with a whole account at work.

A story is named by its row. What the venue holds in the end is compared with the books to the last digit.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET
from qt_ray.adapters.binance.market_streams import Stream, Wanted
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.clock import now_ms
from qt_ray.adapters.latch import Latch
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.faults import Deed, Rule
from qt_ray.adapters.paper.venue import PaperSettings
from qt_ray.adapters.trading.account_loop import Keeping
from qt_ray.adapters.trading.places import LATCH_FILE
from qt_ray.core.effects import Severity
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Intent, OrderType, Rejected, Side
from qt_ray.execution.entries import Cause
from qt_ray.execution.exchange.values import Algo, NewOrder
from qt_ray.execution.gateway.effects import Declined
from qt_ray.execution.gateway.rules import Rules
from qt_ray.market.ticks import MarkTick
from tests.integration.accounts import SYMBOLS, Stage, account_at, entry, venue_open

pytestmark = pytest.mark.integration

BTC = "BTCUSDT"
STILL = PaperSettings(symbols=SYMBOLS, seed=7, step_ms=0)
MOVING = PaperSettings(symbols=SYMBOLS, seed=7, step_ms=50)
MINUTE_MS, ROOM_MS = 60_000, 8_000
CLOSED_MS_MAX = 1_000
COUNTDOWN_MS = 1_500
ROOT = Path(__file__).parents[2]
# How long a turn of a busy machine may be, and what a market order may cost beside the best price.
TURN_MS = 50
SLIPPED = Decimal("0.01")
Story = Callable[[Stage], Awaitable[None]]


@asynccontextmanager
async def stage(folder: Path, settings: PaperSettings, rules: Rules | None) -> AsyncIterator[Stage]:
    async with venue_open(settings) as venue, account_at(venue, folder / "journal", rules) as found:
        yield found


def play(folder: Path, story: Story, settings: PaperSettings = STILL, rules: Rules | None = None) -> None:
    async def whole() -> None:
        async with stage(folder, settings, rules) as found:
            await asyncio.wait_for(story(found), 30)

    asyncio.run(whole())


def do(found: Stage, deed: str, **fields: Any) -> None:
    found.venue.control.do(deed, fields)


def want(found: Stage, intent: Intent) -> None:
    found.account.gateway.take(partial(found.account.gateway.engine.want, intent))


def resting(found: Stage, number: int) -> Intent:
    """Return an entry that waits three hundredths below the market."""
    price = (found.venue.exchange.last_price(BTC) * Decimal("0.97")).quantize(Decimal(1))
    return replace(entry(number, "0.01"), type=OrderType.LIMIT, limit_price=price)


def stops(found: Stage) -> list[Algo]:
    return found.venue.exchange.open_algos(FIRST_ACCOUNT)


def held(found: Stage, symbol: str = BTC) -> Decimal:
    return sum((p.held.quantity for p in found.venue.exchange.positions(FIRST_ACCOUNT, symbol)), Decimal(0))


def orders(found: Stage) -> int:
    return len(found.venue.exchange.open_orders(FIRST_ACCOUNT))


def agrees(found: Stage) -> bool:
    """Return whether books and venue hold the same, wallet by wallet and position by position."""
    books, exchange = found.account.custody.books, found.venue.exchange
    wallets = {asset: each.wallet for asset, each in exchange.figures(FIRST_ACCOUNT).items()}
    return books.wallets == wallets and all(books.position(s).quantity == held(found, s) for s in SYMBOLS)


def titles(found: Stage, severity: Severity) -> set[str]:
    return {alert.title for alert in found.account.alerts if alert.severity is severity}


async def buy(found: Stage, quantity: str = "0.02", number: int = 1) -> None:
    """Hold a position, protected at the venue."""
    want(found, entry(number, quantity))
    await found.until(lambda: sum(s.wanted.quantity or 0 for s in stops(found)) >= held(found) > 0)


def seen(found: Stage, path: str) -> int:
    """Return how many requests of a path a rule has met since it was put in force."""
    return sum(rule["seen"] for rule in found.venue.faults.shown()["rules"] if rule["path"] == path)


def test_rows_19_and_20_what_somebody_else_does_is_adopted_and_its_stop_goes(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        hand = NewOrder(BTC, Side.SELL, OrderType.MARKET, Decimal("0.02"), client_id="web_1")
        found.venue.exchange.place(FIRST_ACCOUNT, hand, found.venue.hall.market_ms())
        found.venue.hall.tell()
        await found.until(lambda: not stops(found) and agrees(found))
        (trade,) = found.account.custody.books.foreign
        assert trade.side is Side.SELL
        assert "somebody else trades this account" in titles(found, Severity.WARNING)
        await found.until(lambda: found.account.is_ready)

    play(tmp_path, story)


@pytest.mark.requirement("S4 RateLimit")
@pytest.mark.parametrize("answer", ["too_many", "banned"])
def test_row_32_a_ban_is_obeyed_to_the_end_and_nothing_is_asked_meanwhile(tmp_path: Path, answer: str) -> None:
    async def story(found: Stage) -> None:
        await found.until(lambda: found.account.is_ready)
        found.venue.faults.add(Rule(Deed.ANSWER_BEFORE, path="/fapi/v1/income", answer=answer, count=1))
        watch = found.venue.faults.add(Rule(Deed.DELAY_BEFORE, path="/fapi/*", nth=1_000_000))
        do(found, "deposit", amount="1")
        await found.until(lambda: seen(found, "/fapi/v1/income") > 0)
        before = watch.seen
        await asyncio.sleep(1.5)
        assert watch.seen <= before + 1

    play(tmp_path, story)


@pytest.mark.requirement("S4 RateLimit")
def test_row_33_a_stranger_at_our_weight_leaves_cancels_and_closes_their_share(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await asyncio.sleep(
            max(0, now_ms() % MINUTE_MS - MINUTE_MS + ROOM_MS) / 1_000
        )  # the venue counts by the minute
        await buy(found)
        want(found, resting(found, 2))
        await found.until(lambda: orders(found) == 1)
        await flood(found, 2_400 * 7 // 10)
        # What the stranger spent is known from the first answer to anything of ours.
        began_ms = now_ms()
        found.account.gateway.take(partial(found.account.gateway.engine.cancel, resting(found, 2).client_id, "enough"))
        await found.until(lambda: orders(found) == 0)
        await found.until(lambda: (found.session.usage().weight_minute or 0) >= 2_400 * 7 // 10)
        spent, eth = found.session.usage().weight_minute or 0, entry(3, "0.05", "ETHUSDT")
        want(found, eth)
        want(found, replace(entry(4, "0.02", side=Side.SELL), reduce_only=True))
        await found.until(lambda: held(found) == 0)
        assert now_ms() - began_ms < CLOSED_MS_MAX
        assert held(found, "ETHUSDT") == 0
        assert found.account.gateway.engine.book.orders[eth.client_id].order.kind == "planned"
        assert (found.session.usage().weight_minute or 0) - spent < 20

    play(tmp_path, story)


async def flood(found: Stage, weight: int) -> None:
    """Ask as another program at our address does, until the venue has counted so much."""
    url, counted = f"{found.venue.base_url}/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 0
    async with ClientSession() as stranger:
        while counted < weight:
            async with stranger.get(url) as answer:
                counted = int(answer.headers["X-MBX-USED-WEIGHT-1M"])


def test_row_34_a_revoked_key_is_an_alarm_and_the_venue_still_ends_our_orders(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        found.venue.faults.add(Rule(Deed.DELAY_BEFORE, path="/fapi/v1/countdownCancelAll", nth=1_000_000))
        want(found, resting(found, 2))
        await found.until(lambda: orders(found) == 1)
        await found.until(lambda: seen(found, "/fapi/v1/countdownCancelAll") >= 2)  # the first was answered by then
        watch = found.venue.faults.add(Rule(Deed.DELAY_BEFORE, path="/fapi/*", nth=1_000_000))
        do(found, "key", revoked="true")
        await found.until(lambda: orders(found) == 0)
        assert len(stops(found)) == 1
        assert watch.seen < 150
        await found.until(lambda: "the venue refuses our key" in titles(found, Severity.CRITICAL))

    play(tmp_path, story, rules=Rules(countdown_ms=2_000))


def test_row_35_changed_filters_are_read_again_and_a_refusal_is_no_loop(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        rejects = found.venue.faults.add(Rule(Deed.DELAY_BEFORE, method="POST", path="/fapi/v1/order", nth=1_000_000))
        do(found, "relist", symbol=BTC, tick="0.5", step="0.01", market_step="0.01")
        want(found, entry(2, "0.013"))
        await found.until(lambda: found.account.custody.listings.symbols[BTC].tick == Decimal("0.5"))
        assert "the venue changed its rules" in titles(found, Severity.WARNING)
        want(found, entry(3, "0.01"))
        await found.until(lambda: sum(s.wanted.quantity or 0 for s in stops(found)) >= held(found) == Decimal("0.03"))
        await found.until(lambda: agrees(found))
        assert rejects.seen == 2

    play(tmp_path, story)


async def set_leverage(found: Stage, leverage: int) -> None:
    """Set a symbol's leverage as a person at the venue's own site does: with our key and without us."""
    signer = Signer(PAPER_KEY, PAPER_SECRET)
    query = signer.sign(f"symbol={BTC}&leverage={leverage}&timestamp={now_ms()}")
    url = URL(f"{found.venue.base_url}/fapi/v1/leverage?{query}", encoded=True)
    async with ClientSession(headers={"X-MBX-APIKEY": signer.api_key}) as hand, hand.post(url) as answer:
        assert answer.status == 200


def test_row_36_leverage_raised_by_hand_stops_entries_in_its_symbol_until_it_is_lowered(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        declined: list[str] = []
        found.account.gateway.listen(
            lambda effect, at_ms: declined.append(effect.reason) if isinstance(effect, Declined) else None
        )
        await set_leverage(found, 50)
        await found.until(lambda: "a symbol's leverage was set" in titles(found, Severity.WARNING))
        want(found, entry(2, "0.01"))
        assert declined == [f"no entry in BTCUSDT at a leverage above {Limits().leverage_max}, is 50"]
        want(found, entry(3, "0.1", "ETHUSDT"))
        await found.until(lambda: held(found, "ETHUSDT") > 0)
        want(found, replace(entry(4, "0.02", side=Side.SELL), reduce_only=True))
        await found.until(lambda: held(found) == 0)
        await set_leverage(found, 5)
        await found.until(lambda: found.account.alerts_count >= 2)
        want(found, entry(5, "0.01"))
        await found.until(lambda: held(found) == Decimal("0.01") and agrees(found))
        assert len(declined) == 1

    play(tmp_path, story)


def test_row_36_a_bracket_that_is_lowered_lowers_our_leverage_and_what_is_too_much_is_no_order(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found, "0.01", number=3)
        watch = found.venue.faults.add(Rule(Deed.DELAY_BEFORE, method="POST", path="/fapi/v1/order", nth=1_000_000))
        do(found, "relist", symbol=BTC, leverage_max="1")
        await found.until(lambda: "a symbol's leverage was set" in titles(found, Severity.WARNING))
        (told,) = [alert.detail for alert in found.account.alerts if alert.title == "a symbol's leverage was set"]
        assert told == "BTCUSDT: 1"
        balance = found.venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet
        much = (balance * 2 / found.venue.exchange.last_price(BTC)).quantize(Decimal("0.001"))
        wanted = entry(1, str(much))
        want(found, wanted)
        order = found.account.gateway.engine.book.orders
        await found.until(lambda: isinstance(order[wanted.client_id].order, Rejected))
        want(found, entry(2, "0.011"))
        await found.until(lambda: held(found) == Decimal("0.021"))
        assert watch.seen == 2

    play(tmp_path, story)


def test_row_37_funding_of_either_sign_and_told_twice_is_booked_once(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        found.venue.faults.add(Rule(Deed.EVENT_DUPLICATE, event="ACCOUNT_UPDATE"))
        for rate in ("0.02", "-0.02", "0.0001"):
            do(found, "fund", symbol=BTC, rate=rate)
        await found.until(lambda: agrees(found))
        paid = [i for i in found.venue.exchange.incomes(FIRST_ACCOUNT) if i.kind == "FUNDING_FEE"]
        assert len(paid) == 3
        assert found.account.custody.books.total(Cause.FUNDING, "USDT") == sum(i.amount for i in paid)

    play(tmp_path, story)


@pytest.mark.parametrize("over_ms", [2_000, 0], ids=["in two seconds", "at once"])
def test_row_38_a_flash_crash_goes_through_the_stop_once_and_costs_no_more_than_its_gap(
    tmp_path: Path, over_ms: int
) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        bought, price = held(found), found.venue.exchange.last_price(BTC)
        began = found.venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet
        do(found, "jump", symbol=BTC, factor="0.7", over_ms=over_ms)
        await found.until(lambda: held(found) == 0 and not stops(found))
        await found.until(lambda: found.venue.exchange.last_price(BTC) < price * Decimal("0.72"))
        do(found, "jump", symbol=BTC, factor="1.43", over_ms=200)
        await asyncio.sleep(0.5)
        await found.until(lambda: agrees(found))
        trades = found.venue.exchange.trades(FIRST_ACCOUNT, BTC)
        assert sum(t.quantity for t in trades if t.side is Side.BUY) == bought
        assert held(found) == 0
        lost = began - found.venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet
        # A fall that takes its time is caught at the stop's distance and a few steps of the fall; a gap is the gap.
        steps = Decimal("0.3") * 4 * (MOVING.step_ms + TURN_MS) / over_ms if over_ms else Decimal("0.3")
        gap = Keeping().stop_distance + steps if over_ms else steps
        assert 0 < lost < bought * price * (gap + SLIPPED)

    play(tmp_path, story, MOVING)


def test_row_39_deleveraging_is_an_alarm_and_a_liquidation_an_emergency_with_equal_books(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        for number in range(1, 6):
            want(found, entry(number, f"0.5{number}"))
            await asyncio.sleep(0.25)
        await found.until(lambda: found.account.gateway.engine.is_settled and agrees(found) and held(found) > 2)
        price, whole = found.venue.exchange.last_price(BTC), held(found)
        do(found, "deleverage", symbol=BTC, quantity="0.04", price=str(price))
        await found.until(lambda: held(found) == whole - Decimal("0.04") and agrees(found))
        assert "the venue closed a position by force" in titles(found, Severity.CRITICAL)
        await found.until(lambda: found.account.is_ready)
        want(found, resting(found, 7))
        await found.until(lambda: orders(found) == 1)
        await starved(found)
        await found.until(lambda: held(found) == 0)
        await found.until(lambda: agrees(found) and not stops(found) and orders(found) == 0)
        forced = [
            o.client_id for o in found.venue.exchange.orders(FIRST_ACCOUNT) if o.client_id.startswith("autoclose")
        ]
        assert len(forced) > 1, "in part first, then the rest"
        assert found.venue.exchange.figures(FIRST_ACCOUNT)["USDT"].wallet >= 0
        assert "entries are shut out by the latch" in titles(found, Severity.CRITICAL)
        state = Latch(tmp_path / LATCH_FILE).state()
        assert state.closed
        assert state.by == "account"
        declined: list[str] = []
        found.account.gateway.listen(
            lambda effect, at_ms: declined.append(effect.reason) if isinstance(effect, Declined) else None
        )
        want(found, entry(8, "0.01"))
        assert declined == ["no entry in an emergency"]

    play(tmp_path, story, MOVING)


async def starved(found: Stage) -> None:
    """Take money out until what is left covers no more than nine tenths of what the position must have."""
    figures = found.venue.exchange.figures(FIRST_ACCOUNT)["USDT"]
    kept = figures.maintenance * Decimal("0.9")
    amount = figures.wallet + figures.unrealised - kept
    do(found, "deposit", amount=str(-amount.quantize(Decimal("0.01"))))


def test_row_40_a_stop_waits_for_the_mark_and_not_for_the_last_price(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        (stop,) = stops(found)
        assert stop.wanted.working == "MARK_PRICE"
        do(found, "split", symbol=BTC, factor="1.1", for_ms="60000")
        do(found, "jump", symbol=BTC, factor="0.93")
        trigger = stop.wanted.trigger_price or Decimal(0)
        await found.until(lambda: found.venue.exchange.last_price(BTC) < trigger)
        await asyncio.sleep(0.3)
        assert [each.id for each in stops(found)] == [stop.id]
        assert held(found) == Decimal("0.02")

    play(tmp_path, story, MOVING)


@pytest.mark.parametrize("spoilt", ["0", "-1", "NaN", "1e400", "Infinity"])
def test_row_41_a_price_that_is_none_never_leaves_the_market_stream(tmp_path: Path, spoilt: str) -> None:
    async def story(found: Stage) -> None:
        found.venue.faults.add(Rule(Deed.EVENT_SPOIL, stream="btcusdt@markPrice*", field="p", value=spoilt, count=2))
        ticks = found.session.market(Wanted((BTC,), frozenset({Stream.MARK}))).listen()
        heard = [await anext(ticks) for _ in range(4)]
        await ticks.aclose()  # type: ignore[attr-defined]
        marks = [tick.mark for tick in heard if isinstance(tick, MarkTick)]
        assert all(mark.is_finite() and mark > 0 for mark in marks)

    play(tmp_path, story, PaperSettings(symbols=SYMBOLS, seed=7, speed=10))


def test_row_42_withdrawals_bonuses_and_fees_in_another_asset_are_kept_by_asset(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        do(found, "deposit", amount="-123.45678901")
        do(found, "deposit", amount="10", reason="WELCOME_BONUS")
        do(found, "deposit", asset="BNB", amount="5")
        found.venue.exchange.set_fee_burn(FIRST_ACCOUNT, True, found.venue.hall.market_ms())
        await found.until(lambda: agrees(found))
        await buy(found)
        await found.until(lambda: agrees(found))
        assert found.account.custody.books.total(Cause.FEES, "BNB") < 0
        assert found.account.custody.books.total(Cause.FEES, "USDT") == 0

    play(tmp_path, story, PaperSettings(symbols=(*SYMBOLS, "BNBUSDT"), seed=7, step_ms=0))


def test_row_43_a_sick_program_lets_the_venue_end_its_orders_and_places_none_anew(tmp_path: Path) -> None:
    async def story(found: Stage) -> None:
        await buy(found)
        want(found, resting(found, 2))
        await found.until(lambda: orders(found) == 1)
        engine = found.account.gateway.engine
        found.account.gateway.take(partial(engine.felt, False))
        began_ms = now_ms()
        await found.until(lambda: orders(found) == 0)
        assert now_ms() - began_ms < 2_500
        found.account.gateway.take(partial(engine.felt, True))
        await asyncio.sleep(1)
        assert orders(found) == 0
        assert len(stops(found)) == 1

    play(tmp_path, story, rules=Rules(countdown_ms=2_000))


def test_row_43_a_process_that_is_stopped_leaves_no_order_behind_and_places_none_when_it_wakes(tmp_path: Path) -> None:
    async def whole() -> None:
        async with venue_open(STILL) as venue:
            price = (venue.exchange.last_price(BTC) * Decimal("0.97")).quantize(Decimal(1))
            asked = {"rest": venue.base_url, "streams": venue.ws_url, "folder": str(tmp_path / "journal")}
            words = json.dumps({**asked, "price": str(price), "countdown_ms": COUNTDOWN_MS})
            sleeper = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.integration.sleeper", words, stdin=PIPE, stdout=PIPE, cwd=ROOT
            )
            assert sleeper.stdin is not None
            assert sleeper.stdout is not None
            try:
                name = json.loads(await asyncio.wait_for(sleeper.stdout.readline(), 20))["name"]
                await asyncio.sleep(COUNTDOWN_MS / 1_000)
                assert len(venue.exchange.open_orders(FIRST_ACCOUNT)) == 1, "wound while it is well"
                sleeper.send_signal(signal.SIGSTOP)
                began_ms = now_ms()
                while venue.exchange.open_orders(FIRST_ACCOUNT):
                    await asyncio.sleep(0.005)
                exposed_ms = now_ms() - began_ms
                assert exposed_ms < COUNTDOWN_MS + 500
                await asyncio.sleep(0.5)
                sleeper.send_signal(signal.SIGCONT)
                await asyncio.sleep(1.5)
                orders = [order.client_id for order in venue.exchange.orders(FIRST_ACCOUNT)]
                assert orders == [name], "nothing is placed anew"
                sleeper.stdin.write(b"\n")
                told = json.loads(await asyncio.wait_for(sleeper.stdout.readline(), 20))
                assert told == {"states": ["cancelled"], "is_ready": True}
                assert await asyncio.wait_for(sleeper.wait(), 20) == 0
            finally:
                if sleeper.returncode is None:
                    sleeper.kill()
                    await sleeper.wait()

    asyncio.run(whole())
