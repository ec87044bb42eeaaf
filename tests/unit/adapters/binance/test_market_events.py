import gzip
from decimal import Decimal
from typing import Any

import orjson
import pytest

from qt_ray.adapters.binance.fields import Fields
from qt_ray.adapters.binance.market_events import candle_row, tick_of
from qt_ray.adapters.binance.rules import book_view
from qt_ray.core.errors import Invalid
from qt_ray.execution.venue.news import Unheeded, Unreadable
from qt_ray.market.book import Heard, OrderBook
from qt_ray.market.ticks import BestPrice, BookChange, Candle, MarketTrade
from tests.unit.adapters.binance.recorded import FOLDER, bodies, lines

pytestmark = pytest.mark.unit

TRADE = {"e": "aggTrade", "E": 3, "a": 5933014, "s": "BTCUSDT", "p": "0.001", "q": "100", "T": 2, "m": True}
BAR = {"t": 60_000, "s": "X", "i": "1m", "o": "2", "c": "2.5", "h": "3", "l": "1", "v": "9", "x": True}
CHANGE = {"e": "depthUpdate", "E": 2, "T": 1, "s": "X", "U": 157, "u": 160, "pu": 149, "b": [["0.0024", "10"]], "a": []}


def heard(message: Any) -> object:
    return tick_of(orjson.dumps(message), 9)


def test_messages_are_ticks_to_the_last_digit() -> None:
    assert heard(TRADE) == MarketTrade("BTCUSDT", 5933014, Decimal("0.001"), Decimal(100), True, 2)
    assert heard({"stream": "s", "data": CHANGE}) == BookChange(
        "X", 157, 160, 149, ((Decimal("0.0024"), Decimal(10)),), (), 1
    )
    bar = Candle("X", "1m", 60_000, Decimal(2), Decimal(3), Decimal(1), Decimal("2.5"), Decimal(9), True)
    assert heard({"e": "kline", "E": 1, "s": "X", "k": BAR}) == bar
    assert candle_row("X", "1m", [60_000, "2", "3", "1", "2.5", "9", 119_999]) == bar


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({**TRADE, "p": "0"}, "aggTrade.p: above zero"),
        ({**TRADE, "p": "-1"}, "aggTrade.p: above zero"),
        ({**TRADE, "p": "NaN"}, "aggTrade.p: a number"),
        ({**TRADE, "p": 5}, "aggTrade.p: a number"),
        ({**CHANGE, "b": [["1e400", "1"]]}, "depthUpdate.b[0].price: a number"),
        ({"e": "kline", "E": 1, "k": {**BAR, "h": "2.4"}}, "low, open and close, high in this order"),
        ([], "message: an object"),
        ({"id": 1, "error": {"code": 2, "msg": "Invalid request"}}, "subscription: taken, was refused"),
    ],
)
def test_what_breaks_a_rule_names_it(message: Any, rule: str) -> None:
    found = heard(message)
    assert isinstance(found, Unreadable)
    assert rule in found.rule


def test_what_is_no_json_or_no_row_is_said() -> None:
    assert isinstance(tick_of(b'{"e":', 9), Unreadable)
    assert heard({"e": "forceOrder"}) == Unheeded("forceOrder", 9)
    assert heard({"result": None, "id": 1}) == Unheeded("None", 9)
    with pytest.raises(Invalid, match="a row of at least 6"):
        candle_row("X", "1m", [1])


def test_every_recorded_message_is_read() -> None:
    for text in lines("nautilus_binance/market_data_json/*.json"):
        assert not isinstance(tick_of(text, 9), Unreadable)
    for body in bodies("rest/*.json"):
        rows = [candle_row("BTCUSDT", "1m", row) for row in body["GET_fapi_v1_klines"]]
        assert [row.open_ms for row in rows] == sorted(row.open_ms for row in rows)


def test_a_recorded_book_follows_from_its_snapshot() -> None:
    story = [orjson.dumps(CHANGE), b'{"lastUpdateId":150,"bids":[["0.0023","1"]],"asks":[["0.0026","2"]]}']
    recorded = FOLDER / "ws_market" / "usdm_btcusdt_raw_ws_20240808.txt.gz"
    stories = [("X", story)]
    if recorded.exists():
        messages = [line.partition(b" ")[2] for line in gzip.decompress(recorded.read_bytes()).splitlines()]
        stories.append(("BTCUSDT", messages))
    for symbol, messages in stories:
        follow(symbol, messages)


def follow(symbol: str, messages: list[bytes]) -> None:
    book, applied = OrderBook(symbol), 0
    for message in messages:
        body = orjson.loads(message)
        if "lastUpdateId" in body:
            snapshot = book_view(symbol, Fields(body, "depth"))
            assert book.start(snapshot.update_id, snapshot.bids, snapshot.asks)
            continue
        tick = tick_of(message, 9)
        assert not isinstance(tick, Unreadable)
        if isinstance(tick, BookChange):
            before, change = book.is_whole, book.hear(tick)
            assert change is (Heard.APPLIED if before else Heard.WAITING)
            applied += 1
        if isinstance(tick, BestPrice) and tick.update_id == book.update_id:
            bids, asks = book.top(1)
            assert (bids[0], asks[0]) == ((tick.bid, tick.bid_quantity), (tick.ask, tick.ask_quantity))
    assert book.is_whole
    assert applied
