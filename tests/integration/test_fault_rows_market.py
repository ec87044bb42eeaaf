"""Rows 28 to 31 of the fault catalogue: an account that sees a market go wrong, over real sockets.

The book itself, fed by a venue that says exactly what a test wants, is in `test_binance_market.py` under row 28.
"""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from qt_ray.adapters.binance.market_feed import TURN_MAX
from qt_ray.adapters.binance.market_streams import Stream
from qt_ray.adapters.clock import monotonic_ns, now_ms
from qt_ray.adapters.paper.control import FIRST_ACCOUNT
from qt_ray.adapters.paper.faults import Deed
from qt_ray.adapters.paper.hub import UNSENT_MAX
from qt_ray.core.limits import Limits
from qt_ray.core.orders import Cancelled, Filled, Working
from qt_ray.execution.freshness import Part
from qt_ray.execution.gateway.rules import Rules
from qt_ray.market.ticks import BestPrice, BookLost, BookTick, FeedUp
from tests.integration.accounts import SYMBOLS
from tests.integration.fault_rows import Row, tell
from tests.integration.markets import BTC, LIMITS, Scene, watch

pytestmark = pytest.mark.integration

DETECTED_S = 5.0
BAD_BOOK_MS_MAX = 2_000
ORDER_S = 1.0
HELLO = (
    "GET /public/stream?streams={names} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        (Deed.EVENT_LOSE, {"count": 1}),
        (Deed.EVENT_SPOIL, {"field": "pu", "value": "1", "count": 1}),
        (Deed.EVENT_TRUNCATE, {"count": 1}),
    ],
    ids=["lost", "pu mismatch", "cut"],
)
def test_row_28_no_entry_rests_on_a_book_with_a_gap_and_it_is_soon_whole_again(
    tmp_path: Path, deed: Deed, how: dict[str, object]
) -> None:
    async def story(scene: Scene) -> None:
        # The snapshot is late, so that there is a time in which nothing but a wrong book could be decided on.
        scene.break_(Deed.DELAY_BEFORE, method="GET", path="/fapi/v1/depth", delay_ms=300)
        # Only a book that has heard a change since its snapshot knows which one must be next.
        await scene.until(lambda: sum(isinstance(tick, BookTick) and tick.symbol == BTC for tick in scene.ticks) > 2)
        scene.break_(deed, stream="btcusdt@depth@100ms", **how)
        await scene.until(lambda: any(isinstance(tick, BookLost) for tick in scene.ticks))
        name = scene.want()
        assert "without its book" in scene.declined[name]
        await scene.sees()
        await scene.filled(scene.want())
        bad_ms = scene.market.freshness.bad_ms[BTC, Part.BOOK]
        assert 300 <= bad_ms < BAD_BOOK_MS_MAX
        books = [tick for tick in scene.ticks if isinstance(tick, BookTick) and tick.symbol == BTC]
        assert all(book.bids[0][0] < book.asks[0][0] for book in books)

    watch(tmp_path, story, Stream.DEPTH)


def test_row_29_a_feed_that_falls_silent_and_answers_pings_shuts_entries_out_until_it_speaks_again(
    tmp_path: Path,
) -> None:
    async def story(scene: Scene) -> None:
        ups = sum(isinstance(tick, FeedUp) for tick in scene.ticks)
        assert scene.do("stall", road="public")["stalled"] == 1
        began_ns = monotonic_ns()
        await scene.until(lambda: scene.why_not() is not None)
        assert f"on a {Part.BEST} older than {LIMITS.book_age_max_ms} ms" in scene.declined[scene.want()]
        await scene.until(lambda: sum(isinstance(tick, FeedUp) for tick in scene.ticks) > ups)
        assert (monotonic_ns() - began_ns) / 1e9 < DETECTED_S
        await scene.sees()
        await scene.filled(scene.want())

    watch(tmp_path, story, Stream.BEST, Stream.MARK)


def test_row_29_a_price_that_stays_frozen_ends_its_entries_while_exits_and_other_symbols_go_on(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        account, exchange = scene.stage.account, scene.stage.venue.exchange
        await scene.filled(scene.want())
        await scene.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1)
        name = scene.want(resting=True)
        await scene.until(lambda: isinstance(scene.order(name), Working))
        scene.break_(Deed.EVENT_LOSE, stream="btcusdt@markPrice*")
        began_ms = now_ms()
        await scene.until(lambda: scene.why_not() is not None)
        assert f"on a {Part.MARK} older than {LIMITS.mark_age_max_ms} ms" in scene.declined[scene.want()]
        assert isinstance(scene.order(name), Working)
        await scene.until(lambda: isinstance(scene.order(name), Cancelled))
        assert now_ms() - began_ms >= LIMITS.entry_cancel_age_ms - scene.stage.venue.settings.mark_ms
        await scene.until(lambda: scene.open_orders() == 0)
        assert len(exchange.open_algos(FIRST_ACCOUNT)) == 1
        assert {alert.title for alert in account.alerts} >= {
            "prices are too old for entries",
            "entries are cancelled, their prices are old",
        }
        assert scene.market.freshness.why_not(SYMBOLS[1], now_ms()) is None
        out = scene.close()
        await scene.filled(out)

    watch(tmp_path, story, Stream.BEST, Stream.MARK)


def test_row_29_a_feed_that_comes_late_is_as_old_as_what_it_brings(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.break_(Deed.EVENT_DELAY, stream="btcusdt@bookTicker", delay_ms=LIMITS.book_age_max_ms + 500)
        await scene.until(lambda: scene.why_not() is not None)
        heard = len(scene.ticks)
        await scene.until(lambda: any(isinstance(t, BestPrice) and t.symbol == BTC for t in scene.ticks[heard:]))
        assert "older than" in scene.declined[scene.want()]

    watch(tmp_path, story, Stream.BEST)


def test_row_30_in_a_burst_the_newest_price_counts_the_rest_is_shed_and_orders_are_heard_in_between(
    tmp_path: Path,
) -> None:
    async def story(scene: Scene) -> None:
        gone = False

        async def storm() -> None:
            while not gone:
                scene.do("burst", rounds=TURN_MAX // 2)
                most.append(scene.feed.waiting)
                await asyncio.sleep(0)

        most: list[int] = []
        read, replaced, heard = scene.feed.read, scene.feed.replaced, len(scene.ticks)
        blowing = asyncio.create_task(storm())
        await scene.until(lambda: scene.feed.read - read > 5_000)
        name = scene.want()
        await scene.filled(name)
        await scene.until(lambda: scene.feed.read - read > 20_000)
        gone = True
        await blowing
        shown = len(scene.ticks) - heard
        assert scene.feed.read - read - (scene.feed.replaced - replaced) >= shown
        assert shown < (scene.feed.read - read) / 10
        # One unread and one read price of each symbol, however much came.
        assert 0 < max(most) <= 2 * len(SYMBOLS)
        assert scene.stage.account.custody.books.entries
        await scene.sees()

    watch(tmp_path, story, Stream.BEST)


def test_row_31_whoever_never_reads_is_cut_off_and_nobody_else_is_made_to_wait(tmp_path: Path) -> None:
    async def story(row: Row) -> None:
        venue = row.stage.venue
        address = urlsplit(venue.ws_url)
        assert address.hostname
        with socket.create_connection((address.hostname, address.port or 80)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            names = "/".join(f"{symbol.lower()}@bookTicker" for symbol in SYMBOLS)
            deaf.sendall(HELLO.format(names=names, host=address.netloc).encode())
            known = set(venue.hall.hub.listeners)
            await row.stage.until(lambda: len(venue.hall.hub.listeners) > len(known))
            [listener] = venue.hall.hub.listeners - known
            kept = bursts = 0
            while listener in venue.hall.hub.listeners:
                row.do("burst", rounds=500)
                kept, bursts = max(kept, listener.line.get_write_buffer_size()), bursts + 1
                if bursts % 5:
                    await asyncio.sleep(0)
                    continue
                [name] = row.want(row.market())
                began_ns = monotonic_ns()
                await row.stage.until(lambda name=name: isinstance(row.order(name), Filled))
                assert (monotonic_ns() - began_ns) / 1e9 < ORDER_S
        assert UNSENT_MAX / 2 < kept <= UNSENT_MAX

    tell(tmp_path, story, Rules(limits=Limits(orders_per_second_max=30)))


@pytest.mark.parametrize(
    ("stream", "field", "part"),
    [("btcusdt@markPrice*", "p", Part.MARK), ("btcusdt@bookTicker", "a", Part.BEST)],
)
def test_row_41_a_price_of_a_thousand_million_moves_no_stop_and_no_entry_rests_on_it(
    tmp_path: Path, stream: str, field: str, part: Part
) -> None:
    async def story(scene: Scene) -> None:
        account, exchange = scene.stage.account, scene.stage.venue.exchange
        await scene.filled(scene.want())
        await scene.until(lambda: len(exchange.open_algos(FIRST_ACCOUNT)) == 1)
        before = exchange.open_algos(FIRST_ACCOUNT)
        scene.break_(Deed.EVENT_SPOIL, stream=stream, field=field, value='"1000000000"')
        await scene.until(lambda: scene.why_not() is not None)
        assert f"without its {part}" in scene.declined[scene.want()]
        assert "the market feed said what breaks a rule" in {alert.title for alert in account.alerts}
        scene.stage.venue.faults.remove()
        await scene.sees()
        await scene.filled(scene.want())
        assert [algo.id for algo in before] == [algo.id for algo in exchange.algos(FIRST_ACCOUNT)][:1]
        assert account.custody.books.position(BTC).quantity > 0

    watch(tmp_path, story, Stream.BEST, Stream.MARK)
